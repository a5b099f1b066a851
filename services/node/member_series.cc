#include "node/member_series.h"

#include <algorithm>

namespace kindred::node {
namespace {

constexpr int64_t kDayMs = series::StepMs(series::Step::kDay);
constexpr int64_t kHourMs = series::kHourMs;

}  // namespace

// Counts one member's history, told from old to new.
class MemberSeries::Counter {
 public:
  // `newest`: the last of `steps`, since 1970.
  Counter(int64_t newest, Steps* steps)
      : steps_(*steps), oldest_(newest - static_cast<int64_t>(steps->size()) + 1) {}

  void Add(int64_t step, uint64_t events) {
    const int64_t at = step - oldest_;
    if (at < 0 || at >= static_cast<int64_t>(steps_.size())) return;
    Count& count = steps_[static_cast<size_t>(at)];
    count.events += events;
    if (at != counted_) ++count.customers;
    counted_ = at;
  }

 private:
  Steps& steps_;
  const int64_t oldest_;
  int64_t counted_ = -1;  // where the member was counted as a customer last
};

MemberSeries::MemberSeries(int64_t as_of_ms)
    : as_of_ms_(std::max<int64_t>(as_of_ms, 0)),
      act_days_(kSteps),
      purchase_days_(kSteps),
      purchase_hours_(kSteps) {}

void MemberSeries::Add(const profile::Profile& profile) {
  AddActs(profile);
  AddPurchases(profile.purchases());
}

void MemberSeries::AddActs(const profile::Profile& profile) {
  const absl::Span<const profile::DayCount> days = profile.day_counts();
  Counter counter(as_of_ms_ / kDayMs, &act_days_);
  size_t i = 0;
  for (const profile::RecentItem& act : profile.recent_items()) {
    const int64_t day = act.time_ms / kDayMs;
    for (; i < days.size() && days[i].day <= day; ++i) counter.Add(days[i].day, days[i].count);
    counter.Add(day, 1);
  }
  for (; i < days.size(); ++i) counter.Add(days[i].day, days[i].count);
  // The oldest day may have lost some of its counts.
  if (days.size() == profile::kMaxDayCounts) {
    acts_since_ms_ = std::max(acts_since_ms_, (int64_t{days[0].day} + 1) * kDayMs);
  }
}

void MemberSeries::AddPurchases(const profile::Purchases& purchases) {
  Counter days(as_of_ms_ / kDayMs, &purchase_days_);
  Counter hours(as_of_ms_ / kHourMs, &purchase_hours_);
  for (const int64_t time_ms : purchases.times) {
    days.Add(time_ms / kDayMs, 1);
    hours.Add(time_ms / kHourMs, 1);
  }
  if (purchases.folded_times > 0) {
    purchases_since_ms_ =
        std::max(purchases_since_ms_, (purchases.folded_until_ms / kDayMs + 1) * kDayMs);
  }
}

void MemberSeries::AddTo(MemberActs acts, series::Step step, int64_t first,
                         std::vector<series::SeriesPoint>* points) const {
  const bool daily = step == series::Step::kDay;
  if (!daily && acts == MemberActs::kAll) return;
  const Steps& steps = !daily                     ? purchase_hours_
                       : acts == MemberActs::kAll ? act_days_
                                                  : purchase_days_;
  const int64_t oldest = as_of_ms_ / series::StepMs(step) - static_cast<int64_t>(kSteps) + 1;
  for (size_t i = 0; i < points->size(); ++i) {
    const int64_t at = first + static_cast<int64_t>(i) - oldest;
    if (at < 0 || at >= static_cast<int64_t>(kSteps)) continue;
    (*points)[i].events += steps[static_cast<size_t>(at)].events;
    (*points)[i].customers += steps[static_cast<size_t>(at)].customers;
  }
}

}  // namespace kindred::node
