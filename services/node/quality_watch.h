// Judges the quality of data as event time goes on, and tells: a log line when something begins to
// call for somebody to act, and metrics while it lasts.
#ifndef KINDRED_NODE_QUALITY_WATCH_H_
#define KINDRED_NODE_QUALITY_WATCH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "clean/quality_judge.h"
#include "node/learner.h"
#include "node/partition_set.h"
#include "telemetry/metrics.h"

namespace kindred::node {

// Threads: one calls Check(); the metrics are read from any.
class QualityWatch {
 public:
  // `interval`: of event time, between two looks. `learner` knows what customers are like.
  QualityWatch(const PartitionSet* partitions, const Learner* learner, absl::Duration interval,
               telemetry::Registry* registry);

  // Looks, if event time has passed a multiple of the interval since the last time and all owned
  // partitions are caught up: a history that is read fast is no news, and partitions that are not
  // equally far would look like a source that fell silent.
  void Check();

 private:
  void Tell(const clean::QualityReport& report);
  std::vector<telemetry::Sample> Samples(bool alerts) const ABSL_LOCKS_EXCLUDED(mutex_);

  const PartitionSet& partitions_;
  const Learner& learner_;
  const int64_t interval_ms_;
  int64_t looked_ = 0;                                // event time over the interval
  std::map<std::string, bool> alerting_;              // by source, measure and field
  std::map<std::string, telemetry::Counter*> begun_;  // by measure
  mutable absl::Mutex mutex_;
  std::vector<clean::QualityMeasure> measures_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<telemetry::Registry::Collector>> collectors_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_QUALITY_WATCH_H_
