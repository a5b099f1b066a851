#include "node/hour_watch.h"

#include <algorithm>
#include <cmath>

#include "absl/time/time.h"
#include "base/log.h"
#include "event/event_type.h"
#include "profile/profile_parts.h"

namespace kindred::node {
namespace {

constexpr size_t kHours = 336;  // two weeks
constexpr int64_t kLateMs = 15 * 60 * 1000;

}  // namespace

HourWatch::HourWatch(const PartitionSet* partitions, telemetry::Registry* registry)
    : partitions_(*partitions) {
  Add(registry, {series::SeriesKind::kAll, 0}, "all", /*amount=*/false);
  const series::SeriesKey purchases{series::SeriesKind::kEventType,
                                    static_cast<uint32_t>(event::EventType::kPurchase)};
  Add(registry, purchases, "purchase", /*amount=*/false);
  Add(registry, purchases, "purchase", /*amount=*/true);
}

void HourWatch::Add(telemetry::Registry* registry, series::SeriesKey key, const std::string& name,
                    bool amount) {
  const telemetry::Labels labels = {{"series", name}, {"measure", amount ? "amount" : "events"}};
  watched_.push_back(
      {key, name, amount,
       registry->GetCounter("kindred_series_anomalies_total",
                            "Hours of event time that were far from what was forecast.", labels),
       registry->GetGauge("kindred_hour_score",
                          "The last whole hour less its forecast, in robust standard deviations of "
                          "the forecast's errors; beyond 5 or -5 it is unusual.",
                          labels)});
}

void HourWatch::Check() {
  const int64_t newest_ms = partitions_.newest_event_ms();
  const int64_t hour = (newest_ms - kLateMs) / series::kHourMs - 1;
  if (newest_ms == 0 || hour <= judged_hour_) return;
  judged_hour_ = hour;
  for (Watched& watched : watched_) Judge(hour, &watched);
}

void HourWatch::Judge(int64_t hour, Watched* watched) {
  std::vector<series::SeriesPoint> points(kHours);
  partitions_.ForEach([&](const PartitionSlot& slot) {
    slot.state->ReadSeries([&](const series::SeriesBook& book) {
      book.AddTo(watched->key, series::Step::kHour, hour - static_cast<int64_t>(kHours) + 1,
                 &points);
    });
  });
  std::vector<double> values;
  for (const series::SeriesPoint& point : points) {
    // Before the first event there was nothing to forecast by.
    if (values.empty() && point.events == 0) continue;
    values.push_back(watched->amount ? static_cast<double>(point.amount_micros) / profile::kMicros
                                     : static_cast<double>(point.events));
  }
  const series::HourJudgement judged = series::JudgeLastHour(values, !watched->amount);
  watched->score.Set(judged.score);
  if (std::abs(judged.score) <= series::kUnusualScore) return;
  watched->unusual.Increment();
  base::LogWarning(
      "insight", "an unusual hour",
      {{"series", watched->name},
       {"measure", watched->amount ? "amount" : "events"},
       {"hour", absl::FormatTime("%Y-%m-%dT%H:00Z", absl::FromUnixMillis(hour * series::kHourMs),
                                 absl::UTCTimeZone())},
       {"actual", judged.actual},
       {"expected", judged.expected},
       {"score", judged.score}});
}

}  // namespace kindred::node
