// What an event is, whatever format it came in. Nothing here has been checked beyond "it could be
// read": libs/clean decides what may change a profile.
#ifndef KINDRED_EVENT_EVENT_H_
#define KINDRED_EVENT_EVENT_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "event/event_type.h"

namespace kindred::event {

// A name with a JSON value (a scalar's or an object's JSON text): a trait or a free property.
struct JsonField {
  absl::string_view name;
  absl::string_view json;
};

struct ConsentChange {
  absl::string_view purpose;
  bool granted = false;
};

// Text fields are views into the record or into the decoder's arena: they live until the decoder's
// next call. Empty text, an empty optional and kUnknown mean "the producer did not say".
struct Event {
  absl::string_view event_id;
  absl::string_view user_id;
  absl::string_view anonymous_id;
  EventType type = EventType::kUnspecified;
  absl::string_view custom_type;         // the producer's name when type is kCustom
  std::optional<int64_t> event_time_ms;  // since 1970 UTC, as the producer gave it
  absl::string_view item_id;
  std::optional<double> quantity;
  std::optional<double> price;   // of one unit
  std::optional<double> amount;  // of the line
  absl::string_view currency;
  absl::string_view order_id;
  std::optional<double> rating;
  absl::string_view category;
  absl::string_view brand;
  absl::string_view title;
  absl::string_view query;
  absl::string_view channel;
  absl::string_view device;
  absl::string_view country;
  absl::string_view region;
  absl::string_view city;
  absl::string_view session_id;
  absl::string_view previous_id;  // alias: the id that becomes another name
  absl::string_view group_id;     // group: the group joined
  // Other ids of the customer.
  absl::string_view device_id;
  absl::string_view email_sha256;
  absl::string_view external_id;
  std::vector<JsonField> traits;
  std::vector<JsonField> properties;
  std::vector<ConsentChange> consents;
  // Position among the events that one record fanned out to (the lines of one order): 0, 1, 2 …
  uint32_t line = 0;
  // How many events the record fanned out to.
  uint32_t lines = 1;

  // Back to the values above; the vectors keep their capacity.
  void Clear();
};

}  // namespace kindred::event

#endif  // KINDRED_EVENT_EVENT_H_
