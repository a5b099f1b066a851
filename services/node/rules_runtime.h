// Rules and audiences of a running node: the file and its reloads, the keeper of memberships, the
// answers, the metrics.
#ifndef KINDRED_NODE_RULES_RUNTIME_H_
#define KINDRED_NODE_RULES_RUNTIME_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "node/audience_answers.h"
#include "node/audience_keeper.h"
#include "telemetry/metrics.h"

namespace kindred::node {

struct RulesOptions {
  std::string file;  // empty: no rules
  AudienceKeeperOptions keeper;
};

// The file is looked at every second, and read again when its time or size changed or Reload() asks
// for it. A file with an error leaves the rules in force as they are.
// Threads: any. What is passed in must outlive it.
class RulesRuntime {
 public:
  RulesRuntime(const RulesOptions& options, SharedState* shared, PartitionSet* partitions,
               const ColdReader* cold, const store::Store* store, const Learner* learner,
               const PredictionLearner* predictions, std::function<void(Partition*)> tell,
               telemetry::Registry* registry);
  ~RulesRuntime();

  // Reads the file; its error is the caller's: a node does not start with wrong rules.
  absl::Status Load();
  void Start();
  void Stop();
  void Reload() { reload_.store(true, std::memory_order_relaxed); }
  const AudienceAnswers& answers() const { return answers_; }

 private:
  void Watch();
  void TryLoad();
  std::string Stamp() const;  // of the file: its time and size
  void AddAudienceCollectors(telemetry::Registry* registry);
  void AddRuleCollectors(telemetry::Registry* registry);

  const RulesOptions options_;
  SharedState& shared_;
  PartitionSet& partitions_;
  AudienceKeeper keeper_;
  const AudienceAnswers answers_;
  telemetry::Counter& loaded_;
  telemetry::Counter& refused_;
  std::string stamp_;
  std::atomic<bool> reload_{false};
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
  std::vector<std::unique_ptr<telemetry::Registry::Collector>> collectors_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_RULES_RUNTIME_H_
