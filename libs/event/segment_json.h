// A call of the Segment specification (segment.com/docs/connections/spec) → events.
#ifndef KINDRED_EVENT_SEGMENT_JSON_H_
#define KINDRED_EVENT_SEGMENT_JSON_H_

#include <vector>

#include "event/decode_context.h"
#include "event/event.h"
#include "event/json_value.h"

namespace kindred::event {

// track, identify, page, screen, group or alias. An order, a list or a refund with products becomes
// one event for each product: order-level properties, traits and consents stay with the first, and
// ids are "<messageId>#<line>" where there is more than one line.
// Time: timestamp, else receivedAt - (sentAt - originalTimestamp), else originalTimestamp, sentAt,
// receivedAt, whichever is there.
bool DecodeSegmentJson(DecodeContext& context, dom::object call, std::vector<Event>* events);

}  // namespace kindred::event

#endif  // KINDRED_EVENT_SEGMENT_JSON_H_
