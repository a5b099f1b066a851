// What a partition counts over time.
#include <algorithm>
#include <cmath>

#include "node/partition.h"
#include "profile/profile_parts.h"

namespace kindred::node {

void Partition::CountInSeries(const clean::CleanEvent& event, const profile::ApplyContext& context,
                              uint64_t customer_hash, bool undo) {
  series::SeriesEvent counted;
  counted.time_ms = event.event_time_ms;
  counted.customer_hash = customer_hash;
  counted.type = static_cast<uint32_t>(event.type);
  counted.category = context.category.value();
  counted.item = context.item.value();
  const bool given_back = event.type == event::EventType::kRefund;
  // Amounts of other currencies cannot be added.
  if (event.has_amount && (event.type == event::EventType::kPurchase || given_back) &&
      (context.currency.value() == 0 || context.currency == context.default_currency)) {
    const double micros = std::min(event.amount, 1e12) * profile::kMicros;
    counted.amount_micros = std::llround(given_back ? -micros : micros);
  }
  if (undo) {
    series_.TakeBack(counted);
  } else {
    series_.Add(counted);
  }
}

void Partition::CountAccepted(const clean::CleanEvent& event) {
  quality_.CountAccepted(event);
  quality_book_.CountAccepted(event);
}

void Partition::CountDuplicate(absl::string_view channel) {
  quality_.CountDuplicate();
  quality_book_.CountDuplicate(channel);
}

void Partition::CountRejected(clean::RejectReason reason, absl::string_view channel) {
  quality_.CountRejected(reason);
  quality_book_.CountRejected(channel);
}

}  // namespace kindred::node
