// A Kafka broker inside this process, on loopback: for the demonstration and for unit tests. Any
// Kafka client can talk to it. It keeps about 5 MB of each partition in memory and forgets what is
// older, so who feeds it waits for who reads it (see FeedGate); nothing survives the process.
#ifndef KINDRED_STREAM_EMBEDDED_BROKER_H_
#define KINDRED_STREAM_EMBEDDED_BROKER_H_

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/strong_int.h"

namespace kindred::stream {

// Threads: all methods from any thread. Stop every client before destroying it.
class EmbeddedBroker {
 public:
  static absl::StatusOr<std::unique_ptr<EmbeddedBroker>> Start();
  ~EmbeddedBroker();

  // host:port
  const std::string& address() const;
  // Also without the calls of a TopicAdmin, which this broker does not answer.
  absl::Status CreateTopic(const std::string& name, int partitions);

  // Refuses connections and cuts those that are open, until it is set up again.
  void SetDown(bool down);

 private:
  class Impl;
  explicit EmbeddedBroker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Holds a feeder back until the reader has caught up: at most `max_bytes` and `max_records` of a
// partition are written and not yet read. For topics that start empty and have one feeder, so that
// the n-th record of a partition has offset n.
//
//   feeder:  gate.Enter(partition, bytes, timeout);   // blocks; then produce to that partition
//   reader:  gate.Advance(partition, next_offset);    // as often as it likes
//
// Threads: all methods from any thread.
class FeedGate {
 public:
  // The default leaves a factor of two below what the embedded broker keeps.
  explicit FeedGate(int partitions, int64_t max_bytes = 2'500'000, size_t max_records = 50'000);
  // DeadlineExceeded: the reader did not make room in time; nothing was entered. A record larger
  // than the gate enters when the partition is empty.
  absl::Status Enter(PartitionId partition, size_t bytes, absl::Duration timeout)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Everything below `next` was read.
  void Advance(PartitionId partition, Offset next) ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits until everything that entered was read.
  absl::Status Drain(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Lane {
    int64_t first = 0;  // offset of sizes.front()
    int64_t bytes = 0;
    std::deque<uint32_t> sizes;
  };
  const int64_t max_bytes_;
  const size_t max_records_;
  absl::Mutex mutex_;
  std::vector<Lane> lanes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kindred::stream

#endif  // KINDRED_STREAM_EMBEDDED_BROKER_H_
