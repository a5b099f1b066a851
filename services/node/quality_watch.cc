#include "node/quality_watch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace kindred::node {

QualityWatch::QualityWatch(const PartitionSet* partitions, const Learner* learner,
                           absl::Duration interval, telemetry::Registry* registry)
    : partitions_(*partitions),
      learner_(*learner),
      interval_ms_(std::max<int64_t>(1, absl::ToInt64Milliseconds(interval))) {
  for (const char* measure : {"completeness", "validity", "uniqueness", "timeliness", "volume",
                              "drift", "customer_drift"}) {
    begun_[measure] = &registry->GetCounter(
        "kindred_data_quality_alerts_total",
        "Times that data of a source began to be so unusual that somebody should act, by measure.",
        {{"measure", measure}});
  }
  collectors_.push_back(registry->AddCollector(
      telemetry::MetricKind::kGauge, "kindred_data_quality_alert",
      "1 while the newest hours of a source call for somebody to act; GetDataQuality says why.",
      [this] { return Samples(/*alerts=*/true); }));
  collectors_.push_back(registry->AddCollector(
      telemetry::MetricKind::kGauge, "kindred_data_quality",
      "Of the newest hours: shares of events (lower is better), accepted events an hour (volume), "
      "population stability index (drift, customer_drift).",
      [this] { return Samples(/*alerts=*/false); }));
}

std::vector<telemetry::Sample> QualityWatch::Samples(bool alerts) const {
  std::vector<telemetry::Sample> samples;
  absl::MutexLock lock(&mutex_);
  for (const clean::QualityMeasure& one : measures_) {
    if (alerts && !one.alert) continue;
    samples.push_back({{{"source", one.source}, {"measure", one.measure}, {"field", one.field}},
                       alerts ? 1.0 : one.value});
  }
  return samples;
}

void QualityWatch::Check() {
  int64_t newest_ms = 0;
  bool caught_up = true;
  partitions_.ForEach([&](const PartitionSlot& slot) {
    newest_ms = std::max(newest_ms, slot.state->quality_newest_ms());
    caught_up &= slot.ownership.load() != Ownership::kOwned || slot.caught_up.load();
  });
  const int64_t now = newest_ms / interval_ms_;
  if (newest_ms == 0 || now <= looked_ || !caught_up) return;
  looked_ = now;
  clean::QualityHours hours;
  partitions_.ForEach([&hours](const PartitionSlot& slot) { slot.state->AddQualityHours(&hours); });
  clean::QualityReport report = clean::JudgeQuality(hours);
  if (!report.measures.empty()) learner_.feature_days()->Judge(&report);
  Tell(report);
  absl::MutexLock lock(&mutex_);
  measures_ = std::move(report.measures);
}

void QualityWatch::Tell(const clean::QualityReport& report) {
  std::map<std::string, bool> alerting;
  for (const clean::QualityMeasure& one : report.measures) {
    if (!one.alert) continue;
    const std::string key = absl::StrCat(one.source, "\n", one.measure, "\n", one.field);
    alerting[key] = true;
    if (alerting_.contains(key)) continue;
    begun_.at(one.measure)->Increment();
    base::LogWarning("data quality", one.reason,
                     {{"source", one.source}, {"measure", one.measure}, {"field", one.field}});
  }
  alerting_ = std::move(alerting);
}

}  // namespace kindred::node
