// The CloudEvents envelope (github.com/cloudevents/spec, 1.0): around JSON data in structured mode,
// beside the data in binary mode.
#ifndef KINDRED_EVENT_CLOUD_EVENTS_H_
#define KINDRED_EVENT_CLOUD_EVENTS_H_

#include <optional>
#include <string>
#include <vector>

#include "event/decode_context.h"
#include "event/event.h"
#include "event/json_value.h"
#include "event/wire_format.h"

namespace kindred::event {

struct CloudEvent {
  CloudAttributes attributes;                // in the context's arena
  ContentType content = ContentType::kNone;  // of the data
  std::optional<dom::object> data;
  // data_base64, decoded; the data when `data` is not set.
  std::string bytes;
};

// Structured mode. `out` is valid while the parsed document is, its attributes and bytes longer.
bool ReadCloudEvent(DecodeContext& context, dom::object envelope, CloudEvent* out);

// Fills what the data did not say: the event id by "<source>/<id>" (by its hash, where that is
// longer than 128 bytes), the time, and the type by the last part of the dotted type that is not a
// version ("com.shop.purchase.v1": purchase).
bool ApplyCloudAttributes(DecodeContext& context, const CloudAttributes& attributes,
                          std::vector<Event>* events);

}  // namespace kindred::event

#endif  // KINDRED_EVENT_CLOUD_EVENTS_H_
