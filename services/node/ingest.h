// Takes records from the log and hands them to the workers; answers for the assignment.
#ifndef KINDRED_NODE_INGEST_H_
#define KINDRED_NODE_INGEST_H_

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "node/checkpointer.h"
#include "node/partition_set.h"
#include "node/worker.h"
#include "stream/event_source.h"
#include "stream/kafka_event_source.h"
#include "stream/topic_admin.h"
#include "telemetry/metrics.h"

namespace kindred::node {

struct IngestOptions {
  size_t poll_records = 500;
  absl::Duration poll_wait = absl::Milliseconds(100);
  absl::Duration commit_hint_interval = absl::Seconds(5);
};

// Threads: Start() and Stop() from one thread; the rest from any. What is passed in must outlive
// it.
class Ingest final : public stream::RebalanceListener {
 public:
  using OnFatal = std::function<void(absl::Status status)>;
  // Told after records of a partition were handed to a worker; for feeders of the embedded broker.
  using OnConsumed = std::function<void(PartitionId partition, Offset next)>;
  Ingest(const IngestOptions& options, PartitionSet* partitions,
         std::vector<std::unique_ptr<Worker>>* workers, Checkpointer* checkpointer,
         telemetry::Registry* registry, OnFatal on_fatal);
  ~Ingest() override;

  absl::Status Start(const stream::KafkaSourceOptions& source);
  // Leaves the group; every owned partition gets a last checkpoint.
  void Stop(absl::Duration limit);

  void SetOnConsumed(OnConsumed on_consumed) { on_consumed_ = std::move(on_consumed); }
  // The group has assigned something at least once.
  bool assigned() const { return assigned_.load(std::memory_order_acquire); }
  bool paused() const { return paused_.load(std::memory_order_acquire); }
  // The disk takes nothing, or less than the events change.
  bool DiskLags() const;
  // Grows while the loop runs, also without records.
  uint64_t progress() const { return progress_.load(std::memory_order_relaxed); }

  // stream::RebalanceListener, on the polling thread.
  std::vector<stream::PartitionStart> OnAssigned(absl::Span<const PartitionId> partitions) override;
  void OnRevoked(absl::Span<const PartitionId> partitions) override;
  void OnLost(absl::Span<const PartitionId> partitions) override;
  std::optional<Offset> OnOutOfRange(PartitionId partition, Offset wanted,
                                     stream::Watermarks log) override;

 private:
  void Run();
  Worker& WorkerOf(PartitionId partition) {
    return *(*workers_)[static_cast<size_t>(partition.value()) % workers_->size()];
  }
  void Distribute(std::vector<stream::RawRecord>* records);
  // Reads no more of partitions whose breaker tripped.
  void PauseHalted();
  // Pauses everything while workers or the disk do not keep up.
  void Regulate();
  void NoteProgress(absl::Time now);
  // What was taken away and not given back with a new assignment is another node's.
  void GiveUpOthers();
  void HintCommits();

  const IngestOptions options_;
  PartitionSet& partitions_;
  std::vector<std::unique_ptr<Worker>>* const workers_;
  Checkpointer& checkpointer_;
  const OnFatal on_fatal_;
  OnConsumed on_consumed_;
  telemetry::Counter& assignments_;
  telemetry::Counter& revocations_;
  telemetry::Counter& losses_;
  telemetry::Counter& out_of_range_;
  telemetry::Counter& pauses_;
  stream::KafkaSourceOptions source_options_;
  std::unique_ptr<stream::TopicAdmin> admin_;
  std::unique_ptr<stream::EventSource> source_;
  std::vector<PartitionId> owned_;  // polling thread
  std::atomic<bool> assigned_{false};
  std::atomic<bool> paused_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> progress_{0};
  absl::Time next_hint_ = absl::InfinitePast();
  std::thread thread_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_INGEST_H_
