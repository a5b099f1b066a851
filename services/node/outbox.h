// Produces stored dead letters and forgets those that were acknowledged.
#ifndef KINDRED_NODE_OUTBOX_H_
#define KINDRED_NODE_OUTBOX_H_

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "node/partition_set.h"
#include "store/store.h"
#include "stream/record_sink.h"
#include "telemetry/metrics.h"

namespace kindred::node {

// An entry is produced only once it is stored, and deleted only once the brokers have it; so after
// a crash it is produced again, under the same id, and never lost. One that the topic refuses for
// its size is cut, first its value and headers, then all but the reason; what is refused even then,
// or cannot be decoded, is logged, counted and given up, so that it does not hold back the others.
// Threads: all methods from any thread.
class Outbox {
 public:
  Outbox(std::string dead_letter_topic, PartitionSet* partitions, store::Store* store,
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
    std::vector<uint64_t> delivered ABSL_GUARDED_BY(mutex);
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
  void GiveUp(uint64_t sequence, const absl::Status& why, Lane* lane);

  const std::string topic_;
  PartitionSet& partitions_;
  store::Store& store_;
  stream::RecordSink& sink_;
  telemetry::Counter& produced_;
  telemetry::Counter& failures_;
  telemetry::Counter& given_up_;

  absl::Mutex mutex_;
  absl::flat_hash_map<PartitionId, std::shared_ptr<Lane>> lanes_ ABSL_GUARDED_BY(mutex_);
  bool awake_ ABSL_GUARDED_BY(mutex_) = false;
  bool idle_ ABSL_GUARDED_BY(mutex_) = true;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_OUTBOX_H_
