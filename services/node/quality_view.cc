// Data quality over time as calls ask for it.
#include "absl/time/time.h"
#include "clean/quality_judge.h"
#include "google/protobuf/util/time_util.h"
#include "node/live_serving.h"

namespace kindred::node {

using google::protobuf::util::TimeUtil;

absl::Status LiveServing::GetDataQuality(const v1::GetDataQualityRequest& request,
                                         v1::DataQuality* quality) {
  clean::QualityHours hours;
  partitions_.ForEach([&hours](const PartitionSlot& slot) { slot.state->AddQualityHours(&hours); });
  clean::QualityReport report = clean::JudgeQuality(hours);
  if (report.measures.empty()) {
    return absl::FailedPreconditionError("there is no whole hour of events yet");
  }
  learner_.feature_days()->Judge(&report);
  *quality->mutable_as_of_time() = TimeUtil::MillisecondsToTimestamp(report.as_of_ms);
  for (const clean::QualityMeasure& one : report.measures) {
    if (request.alerts_only() && !one.alert) continue;
    v1::DataQualityMeasure& measure = *quality->add_measures();
    measure.set_source(one.source);
    measure.set_measure(one.measure);
    measure.set_field(one.field);
    *measure.mutable_start_time() = TimeUtil::MillisecondsToTimestamp(one.from_ms);
    *measure.mutable_end_time() = TimeUtil::MillisecondsToTimestamp(one.to_ms);
    measure.set_event_count(static_cast<int64_t>(one.events));
    measure.set_value(one.value);
    if (one.has_baseline) measure.set_baseline(one.baseline);
    measure.set_score(one.score);
    measure.set_alert(one.alert);
    measure.set_reason(one.reason);
  }
  return absl::OkStatus();
}

}  // namespace kindred::node
