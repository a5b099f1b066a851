// Walks the customers and keeps the segment model current: each customer once a pass, however many
// events it sent. On the way it counts what those are like who were seen within a day.
#ifndef KINDRED_NODE_LEARNER_H_
#define KINDRED_NODE_LEARNER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "learn/covariance.h"
#include "learn/matrix.h"
#include "learn/micro_clusters.h"
#include "learn/segment_learner.h"
#include "learn/segment_model.h"
#include "node/member_series.h"
#include "node/partition_set.h"
#include "profile/feature_drift.h"
#include "store/store.h"
#include "telemetry/metrics.h"

namespace kindred::node {

// A model as published, with what the last pass found out besides.
struct PublishedSegments {
  learn::SegmentModel model;
  // Nearest customers of each segment (model order), nearest first.
  std::vector<std::vector<std::string>> typical;
  // Mean squared distance to the centre, of each segment.
  std::vector<double> mean_squared_distance;
  std::vector<std::string> labels;
  // What the members of each segment did (model order). Null until a pass has met them as such.
  std::vector<std::shared_ptr<const MemberSeries>> series;
  int64_t as_of_ms = 0;
  // For another look at the customers, never null: all of them, in transformed units, while they
  // fit the learner's sample; else that sample, and micro-clusters that stand for all.
  std::shared_ptr<const learn::Matrix> sample = std::make_shared<const learn::Matrix>();
  learn::MicroClusterSet micro_clusters;
  // Of all customers' vectors in transformed units; of no dimensions before the first pass ended.
  learn::Covariance covariance;
};

struct LearnerOptions {
  size_t segments = 8;
  absl::Duration pass_interval = absl::Seconds(1);
  uint64_t seed = 1;
};

// Threads: Current() and feature_days() from any thread.
class Learner {
 public:
  Learner(const LearnerOptions& options, PartitionSet* partitions, store::Store* store,
          telemetry::Registry* registry);
  ~Learner();

  // Continues from what is stored, if anything is, and starts the walk.
  absl::Status Start();
  // Ends the walk and stores what it learned.
  void Stop();

  // Null until segments have been learned.
  std::shared_ptr<const PublishedSegments> Current() const;
  // What customers were like on the days before; never null.
  std::shared_ptr<const profile::FeatureDays> feature_days() const;

 private:
  struct Nearest;
  struct Shape;
  void Run();
  // One walk over all customers. False when it was interrupted.
  bool Pass(learn::SegmentLearner* learner, learn::MicroClusters* micro);
  bool FeedStored(int64_t as_of_ms, learn::SegmentLearner* learner, Nearest* nearest, Shape* shape);
  // Micro-clusters and covariance are of the pass that has ended.
  void Publish(const learn::SegmentModel& model, const Nearest* nearest, int64_t as_of_ms,
               const Shape* shape);
  void TakeFeatures(int64_t as_of_ms, const profile::FeatureHistogram& seen);
  void Save(const learn::SegmentModel& model);
  void SaveFeatures();
  absl::Status Put(absl::string_view key, absl::string_view bytes);
  bool stopping() const;

  const LearnerOptions options_;
  PartitionSet& partitions_;
  store::Store& store_;
  telemetry::Counter& passes_;
  telemetry::Histogram& pass_duration_;
  telemetry::Gauge& inertia_;
  learn::SegmentModel resumed_;
  uint64_t saved_version_ = 0;
  int64_t saved_features_ms_ = 0;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<const PublishedSegments> current_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const profile::FeatureDays> feature_days_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<const profile::FeatureDays>();
  std::thread thread_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_LEARNER_H_
