// Reads values of a parsed JSON document into fields. An explicit null means the same as no field:
// the functions leave `out` as it is. On a value of another type they Fail with the field's name.
// Text lives in the parser's buffer until its next document.
#ifndef KINDRED_EVENT_JSON_VALUE_H_
#define KINDRED_EVENT_JSON_VALUE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "event/decode_context.h"
#include "event/event.h"
#include "simdjson.h"

namespace kindred::event {

namespace dom = simdjson::dom;

inline absl::string_view ToView(std::string_view text) { return {text.data(), text.size()}; }

// "a string", "an object" …
absl::string_view JsonKind(dom::element value);

// A string.
bool ReadText(DecodeContext& context, absl::string_view name, dom::element value,
              absl::string_view* out);
// A string, or a whole number, which producers with numeric keys send.
bool ReadId(DecodeContext& context, absl::string_view name, dom::element value,
            absl::string_view* out);
// A number, or a string that holds nothing but one (also "NaN", "Infinity", as proto3 JSON has it);
// an empty string is absent.
bool ReadNumber(DecodeContext& context, absl::string_view name, dom::element value,
                std::optional<double>* out);
// A number of milliseconds since 1970 UTC, or a string that ParseTime reads; an empty string is
// absent.
bool ReadTime(DecodeContext& context, absl::string_view name, dom::element value,
              std::optional<int64_t>* out);
// true, false, or their names as strings.
bool ReadBool(DecodeContext& context, absl::string_view name, dom::element value,
              std::optional<bool>* out);
// An object; nothing for null.
bool ReadObject(DecodeContext& context, absl::string_view name, dom::element value,
                std::optional<dom::object>* out);

// Canonical text (json_text.h).
void AppendJson(dom::element value, std::string* out);

// Adds the field unless it is null.
void AddField(DecodeContext& context, absl::string_view name, dom::element value,
              std::vector<JsonField>* out);

}  // namespace kindred::event

#endif  // KINDRED_EVENT_JSON_VALUE_H_
