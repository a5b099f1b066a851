// What the decoders of all formats share: where text goes, the limits, and why decoding failed.
// Decoding functions return false after Fail, and then nobody looks at what they made.
#ifndef KINDRED_EVENT_DECODE_CONTEXT_H_
#define KINDRED_EVENT_DECODE_CONTEXT_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "event/decoder.h"
#include "event/field_order.h"
#include "event/text_arena.h"

namespace kindred::event {

struct DecodeContext {
  TextArena arena;
  std::string scratch;  // for making text before it goes to the arena
  FieldOrder order;     // of plain JSON's fields in the records so far
  int max_depth = 64;
  size_t max_events = 1000;
  DecodeFailure failure = DecodeFailure::kNone;
  std::string detail;

  // Always false.
  bool Fail(DecodeFailure why, std::string what) {
    failure = why;
    detail = std::move(what);
    return false;
  }
  // Names are the producer's, so they are cut short.
  bool FailType(absl::string_view field, absl::string_view expected, absl::string_view got) {
    return Fail(DecodeFailure::kWrongType,
                absl::StrCat(field.substr(0, 64), ": expected ", expected, ", got ", got));
  }
};

}  // namespace kindred::event

#endif  // KINDRED_EVENT_DECODE_CONTEXT_H_
