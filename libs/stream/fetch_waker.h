// Ends the second that the client library stops fetching for when its queue was full.
#ifndef KINDRED_STREAM_FETCH_WAKER_H_
#define KINDRED_STREAM_FETCH_WAKER_H_

#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/strong_int.h"

namespace kindred::stream {

// librdkafka 2.0 looks at a full queue again when the thread of the partition's broker next wakes,
// by itself after a second. A question to that broker wakes it: when a queue that was nearly full
// is down to a half, one is asked, for the end of a partition that was just read. With several
// brokers, partitions come in turn, and so do their brokers.
//
// Threads: Taken() from the polling thread; the question waits on a thread of its own.
class FetchWaker {
 public:
  // The limits of the client's queue, over all partitions. `client` must outlive this.
  FetchWaker(rd_kafka_t* client, std::string topic, size_t queue_records, size_t queue_bytes);
  // Waits for a question under way, a second and a half at most.
  ~FetchWaker();
  FetchWaker(const FetchWaker&) = delete;
  FetchWaker& operator=(const FetchWaker&) = delete;

  // No more questions; the thread ends.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);
  // `records` of together `bytes` (key and value) were taken from the queue, the last of them from
  // `partition`.
  void Taken(size_t records, size_t bytes, PartitionId partition) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  rd_kafka_t* const client_;
  const std::string topic_;
  const size_t queue_records_;
  const size_t queue_bytes_;
  rd_kafka_queue_t* const queue_;
  bool was_full_ = false;  // polling thread
  absl::Mutex mutex_;
  std::optional<PartitionId> wanted_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace kindred::stream

#endif  // KINDRED_STREAM_FETCH_WAKER_H_
