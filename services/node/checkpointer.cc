#include "node/checkpointer.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/thread_name.h"

namespace kindred::node {
namespace {

constexpr absl::Duration kFirstRetry = absl::Milliseconds(100);
constexpr absl::Duration kLongestRetry = absl::Seconds(2);

bool MayPass(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status) ||
         absl::IsAborted(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace

Checkpointer::Checkpointer(store::Store* store, telemetry::Registry* registry, OnWritten on_written,
                           OnFatal on_fatal)
    : store_(*store),
      on_written_(std::move(on_written)),
      on_fatal_(std::move(on_fatal)),
      duration_(registry->GetHistogram("kindred_checkpoint_duration_seconds",
                                       "Time to write one partition's checkpoint.",
                                       telemetry::CallBounds())),
      written_(registry->GetCounter("kindred_checkpoints_total", "Checkpoints written.")),
      failures_(registry->GetCounter("kindred_checkpoint_failures_total",
                                     "Attempts to write a checkpoint that failed.")),
      bytes_(registry->GetCounter("kindred_checkpoint_written_bytes_total",
                                  "Bytes of the checkpoints written.")),
      thread_([this] { Run(); }) {}

Checkpointer::~Checkpointer() { Stop(); }

void Checkpointer::Enqueue(Partition* partition, PendingCheckpoint pending) {
  absl::MutexLock lock(&mutex_);
  if (ended_) return;
  waiting_bytes_.fetch_add(pending.checkpoint.bytes(), std::memory_order_acq_rel);
  jobs_.push_back({partition, std::move(pending)});
}

absl::Status Checkpointer::WaitIdle(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  const auto idle = [this]()
                        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return jobs_.empty() && !busy_; };
  if (mutex_.AwaitWithTimeout(absl::Condition(&idle), timeout)) {
    return ended_ ? absl::AbortedError("no more checkpoints are written") : absl::OkStatus();
  }
  return absl::DeadlineExceededError("checkpoints are still being written");
}

void Checkpointer::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Checkpointer::Run() {
  base::NameThread("checkpoint");
  while (true) {
    Job job = [this] {
      absl::MutexLock lock(&mutex_);
      const auto wake = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stopping_ || !jobs_.empty();
      };
      mutex_.Await(absl::Condition(&wake));
      if (jobs_.empty()) return Job{nullptr, {store_.NewCheckpoint(store::kNodeScope), Offset()}};
      Job first = std::move(jobs_.front());
      jobs_.pop_front();
      busy_ = true;
      return first;
    }();
    if (job.partition == nullptr) return;
    const bool goes_on = Write(&job);
    absl::MutexLock lock(&mutex_);
    busy_ = false;
    if (!goes_on) {
      jobs_.clear();
      ended_ = true;
      return;
    }
  }
}

bool Checkpointer::Write(Job* job) {
  absl::Duration wait = kFirstRetry;
  while (true) {
    const absl::Time start = absl::Now();
    const size_t bytes = job->pending.checkpoint.bytes();
    const absl::Status status = store_.Write(std::move(job->pending.checkpoint), job->pending.sync);
    if (status.ok()) {
      if (stalled_.exchange(false)) base::LogInfo("store", "writing again");
      duration_.Observe(absl::Now() - start);
      written_.Increment();
      bytes_.Increment(bytes);
      waiting_bytes_.fetch_sub(bytes, std::memory_order_acq_rel);
      last_written_ms_.store(absl::ToUnixMillis(absl::Now()), std::memory_order_release);
      job->partition->CheckpointDone(job->pending);
      on_written_(*job->partition, job->pending);
      return true;
    }
    failures_.Increment();
    if (!MayPass(status)) {
      base::LogError("store", "checkpoint cannot be written, stopping",
                     {{"partition", job->partition->id().value()}, {"error", status}});
      on_fatal_(status);
      return false;
    }
    if (!stalled_.exchange(true)) {
      base::LogWarning("store", "checkpoint could not be written, ingest pauses until it can",
                       {{"partition", job->partition->id().value()}, {"error", status}});
    }
    absl::MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), wait)) return false;
    wait = std::min(wait * 2, kLongestRetry);
  }
}

}  // namespace kindred::node
