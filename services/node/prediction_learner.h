// Keeps the models that predictions are made with: takes what the partitions' samples have learned,
// off the workers' threads, and publishes a new version.
#ifndef KINDRED_NODE_PREDICTION_LEARNER_H_
#define KINDRED_NODE_PREDICTION_LEARNER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "node/partition_set.h"
#include "profile/predictor.h"
#include "store/store.h"
#include "telemetry/metrics.h"

namespace kindred::node {

struct PredictionOptions {
  profile::PredictorOptions predictor;
  absl::Duration interval = absl::Milliseconds(250);
};

// Threads: Current() from any thread.
class PredictionLearner {
 public:
  PredictionLearner(const PredictionOptions& options, const PartitionSet* partitions,
                    const ColdReader* cold, store::Store* store, telemetry::Registry* registry);
  ~PredictionLearner();

  // Continues from the stored models, if there are any for these options, and starts learning.
  absl::Status Start();
  // Ends, and stores the models.
  void Stop();

  // Null until something was learned.
  std::shared_ptr<const profile::Predictor> Current() const;

  // One look at the samples; true when a new version was published. For tests; Start() does it by
  // itself.
  bool Step();

 private:
  void Run();
  // Fits the purchase models when the sample has grown, or event time has gone on, enough.
  bool MaybeFit();
  void Save();

  const PredictionOptions options_;
  const PartitionSet& partitions_;
  const ColdReader& cold_;
  store::Store& store_;
  telemetry::Gauge& examples_;
  telemetry::Gauge& churn_auc_;
  profile::Predictor predictor_;
  std::map<int32_t, int64_t> gathered_until_;  // by partition, event time
  size_t fitted_members_ = 0;
  int64_t fitted_ms_ = 0;
  uint64_t saved_version_ = 0;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<const profile::Predictor> current_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_PREDICTION_LEARNER_H_
