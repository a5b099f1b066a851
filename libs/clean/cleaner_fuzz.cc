// Whatever the fields of an event hold: it is rejected, or everything that CleanEvent promises is
// true of it.
// Input: JSON or protobuf as producers send it.
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/check.h"
#include "clean/cleaner.h"
#include "clean/quality.h"
#include "event/decoder.h"

namespace kindred::clean {
namespace {

constexpr int64_t kArrivalMs = 1763805600000;

void CheckId(absl::string_view id) {
  KINDRED_CHECK(id.size() <= 256);
  for (const char c : id) KINDRED_CHECK(static_cast<uint8_t>(c) >= 0x20 && c != 0x7F);
  KINDRED_CHECK(id.empty() || (id.front() != ' ' && id.back() != ' '));
}

void CheckPromises(const CleanEvent& event, const CleanRules& rules) {
  KINDRED_CHECK(!event.customer_id.empty());
  for (const absl::string_view id :
       {event.user_id, event.anonymous_id, event.item_id, event.order_id, event.session_id,
        event.previous_id, event.group_id}) {
    CheckId(id);
  }
  KINDRED_CHECK(event.event_time_ms >= rules.earliest_event_ms);
  KINDRED_CHECK(event.event_time_ms <= kArrivalMs + rules.future_skew_ms);
  KINDRED_CHECK(event.quantity > 0 && event.quantity <= rules.max_quantity);
  KINDRED_CHECK(!event.has_price || (event.price > 0 && std::isfinite(event.price)));
  KINDRED_CHECK(!event.has_amount || (event.amount > 0 && event.amount <= rules.max_amount));
  KINDRED_CHECK(std::isfinite(event.rating));
  KINDRED_CHECK(event.currency.size() == 3);
  for (const absl::string_view text :
       {event.category, event.brand, event.title, event.query, event.channel, event.device,
        event.country, event.region, event.city, event.custom_type}) {
    KINDRED_CHECK(text.size() <= rules.max_title_bytes);
  }
  KINDRED_CHECK(event.traits->size() <= rules.max_fields);
  KINDRED_CHECK(event.properties->size() <= rules.max_fields);
  KINDRED_CHECK(event.corrections < 1u << kCorrections);
}

void Fuzz(absl::string_view bytes) {
  static event::Decoder decoder;
  static Cleaner cleaner;
  static PriceBook book(1000);
  static QualityCounts counts;
  event::EncodedRecord record;
  record.value = bytes;
  record.arrival_ms = kArrivalMs;
  std::vector<event::Event> events;
  if (!decoder.Decode(record, &events).ok()) return;
  for (const event::Event& event : events) {
    const Outcome outcome = cleaner.Clean(event, kArrivalMs);
    if (!outcome.ok()) {
      KINDRED_CHECK(outcome.rejection->detail.size() < 600);
      counts.CountRejected(outcome.rejection->reason);
      continue;
    }
    Cleaner::Fill({"c", "b", "t", "USD", true, 2.5}, outcome.event);
    cleaner.FlagOutliers({}, {}, &book, outcome.event);
    CheckPromises(*outcome.event, cleaner.rules());
    counts.CountAccepted(*outcome.event);
  }
}

}  // namespace
}  // namespace kindred::clean

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kindred::clean::Fuzz(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
