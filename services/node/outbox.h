// Produces what partitions stored for the outside, and forgets what was acknowledged.
#ifndef KINDRED_NODE_OUTBOX_H_
#define KINDRED_NODE_OUTBOX_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "node/outbox_entry.h"
#include "node/partition_set.h"
#include "store/store.h"
#include "stream/record_sink.h"
#include "telemetry/metrics.h"

namespace kindred::node {

// Where entries go, by kind. Empty: entries of that kind are given up.
struct OutboxTopics {
  std::string dead_letters;
  std::string events;
  std::string audiences;
};

// An entry is produced only once it is stored, and deleted only once the brokers have it; so after
// a crash it is produced again, under the same id, and never lost. A dead letter that the topic
// refuses for its size is cut, first its value and headers, then all but the reason. What is
// refused even then, any other entry that is refused, and what cannot be decoded is logged, counted
// and given up, so that it does not hold back the others. Threads: all methods from any thread.
class Outbox {
 public:
  Outbox(OutboxTopics topics, PartitionSet* partitions, store::Store* store,
         stream::RecordSink* sink, telemetry::Registry* registry);
  ~Outbox();

  // Entries of this partition were stored.
  void Wake(PartitionId partition);
  // Everything stored so far was acknowledged; DeadlineExceeded after `timeout`.
  absl::Status Drain(absl::Duration timeout);
  void Stop();

 private:
  // What was produced and how it ended; written by the sink's thread.
  struct Lane {
    uint64_t next = 0;  // first sequence not produced yet
    absl::Mutex mutex;
    std::vector<std::pair<uint64_t, OutboxKind>> delivered ABSL_GUARDED_BY(mutex);
    uint64_t in_flight ABSL_GUARDED_BY(mutex) = 0;
    bool failed ABSL_GUARDED_BY(mutex) = false;  // produce again from the first that is stored
    // Entries that the brokers refused for their size: how often, so that each try is smaller.
    absl::flat_hash_map<uint64_t, int> refused ABSL_GUARDED_BY(mutex);
  };

  void Run();
  // Returns whether anything is left to do for the partition.
  bool Advance(PartitionId partition, Lane* lane);
  absl::Status Produce(uint64_t sequence, absl::string_view bytes,
                       const std::shared_ptr<Lane>& lane);
  void GiveUp(OutboxKind kind, uint64_t sequence, const absl::Status& why, Lane* lane);
  const std::string& TopicOf(OutboxKind kind) const;

  struct Counters {
    telemetry::Counter* produced;
    telemetry::Counter* failures;
    telemetry::Counter* given_up;
  };
  static Counters CountersOf(OutboxKind kind, telemetry::Registry* registry);

  const OutboxTopics topics_;
  PartitionSet& partitions_;
  store::Store& store_;
  stream::RecordSink& sink_;
  std::array<Counters, kOutboxKinds> counters_;

  absl::Mutex mutex_;
  absl::flat_hash_map<PartitionId, std::shared_ptr<Lane>> lanes_ ABSL_GUARDED_BY(mutex_);
  bool awake_ ABSL_GUARDED_BY(mutex_) = false;
  bool idle_ ABSL_GUARDED_BY(mutex_) = true;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_OUTBOX_H_
