#include "node/worker.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/thread_name.h"
#include "base/thread_priority.h"

namespace kindred::node {
namespace {

constexpr absl::Duration kColdRetry = absl::Milliseconds(50);
// How soon a partition whose checkpoint is being written, or a disk that lags, is looked at again.
constexpr absl::Duration kLookAgain = absl::Milliseconds(20);
constexpr size_t kRecordOverheadBytes = 200;
// A checkpoint is collected between jobs: for as long as the job took, this long at least, and so
// many rows between two looks at the clock.
constexpr absl::Duration kCollectAtLeast = absl::Microseconds(300);
constexpr size_t kCollectRows = 32;
// How long a last checkpoint waits for the ones before it.
constexpr absl::Duration kDiskWait = absl::Seconds(30);
constexpr absl::Duration kStalledDiskWait = absl::Seconds(1);

}  // namespace

Worker::Worker(const WorkerOptions& options, SharedState* shared, store::Store* store,
               const ColdReader* cold, Checkpointer* checkpointer, Suspects* suspects,
               telemetry::Registry* registry, OnFatal on_fatal)
    : options_(options),
      queue_limit_(options.queue_bytes),
      store_(*store),
      cold_(*cold),
      checkpointer_(*checkpointer),
      suspects_(*suspects),
      on_fatal_(std::move(on_fatal)),
      visible_(registry->GetHistogram(
          "kindred_event_visible_latency_seconds",
          "From a record's timestamp in the log to its effect being visible in answers.",
          telemetry::FreshnessBounds())),
      applied_(registry->GetCounter("kindred_records_applied_total", "Records applied.")),
      bench_(shared),
      thread_([this] { Run(); }) {}

Worker::~Worker() { Stop(); }

void Worker::Enqueue(Partition* partition, std::vector<stream::RawRecord> records) {
  Job job;
  job.partition = partition;
  for (const stream::RawRecord& record : records) {
    job.bytes += record.size_bytes() + kRecordOverheadBytes;
  }
  job.records = std::move(records);
  queued_bytes_.fetch_add(job.bytes, std::memory_order_relaxed);
  absl::MutexLock lock(&mutex_);
  jobs_.push_back(std::move(job));
}

void Worker::Release(Partition* partition) {
  absl::MutexLock lock(&mutex_);
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    if (it->partition == partition) {
      queued_bytes_.fetch_sub(it->bytes, std::memory_order_relaxed);
      it = jobs_.erase(it);
    } else {
      ++it;
    }
  }
  if (stopping_) return;
  releases_.push_back(partition);
  const auto released = [this, partition]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || std::find(releases_.begin(), releases_.end(), partition) == releases_.end();
  };
  mutex_.Await(absl::Condition(&released));
}

void Worker::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Worker::Run() {
  base::NameThread("apply");
  base::LowerThreadPriority(base::ThreadRole::kApplies);
  while (true) {
    Job job;
    std::vector<Partition*> releases;
    bool stopping = false;
    const bool lags = DiskLags();
    {
      absl::MutexLock lock(&mutex_);
      const auto wake = [this, lags]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stopping_ || (!jobs_.empty() && !lags) || !releases_.empty();
      };
      absl::Duration wait = lags ? kLookAgain : absl::InfiniteDuration();
      for (const auto& [partition, since] : changed_) {
        wait = std::min(wait, since + options_.checkpoint_interval - absl::Now());
      }
      if (collecting_ != nullptr) wait = absl::ZeroDuration();
      mutex_.AwaitWithTimeout(absl::Condition(&wake), std::max(wait, absl::ZeroDuration()));
      stopping = stopping_;
      releases = releases_;
      if (releases.empty() && !stopping && !lags && !jobs_.empty()) {
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
    }
    if (stopping) {
      CheckpointDue(absl::Now(), /*force=*/true);
      return;
    }
    for (Partition* partition : releases) MaybeCheckpoint(partition, absl::Now(), /*force=*/true);
    if (!releases.empty()) {
      absl::MutexLock lock(&mutex_);
      for (Partition* partition : releases) {
        releases_.erase(std::remove(releases_.begin(), releases_.end(), partition),
                        releases_.end());
      }
    }
    const absl::Time begin = absl::Now();
    if (job.partition != nullptr && !ApplyJob(&job)) {
      // Nobody must wait for this thread any more.
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
      return;
    }
    const absl::Time end = absl::Now();
    CheckpointDue(end, /*force=*/false);
    Collect(std::max(end - begin, kCollectAtLeast));
  }
}

bool Worker::DiskLags() {
  size_t unstored = 0;
  for (const auto& [partition, since] : changed_) unstored += partition->dirty_bytes();
  const size_t waiting = checkpointer_.waiting_bytes();
  const bool lags = unstored >= options_.unstored_bytes || waiting >= options_.waiting_bytes ||
                    (waiting > 0 && memory_tight_.load(std::memory_order_relaxed));
  waits_for_disk_.store(lags, std::memory_order_relaxed);
  return lags;
}

bool Worker::ApplyJob(Job* job) {
  while (true) {
    const absl::Status status = suspects_.Apply(job->partition, job->records, cold_, &bench_);
    if (status.ok()) break;
    if (job->partition->halted()) {
      Halt(job);
      return true;
    }
    if (!absl::IsUnavailable(status) && !absl::IsResourceExhausted(status)) {
      base::LogError("ingest", "a customer's state cannot be read, stopping",
                     {{"partition", job->partition->id().value()}, {"error", status}});
      on_fatal_(status);
      return false;
    }
    if (YieldsToCaller(job)) return true;
  }
  const int64_t now_ms = absl::ToUnixMillis(absl::Now());
  for (const stream::RawRecord& record : job->records) {
    visible_.Observe(static_cast<double>(std::max<int64_t>(0, now_ms - record.timestamp_ms())) /
                     1000.0);
  }
  applied_.Increment(job->records.size());
  progress_.fetch_add(1, std::memory_order_relaxed);
  changed_.try_emplace(job->partition, absl::Now());
  job->partition->Evict(profile_budget_.load(std::memory_order_relaxed));
  job->records.clear();
  queued_bytes_.fetch_sub(job->bytes, std::memory_order_relaxed);
  return true;
}

void Worker::Halt(Job* job) {
  const PartitionId id = job->partition->id();
  // Once a partition: what comes after it is on its way already.
  if (halts_.insert(id).second) {
    const Partition::Figures figures = job->partition->figures();
    base::LogError("ingest",
                   "partition halted: nearly all of its records are rejected. Look at the dead "
                   "letters, mend the producer or the rules, then restart with --resume-halted",
                   {{"partition", id.value()},
                    {"offset", job->partition->next_offset().value()},
                    {"records", figures.window_records},
                    {"rejected", figures.window_rejected}});
  }
  progress_.fetch_add(1, std::memory_order_relaxed);
  changed_.try_emplace(job->partition, absl::Now());
  queued_bytes_.fetch_sub(job->bytes, std::memory_order_relaxed);
}

bool Worker::YieldsToCaller(Job* job) {
  absl::MutexLock lock(&mutex_);
  const auto wanted = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !releases_.empty();
  };
  if (!mutex_.AwaitWithTimeout(absl::Condition(&wanted), kColdRetry)) return false;
  if (stopping_) return true;
  if (std::find(releases_.begin(), releases_.end(), job->partition) != releases_.end()) {
    queued_bytes_.fetch_sub(job->bytes, std::memory_order_relaxed);
  } else {
    jobs_.push_front(std::move(*job));
  }
  return true;
}

void Worker::CheckpointDue(absl::Time now, bool force) {
  if (collecting_ != nullptr && !force) return;
  Collect(absl::InfiniteDuration());
  std::vector<Partition*> due;
  for (const auto& [partition, since] : changed_) {
    if (force || waits_for_disk() || now >= since + options_.checkpoint_interval ||
        partition->dirty_bytes() >= options_.checkpoint_dirty_bytes) {
      due.push_back(partition);
    }
  }
  for (Partition* partition : due) {
    MaybeCheckpoint(partition, now, force);
    // The next when what came meanwhile was applied.
    if (collecting_ != nullptr) return;
  }
}

void Worker::MaybeCheckpoint(Partition* partition, absl::Time now, bool force) {
  if (force) {
    Collect(absl::InfiniteDuration());  // of another partition, perhaps
    // The one before must be done before the last one is made.
    const absl::Status idle =
        checkpointer_.WaitIdle(checkpointer_.stalled() ? kStalledDiskWait : kDiskWait);
    if (!idle.ok()) base::LogWarning("ingest", "last checkpoint is late", {{"error", idle}});
  }
  if (partition->BeginCheckpoint(store_)) {
    collecting_ = partition;
    changed_.erase(partition);
    if (force) Collect(absl::InfiniteDuration());
  } else if (partition->next_offset() == partition->stored_offset()) {
    changed_.erase(partition);
  } else {
    // One is being written: look again in a moment.
    changed_[partition] = now - options_.checkpoint_interval + kLookAgain;
  }
}

void Worker::Collect(absl::Duration time) {
  const absl::Time until = absl::Now() + time;
  while (collecting_ != nullptr) {
    std::optional<PendingCheckpoint> pending = collecting_->CollectCheckpoint(kCollectRows);
    if (pending.has_value()) {
      checkpointer_.Enqueue(collecting_, *std::move(pending));
      collecting_ = nullptr;
    } else if (absl::Now() >= until) {
      return;
    }
  }
}

}  // namespace kindred::node
