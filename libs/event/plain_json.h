// The plainest native JSON, read in one pass: what nearly all producers send nearly always.
#ifndef KINDRED_EVENT_PLAIN_JSON_H_
#define KINDRED_EVENT_PLAIN_JSON_H_

#include "absl/strings/string_view.h"
#include "event/decode_context.h"
#include "event/event.h"

namespace kindred::event {

// True: the text is a native event, and `event`, which was cleared, is what JsonParser and
// DecodeNativeJson() make of it; its text are views into `text`. False: the text is none, or not
// plain enough to be judged here, and `event` and context.arena hold something.
//
// Plain is an object of strings without escapes, numbers of up to 15 digits without exponent, true,
// false and null, with "geo", "traits" and "properties" as such objects; no CloudEvent, and nothing
// that may be a Segment call.
bool DecodePlainJson(DecodeContext& context, absl::string_view text, Event* event);

}  // namespace kindred::event

#endif  // KINDRED_EVENT_PLAIN_JSON_H_
