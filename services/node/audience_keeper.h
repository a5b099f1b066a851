// Keeps memberships of audiences current: judges customers whose state changed, customers whose
// time has come, and, by a walk now and then, all of them.
//
// Nothing of it runs on the path of events: it takes the customers that changed, each once however
// many events it sent, and works for a bounded share of a core.
#ifndef KINDRED_NODE_AUDIENCE_KEEPER_H_
#define KINDRED_NODE_AUDIENCE_KEEPER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "learn/random.h"
#include "node/customer_fields.h"
#include "node/customer_reader.h"
#include "node/learner.h"
#include "node/partition_set.h"
#include "node/prediction_learner.h"
#include "node/shared_state.h"
#include "store/store.h"

namespace kindred::node {

struct AudienceKeeperOptions {
  double cpu_share = 0.05;  // of a core, at most
  absl::Duration walk_interval = absl::Minutes(1);
  uint64_t seed = 1;  // of the sample for percentiles
};

// Time is that of the newest event, as in answers. A timer that cannot be kept, beyond a million of
// them, is left to the walk, as is what depends on models and percentiles.
class AudienceKeeper {
 public:
  // `learner` gives the segments, `predictions` the predictions; may be null. `tell` is called for
  // a partition that has something to tell, so that a checkpoint is made. What is passed in must
  // outlive it.
  AudienceKeeper(const AudienceKeeperOptions& options, SharedState* shared,
                 PartitionSet* partitions, const ColdReader* cold, const store::Store* store,
                 const Learner* learner, const PredictionLearner* predictions,
                 std::function<void(Partition*)> tell);
  ~AudienceKeeper();

  void Start();
  void Stop();

  // Customers judged in one step.
  static constexpr size_t kStep = 256;
  // One step as of `now_ms`: changed customers, due ones, a part of the walk if one is under way.
  // Returns whether there is more to do at once. For one thread; Start() runs it on its own.
  bool Step(int64_t now_ms);
  void BeginWalk();

  // Customers with each tag of the rules in force at the last walk, by the rules' order.
  std::vector<uint64_t> TagCounts() const ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t judged() const { return judged_.load(std::memory_order_relaxed); }
  uint64_t walks() const { return walks_.load(std::memory_order_relaxed); }
  size_t timers() const { return timer_count_.load(std::memory_order_relaxed); }
  // Customers that changed and were not judged yet, and those whose change is not told yet.
  size_t waiting() const;
  // Event time up to which is judged what its mere passing changes. 0 before the first walk.
  int64_t as_of_ms() const { return as_of_ms_.load(std::memory_order_acquire); }

 private:
  static constexpr size_t kMaxTimers = 1'000'000;
  static constexpr size_t kSample = 4096;
  static constexpr size_t kMaxUnread = 65'536;
  struct Timer {
    int64_t due_ms;
    uint64_t hash;
    std::string id;
    bool operator>(const Timer& other) const { return due_ms > other.due_ms; }
  };
  // What is known of one partition.
  struct Lane {
    std::vector<int> slots;  // of the rules' audiences
    std::priority_queue<Timer, std::vector<Timer>, std::greater<Timer>> timers;
    absl::flat_hash_map<uint64_t, int64_t> due;  // the timer that counts
  };
  struct Sample {
    std::vector<double> values;
    uint64_t seen = 0;
  };

  void Run();
  bool stopping() const ABSL_LOCKS_EXCLUDED(mutex_);
  void TakeRules();
  size_t JudgeChanged(Partition* partition, Lane* lane, int64_t now_ms);
  size_t JudgeDue(Partition* partition, Lane* lane, int64_t now_ms);
  void JudgeById(Partition* partition, Lane* lane, absl::string_view id, int64_t now_ms);
  // Logs what went wrong, if anything did, and sees to it that the customer is judged later.
  void NoteUnread(PartitionId partition, absl::string_view id, const absl::Status& status);
  void JudgeUnread(int64_t now_ms);
  // A customer of several ids: by their sum, each of them; walking: only the id itself, for the
  // others have their turn.
  absl::Status JudgeGroup(Partition* partition, Lane* lane, absl::string_view id, int64_t now_ms,
                          bool walking);
  absl::Status JudgeMember(absl::string_view id, const profile::Profile& sum, int64_t now_ms,
                           bool counts);
  // Under the partition's lock, shared. `counts`: in samples and counts of tags.
  void Judge(Partition* partition, Lane* lane, absl::string_view id,
             const profile::Profile& profile, int64_t now_ms, bool counts);
  void SetTimer(Lane* lane, absl::string_view id, uint64_t hash, int64_t due_ms, int64_t now_ms);
  void WalkOn(int64_t now_ms);
  bool AnyMember() const;
  void WalkStored(Partition* partition, Lane* lane, int64_t now_ms);
  void EndWalk();
  void AddToSamples();

  const AudienceKeeperOptions options_;
  SharedState& shared_;
  PartitionSet& partitions_;
  const ColdReader& cold_;
  const store::Store& store_;
  const Learner* const learner_;
  const PredictionLearner* const predictions_;
  const std::function<void(Partition*)> tell_;
  const CustomerReader reader_;

  // Of the thread that steps.
  std::shared_ptr<const RuleSet> rules_;
  std::shared_ptr<const PublishedSegments> segments_;
  std::shared_ptr<const profile::Predictor> predictor_;
  std::shared_ptr<const Percentiles> percentiles_;
  std::unique_ptr<CustomerRecord> record_;
  absl::flat_hash_map<PartitionId, Lane> lanes_;
  // Customers that could not be read when it was their turn, longest ago first. Linked ones cannot
  // while one of their partitions catches up.
  std::deque<std::pair<PartitionId, std::string>> unread_;
  bool walk_again_ = false;  // there were more of them
  bool walking_ = false;
  bool all_timed_ = false;  // a walk has set the timers of all customers
  int32_t walk_partition_ = 0;
  uint64_t walk_cursor_ = 0;
  std::vector<Sample> samples_;
  std::vector<uint64_t> walk_tags_;
  learn::Random random_;

  std::atomic<uint64_t> judged_{0};
  std::atomic<uint64_t> walks_{0};
  std::atomic<size_t> timer_count_{0};
  std::atomic<size_t> in_hand_{0};  // taken as changed and being judged
  std::atomic<size_t> unread_count_{0};
  std::atomic<int64_t> as_of_ms_{0};
  mutable absl::Mutex mutex_;
  std::vector<uint64_t> tag_counts_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_AUDIENCE_KEEPER_H_
