#include "stream/fetch_waker.h"

#include <utility>

#include "base/thread_name.h"

namespace kindred::stream {
namespace {

constexpr int kQuestionLimitMs = 500;

}  // namespace

FetchWaker::FetchWaker(rd_kafka_t* client, std::string topic, size_t queue_records,
                       size_t queue_bytes)
    : client_(client),
      topic_(std::move(topic)),
      queue_records_(queue_records),
      queue_bytes_(queue_bytes),
      queue_(rd_kafka_queue_get_consumer(client)),
      thread_([this] { Run(); }) {}

FetchWaker::~FetchWaker() {
  Stop();
  thread_.join();
  rd_kafka_queue_destroy(queue_);
}

void FetchWaker::Stop() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
}

void FetchWaker::Taken(size_t records, size_t bytes, PartitionId partition) {
  if (records == 0) return;
  const size_t waiting = rd_kafka_queue_length(queue_);
  // The library counts bytes as well, but does not tell.
  const size_t waiting_bytes = waiting * (bytes / records);
  if (waiting >= queue_records_ / 4 * 3 || waiting_bytes >= queue_bytes_ / 4 * 3) {
    was_full_ = true;
    return;
  }
  if (!was_full_ || waiting > queue_records_ / 2 || waiting_bytes > queue_bytes_ / 2) return;
  was_full_ = false;
  absl::MutexLock lock(&mutex_);
  wanted_ = partition;
}

void FetchWaker::Run() {
  base::NameThread("wake-fetch");
  while (true) {
    PartitionId partition;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(
          +[](FetchWaker* waker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(waker->mutex_) {
            return waker->stopping_ || waker->wanted_.has_value();
          },
          this));
      if (stopping_) return;
      partition = *std::exchange(wanted_, std::nullopt);
    }
    // Whatever the answer is: the question has woken whom it should.
    int64_t low = 0;
    int64_t high = 0;
    rd_kafka_query_watermark_offsets(client_, topic_.c_str(), partition.value(), &low, &high,
                                     kQuestionLimitMs);
  }
}

}  // namespace kindred::stream
