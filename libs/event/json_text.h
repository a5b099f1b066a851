// Writes canonical JSON text, so that one value has one text whatever format it came in: numbers
// that are whole (below 2^63) without a fraction, others in the shortest form that reads back the
// same (from 2^63 with an exponent), NaN and infinities as null, no spaces, keys of objects sorted
// (of equal keys the last).
#ifndef KINDRED_EVENT_JSON_TEXT_H_
#define KINDRED_EVENT_JSON_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace kindred::event {

void AppendJsonNumber(double value, std::string* out);
void AppendJsonInteger(int64_t value, std::string* out);
void AppendJsonUnsigned(uint64_t value, std::string* out);

// In quotes. `text` must be UTF-8.
void AppendJsonString(absl::string_view text, std::string* out);

}  // namespace kindred::event

#endif  // KINDRED_EVENT_JSON_TEXT_H_
