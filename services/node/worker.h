// A thread that applies the records of its partitions and starts their checkpoints.
#ifndef KINDRED_NODE_WORKER_H_
#define KINDRED_NODE_WORKER_H_

#include <atomic>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "node/checkpointer.h"
#include "node/partition.h"
#include "node/suspects.h"
#include "stream/record.h"
#include "telemetry/metrics.h"

namespace kindred::node {

struct WorkerOptions {
  absl::Duration checkpoint_interval = absl::Seconds(1);
  size_t checkpoint_dirty_bytes = 64u << 20;
  size_t queue_bytes = 16u << 20;  // records waiting; more make CanTake() false
  // Changes of this worker's partitions that are in no checkpoint yet, and checkpoints of all
  // workers that wait for the disk: with more of either, nothing is applied until the disk has
  // taken some.
  size_t unstored_bytes = 128u << 20;
  size_t waiting_bytes = 256u << 20;
};

// Threads: all methods from any thread.
class Worker {
 public:
  using OnFatal = std::function<void(absl::Status status)>;
  Worker(const WorkerOptions& options, SharedState* shared, store::Store* store,
         const ColdReader* cold, Checkpointer* checkpointer, Suspects* suspects,
         telemetry::Registry* registry, OnFatal on_fatal);
  ~Worker();

  // Records of one partition in the order of their offsets.
  void Enqueue(Partition* partition, std::vector<stream::RawRecord> records);
  // False while too much waits.
  bool CanTake() const { return queued_bytes_.load(std::memory_order_relaxed) < queue_limit_; }
  // Drops what waits for the partition, finishes what is being applied, and writes a last
  // checkpoint of it. Returns when that is enqueued.
  void Release(Partition* partition);
  // Evict clean profiles of a partition down to this many bytes when it is next touched.
  void SetProfileBudget(size_t bytes_per_partition) {
    profile_budget_.store(bytes_per_partition, std::memory_order_relaxed);
  }
  // The process is near its bound. What could be evicted must be stored first, so while a
  // checkpoint waits nothing is applied.
  void SetMemoryTight(bool tight) { memory_tight_.store(tight, std::memory_order_relaxed); }
  // Batches applied so far, and whether any wait: a worker that has work must make progress.
  uint64_t progress() const { return progress_.load(std::memory_order_relaxed); }
  bool idle() const { return queued_bytes_.load(std::memory_order_relaxed) == 0; }
  // Applies nothing because the disk is slower than the events.
  bool waits_for_disk() const { return waits_for_disk_.load(std::memory_order_relaxed); }
  // Applies nothing more; writes last checkpoints of all partitions touched.
  void Stop();

 private:
  struct Job {
    Partition* partition = nullptr;
    std::vector<stream::RawRecord> records;
    size_t bytes = 0;
  };
  void Run();
  // What is not stored is at its bound, or memory is and a checkpoint would help.
  bool DiskLags();
  // False: the worker cannot go on.
  bool ApplyJob(Job* job);
  // Drops the job of a partition whose breaker tripped.
  void Halt(Job* job);
  // Waits a moment before the job is tried again. True when something else comes first: the worker
  // stops or releases a partition; the job is then dropped with its partition or waits in front.
  bool YieldsToCaller(Job* job);
  void MaybeCheckpoint(Partition* partition, absl::Time now, bool force);
  void CheckpointDue(absl::Time now, bool force);
  // Goes on with the checkpoint that is being collected, for about so long.
  void Collect(absl::Duration time);

  const WorkerOptions options_;
  const size_t queue_limit_;
  store::Store& store_;
  const ColdReader& cold_;
  Checkpointer& checkpointer_;
  Suspects& suspects_;
  const OnFatal on_fatal_;
  telemetry::Histogram& visible_;
  telemetry::Counter& applied_;
  Workbench bench_;
  std::atomic<size_t> queued_bytes_{0};
  std::atomic<size_t> profile_budget_{SIZE_MAX};
  std::atomic<uint64_t> progress_{0};
  std::atomic<bool> memory_tight_{false};
  std::atomic<bool> waits_for_disk_{false};
  // Partitions with changes, and when the oldest of them came. Worker's thread only.
  absl::flat_hash_map<Partition*, absl::Time> changed_;
  // Whose checkpoint is being collected, one at a time. Worker's thread only.
  Partition* collecting_ = nullptr;
  absl::flat_hash_set<PartitionId> halts_;  // told of; worker's thread only

  absl::Mutex mutex_;
  std::deque<Job> jobs_ ABSL_GUARDED_BY(mutex_);
  std::vector<Partition*> releases_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_WORKER_H_
