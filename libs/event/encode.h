// Event → bytes, for tools that produce events and for tests. Decoding gives the event back, as far
// as the format can say it.
#ifndef KINDRED_EVENT_ENCODE_H_
#define KINDRED_EVENT_ENCODE_H_

#include <string>

#include "absl/status/statusor.h"
#include "event/event.h"
#include "event/item.h"

namespace kindred::event {

// Native JSON in snake_case, one line.
std::string EncodeJson(const Event& event);

// kindred.event.v1.Event. Traits and properties whose text is not JSON are left out.
std::string EncodeProto(const Event& event);

// One call of the Segment specification; a purchase is an order of one product. Says all but
// (InvalidArgument) delete, link, unlink and an event without type. Checkout and promotion come
// back with one more property, "action"; properties named as Segment names fields (name, sku, value
// …) come back as those fields.
absl::StatusOr<std::string> EncodeSegmentJson(const Event& event);

// A structured CloudEvent around native JSON. Type and time are said by the attributes alone where
// they can say them.
std::string EncodeCloudEvent(const Event& event);

// Native JSON of a catalogue record.
std::string EncodeItemJson(const Item& item);

}  // namespace kindred::event

#endif  // KINDRED_EVENT_ENCODE_H_
