// The events of a Segment track call, by name: the e-commerce specification, version 2
// (segment.com/docs/connections/spec/ecommerce/v2).
#ifndef KINDRED_EVENT_SEGMENT_TRACK_H_
#define KINDRED_EVENT_SEGMENT_TRACK_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "event/decode_context.h"
#include "event/event.h"
#include "event/json_value.h"

namespace kindred::event {

// What a track event's name means.
struct TrackRule {
  EventType type = EventType::kCustom;
  // One event for each of its products.
  bool fans_out = false;
  // What it is when it has no products: `type`, or custom under its own name.
  bool needs_products = false;
  // Kept as property "action", for names that share a type.
  absl::string_view action = {};
};

// Names are compared without regard to case, spaces, "_" and "-". Custom for any other name.
TrackRule TrackRuleOf(absl::string_view name);

// Fills the first of `events`, which has the envelope's fields, from the properties of a call, and
// adds one event for each further product.
bool DecodeTrack(DecodeContext& context, absl::string_view name,
                 const std::optional<dom::object>& properties, std::vector<Event>* events);

// Reads a call's properties other than products into fields of `event`, the rest into its
// properties. `products` is set when there is a list that is not empty.
bool ReadSegmentProperties(DecodeContext& context, dom::object properties, Event* event,
                           std::optional<dom::element>* products);

}  // namespace kindred::event

#endif  // KINDRED_EVENT_SEGMENT_TRACK_H_
