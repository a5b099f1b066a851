// Writes checkpoints, one after the other, off the workers' threads.
#ifndef KINDRED_NODE_CHECKPOINTER_H_
#define KINDRED_NODE_CHECKPOINTER_H_

#include <atomic>
#include <deque>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "node/partition.h"
#include "store/store.h"
#include "telemetry/metrics.h"

namespace kindred::node {

// Threads: Enqueue() and WaitIdle() from any thread.
// Errors:  a full disk or a passing fault is retried until it works or Stop(); meanwhile stalled()
//          is true and ingest pauses. What only a restart can mend goes to `on_fatal`.
class Checkpointer {
 public:
  using OnWritten = std::function<void(Partition& partition, const PendingCheckpoint& pending)>;
  using OnFatal = std::function<void(absl::Status status)>;
  Checkpointer(store::Store* store, telemetry::Registry* registry, OnWritten on_written,
               OnFatal on_fatal);
  ~Checkpointer();

  void Enqueue(Partition* partition, PendingCheckpoint pending);
  // Waits until everything enqueued is written; DeadlineExceeded after `timeout`, Aborted once
  // nothing will be written any more.
  absl::Status WaitIdle(absl::Duration timeout);
  // Bytes of checkpoints that wait or are being written.
  size_t waiting_bytes() const { return waiting_bytes_.load(std::memory_order_acquire); }
  // The disk does not take writes now.
  bool stalled() const { return stalled_.load(std::memory_order_acquire); }
  // Zero before the first.
  absl::Time last_written() const {
    return absl::FromUnixMillis(last_written_ms_.load(std::memory_order_acquire));
  }
  // Writes what waits, if that works at once, and ends.
  void Stop();

 private:
  struct Job {
    Partition* partition;
    PendingCheckpoint pending;
  };
  void Run();
  bool Write(Job* job);

  store::Store& store_;
  const OnWritten on_written_;
  const OnFatal on_fatal_;
  telemetry::Histogram& duration_;
  telemetry::Counter& written_;
  telemetry::Counter& failures_;
  telemetry::Counter& bytes_;
  std::atomic<size_t> waiting_bytes_{0};
  std::atomic<bool> stalled_{false};
  std::atomic<int64_t> last_written_ms_{0};

  absl::Mutex mutex_;
  std::deque<Job> jobs_ ABSL_GUARDED_BY(mutex_);
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;  // gave up: what comes is dropped
  std::thread thread_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_CHECKPOINTER_H_
