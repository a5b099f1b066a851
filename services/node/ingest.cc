#include "node/ingest.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "base/thread_name.h"

namespace kindred::node {
namespace {

constexpr absl::Duration kWatermarkTimeout = absl::Seconds(5);
constexpr absl::Duration kBackPressureWait = absl::Milliseconds(2);
// So long a full queue only holds the loop; then partitions are paused, which drops what the client
// fetched ahead.
constexpr absl::Duration kPauseAfter = absl::Seconds(2);

telemetry::Counter& Rebalances(telemetry::Registry* registry, const char* kind) {
  return registry->GetCounter("kindred_rebalances_total", "Changes of the assignment, by kind.",
                              {{"kind", kind}});
}

}  // namespace

Ingest::Ingest(const IngestOptions& options, PartitionSet* partitions,
               std::vector<std::unique_ptr<Worker>>* workers, Checkpointer* checkpointer,
               telemetry::Registry* registry, OnFatal on_fatal)
    : options_(options),
      partitions_(*partitions),
      workers_(workers),
      checkpointer_(*checkpointer),
      on_fatal_(std::move(on_fatal)),
      assignments_(Rebalances(registry, "assigned")),
      revocations_(Rebalances(registry, "revoked")),
      losses_(Rebalances(registry, "lost")),
      out_of_range_(registry->GetCounter(
          "kindred_offsets_out_of_range_total",
          "Times that the log no longer held the position a partition was at.")),
      pauses_(registry->GetCounter("kindred_ingest_pauses_total",
                                   "Times that ingest paused because workers or disk lagged.")) {}

Ingest::~Ingest() { Stop(absl::Seconds(10)); }

absl::Status Ingest::Start(const stream::KafkaSourceOptions& source) {
  source_options_ = source;
  KINDRED_ASSIGN_OR_RETURN(admin_, stream::TopicAdmin::Open(source.connection));
  KINDRED_ASSIGN_OR_RETURN(source_, stream::OpenKafkaEventSource(source, this));
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void Ingest::Stop(absl::Duration limit) {
  stopping_.store(true, std::memory_order_release);
  if (thread_.joinable()) thread_.join();
  if (source_ == nullptr) return;
  const absl::Status closed = source_->Close(limit);
  if (!closed.ok()) base::LogWarning("ingest", "leaving the group took too long");
  source_.reset();
}

void Ingest::Run() {
  base::NameThread("ingest");
  std::vector<stream::RawRecord> records;
  while (!stopping_.load(std::memory_order_acquire)) {
    Regulate();
    records.clear();
    const absl::Status status =
        source_->PollBatch(options_.poll_records, options_.poll_wait, records);
    progress_.fetch_add(1, std::memory_order_relaxed);
    if (!status.ok()) {
      base::LogError("ingest", "the log cannot be read any more, stopping", {{"error", status}});
      on_fatal_(status);
      return;
    }
    Distribute(&records);
    PauseHalted();
    const absl::Time now = absl::Now();
    NoteProgress(now);
    if (now >= next_hint_) {
      next_hint_ = now + options_.commit_hint_interval;
      HintCommits();
    }
  }
  HintCommits();
}

void Ingest::Distribute(std::vector<stream::RawRecord>* records) {
  size_t begin = 0;
  while (begin < records->size()) {
    const PartitionId partition = (*records)[begin].partition();
    size_t end = begin + 1;
    while (end < records->size() && (*records)[end].partition() == partition) ++end;
    std::vector<stream::RawRecord> run(
        std::make_move_iterator(records->begin() + static_cast<ptrdiff_t>(begin)),
        std::make_move_iterator(records->begin() + static_cast<ptrdiff_t>(end)));
    begin = end;
    // A partition that the topic did not have when the state was made: OnAssigned() told.
    if (!partitions_.Contains(partition)) continue;
    const Offset next(run.back().offset().value() + 1);
    WorkerOf(partition).Enqueue(partitions_.slot(partition).state.get(), std::move(run));
    if (on_consumed_) on_consumed_(partition, next);
  }
}

void Ingest::PauseHalted() {
  for (const PartitionId partition : owned_) {
    if (partitions_.slot(partition).state->halted()) source_->Pause(partition);
  }
}

void Ingest::Regulate() {
  const auto clear = [this] {
    return !checkpointer_.stalled() &&
           std::all_of(workers_->begin(), workers_->end(),
                       [](const auto& worker) { return worker->CanTake(); });
  };
  if (paused_.load(std::memory_order_relaxed)) {
    if (!clear()) return;
    for (const PartitionId partition : owned_) {
      if (!partitions_.slot(partition).state->halted()) source_->Resume(partition);
    }
    paused_.store(false, std::memory_order_release);
    base::LogInfo("ingest", "resumed");
    return;
  }
  const absl::Time pause_at = absl::Now() + kPauseAfter;
  while (!clear() && !stopping_.load(std::memory_order_acquire)) {
    if (absl::Now() >= pause_at) {
      for (const PartitionId partition : owned_) source_->Pause(partition);
      paused_.store(true, std::memory_order_release);
      pauses_.Increment();
      base::LogWarning("ingest", "paused: what was read is not applied or stored fast enough",
                       {{"waits_for", DiskLags() ? "disk" : "workers"}});
      return;
    }
    absl::SleepFor(kBackPressureWait);
  }
}

bool Ingest::DiskLags() const {
  return checkpointer_.stalled() ||
         std::any_of(workers_->begin(), workers_->end(),
                     [](const auto& worker) { return worker->waits_for_disk(); });
}

void Ingest::NoteProgress(absl::Time now) {
  const bool reachable = source_->BrokersReachable();
  for (const PartitionId id : owned_) {
    PartitionSlot& slot = partitions_.slot(id);
    const absl::StatusOr<stream::Watermarks> log = source_->CachedWatermarks(id);
    if (log.ok() && log->high.value() != slot.end_offset.load(std::memory_order_relaxed)) {
      slot.end_offset.store(log->high.value(), std::memory_order_release);
    }
    if (slot.catch_up_offset.load(std::memory_order_relaxed) < 0 && log.ok()) {
      slot.catch_up_offset.store(log->high.value(), std::memory_order_release);
    }
    const int64_t target = slot.catch_up_offset.load(std::memory_order_relaxed);
    if (target < 0 || slot.state->next_offset().value() < target) continue;
    // After an absence answers are as old as the absence until what it missed has been applied.
    if (reachable) slot.last_heard_ms.store(absl::ToUnixMillis(now), std::memory_order_release);
    if (!slot.caught_up.load(std::memory_order_relaxed)) {
      slot.caught_up.store(true, std::memory_order_release);
      base::LogInfo("ingest", "partition is ready",
                    {{"partition", id.value()}, {"offset", slot.state->next_offset().value()}});
    }
  }
}

void Ingest::HintCommits() {
  std::vector<stream::PartitionOffset> positions;
  for (const PartitionId id : owned_) {
    const Offset stored = partitions_.slot(id).state->stored_offset();
    if (stored.value() > 0) positions.push_back({id, stored});
  }
  if (!positions.empty()) source_->CommitHint(positions);
}

std::vector<stream::PartitionStart> Ingest::OnAssigned(absl::Span<const PartitionId> partitions) {
  assignments_.Increment();
  std::vector<stream::PartitionStart> starts;
  owned_.clear();
  bool reachable = true;
  for (const PartitionId id : partitions) {
    if (!partitions_.Contains(id)) {
      on_fatal_(absl::FailedPreconditionError(
          "the events topic has more partitions than when the data directory was made"));
      continue;
    }
    Partition& partition = partitions_.Ensure(id);
    PartitionSlot& slot = partitions_.slot(id);
    const Offset next = partition.next_offset();
    // Unknown: then the end is what the log is first heard to hold. One that does not answer is
    // not asked for the others: the group waits for this call.
    int64_t end = -1;
    if (reachable) {
      const absl::StatusOr<stream::Watermarks> log =
          admin_->QueryWatermarks(source_options_.topic, id, kWatermarkTimeout);
      reachable = log.ok();
      if (log.ok()) end = log->high.value();
    }
    slot.end_offset.store(end, std::memory_order_release);
    slot.catch_up_offset.store(end, std::memory_order_release);
    // What was ready and was nobody else's meanwhile stays so, and says how old it is.
    if (end >= 0 && next.value() >= end) {
      slot.last_heard_ms.store(absl::ToUnixMillis(absl::Now()), std::memory_order_release);
      slot.caught_up.store(true, std::memory_order_release);
    }
    slot.ownership.store(Ownership::kOwned, std::memory_order_release);
    owned_.push_back(id);
    starts.push_back({id, next.value() > 0 ? std::optional<Offset>(next) : std::nullopt});
    base::LogInfo("ingest", "partition assigned",
                  {{"partition", id.value()}, {"offset", next.value()}, {"end", end}});
  }
  GiveUpOthers();
  paused_.store(false, std::memory_order_release);
  assigned_.store(true, std::memory_order_release);
  return starts;
}

void Ingest::GiveUpOthers() {
  partitions_.ForEach([](PartitionSlot& slot) {
    const Ownership before = slot.ownership.load(std::memory_order_relaxed);
    if (before == Ownership::kOwned || before == Ownership::kRevoked) return;
    slot.ownership.store(Ownership::kRevoked, std::memory_order_release);
    slot.caught_up.store(false, std::memory_order_release);
    if (before == Ownership::kNever) return;
    base::LogInfo(
        "ingest", "partition belongs to another node now; its state is kept",
        {{"partition", slot.state->id().value()}, {"offset", slot.state->next_offset().value()}});
  });
}

void Ingest::OnRevoked(absl::Span<const PartitionId> partitions) {
  revocations_.Increment();
  for (const PartitionId id : partitions) {
    if (!partitions_.Contains(id)) continue;
    PartitionSlot& slot = partitions_.slot(id);
    WorkerOf(id).Release(slot.state.get());
    slot.ownership.store(Ownership::kLost, std::memory_order_release);
    owned_.erase(std::remove(owned_.begin(), owned_.end(), id), owned_.end());
  }
  const absl::Status idle = checkpointer_.WaitIdle(absl::Seconds(10));
  base::LogInfo("ingest", "partitions revoked",
                {{"count", partitions.size()}, {"stored", idle.ok()}});
}

void Ingest::OnLost(absl::Span<const PartitionId> partitions) {
  losses_.Increment();
  for (const PartitionId id : partitions) {
    if (!partitions_.Contains(id)) continue;
    PartitionSlot& slot = partitions_.slot(id);
    WorkerOf(id).Release(slot.state.get());
    slot.ownership.store(Ownership::kLost, std::memory_order_release);
    owned_.erase(std::remove(owned_.begin(), owned_.end(), id), owned_.end());
  }
  base::LogWarning("ingest", "partitions lost: the brokers are away or the session expired",
                   {{"count", partitions.size()}});
}

std::optional<Offset> Ingest::OnOutOfRange(PartitionId partition, Offset wanted,
                                           stream::Watermarks log) {
  out_of_range_.Increment();
  if (wanted < log.low) {
    // Retention took what was not read: it cannot be had any more; go on and count it.
    base::LogError(
        "ingest", "events were deleted from the log before they were read",
        {{"partition", partition.value()}, {"from", wanted.value()}, {"to", log.low.value()}});
    return log.low;
  }
  base::LogError(
      "ingest",
      "the log is shorter than the stored state: it was truncated or made anew; "
      "the partition is stopped. Restore the topic, or start with an empty data_dir",
      {{"partition", partition.value()}, {"stored", wanted.value()}, {"end", log.high.value()}});
  return std::nullopt;
}

}  // namespace kindred::node
