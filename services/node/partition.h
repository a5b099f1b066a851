// Everything one partition's log prefix amounts to, and the one function that moves it forward.
//
// Per record: decode → clean → find the customer → drop copies → judge outliers → apply to the
// profile → learn item relations. No clock and no I/O besides reading evicted customers back, so
// the node, the simulation and the benchmarks run the same code.
#ifndef KINDRED_NODE_PARTITION_H_
#define KINDRED_NODE_PARTITION_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/strong_int.h"
#include "clean/duplicates.h"
#include "clean/outliers.h"
#include "clean/quality.h"
#include "node/attribution.h"
#include "node/breaker.h"
#include "node/cold_reader.h"
#include "node/outbox_entry.h"
#include "node/partition_audiences.h"
#include "node/shared_state.h"
#include "node/workbench.h"
#include "profile/customer_map.h"
#include "profile/outcome_sample.h"
#include "profile/profile.h"
#include "recommend/pair_table.h"
#include "recommend/rating_table.h"
#include "series/series_book.h"
#include "store/checkpoint.h"
#include "store/store.h"
#include "stream/record.h"

namespace kindred::node {

// What a checkpoint leaves to be told once it is written.
struct PendingCheckpoint {
  store::Checkpoint checkpoint;
  Offset next_offset;
  uint32_t items_upto = 0;
  uint32_t terms_upto = 0;
  bool has_outbox = false;
};

// Threads: one worker calls what is not const; const methods from any thread.
// Locks:   readers share, Apply() excludes them for one slice of records at a time.
class Partition {
 public:
  Partition(PartitionId id, SharedState* shared);
  ~Partition();
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  // Puts back what the last checkpoint stored; once, on an empty partition. DataLoss if the store
  // holds what no checkpoint can have written. At most `profile_bytes` of profiles are loaded; the
  // others are read back when they are needed.
  absl::Status Restore(const store::Store& store, size_t profile_bytes) ABSL_LOCKS_EXCLUDED(mutex_);

  // Applies records in the order of their offsets. Offsets below next_offset() are dropped; a jump
  // is counted. Fails where an evicted customer cannot be read: then everything before that record
  // is applied, next_offset() tells where to go on, and the call may be repeated.
  // FailedPrecondition once the breaker has tripped: halted() is true, and nothing more is applied
  // in this run.
  absl::Status Apply(absl::Span<const stream::RawRecord> records, const ColdReader& cold,
                     Workbench* bench) ABSL_LOCKS_EXCLUDED(mutex_);

  // Records at these offsets are dead letters, whatever is in them (see Suspects).
  void SetAside(std::vector<int64_t> offsets) ABSL_LOCKS_EXCLUDED(mutex_);
  // Goes on where the breaker had stopped it.
  void ResetBreaker() ABSL_LOCKS_EXCLUDED(mutex_);

  // Hands over a copy of everything that changed since the last call. One at a time: the next only
  // after CheckpointDone(). None when nothing changed.
  std::optional<PendingCheckpoint> BeginCheckpoint(const store::Store& store)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void CheckpointDone(const PendingCheckpoint& pending) ABSL_LOCKS_EXCLUDED(mutex_);
  // Roughly what the next checkpoint will write.
  size_t dirty_bytes() const { return dirty_bytes_.load(std::memory_order_relaxed); }

  // Drops clean profiles from memory until they take at most `target_bytes`. Does nothing while a
  // checkpoint is being written.
  void Evict(size_t target_bytes) ABSL_LOCKS_EXCLUDED(mutex_);

  // Takes customers that changed since they were last taken, at most `count`, oldest change first.
  std::vector<std::string> TakeChanged(size_t count) ABSL_LOCKS_EXCLUDED(mutex_);

  // --- Readers
  PartitionId id() const { return id_; }
  // The first offset not applied.
  Offset next_offset() const { return Offset(next_offset_.load(std::memory_order_acquire)); }
  // The first offset not in the last checkpoint.
  Offset stored_offset() const { return Offset(stored_offset_.load(std::memory_order_acquire)); }
  // The breaker tripped: nearly everything was rejected.
  bool halted() const { return halted_.load(std::memory_order_acquire); }
  // 0 before the first event.
  int64_t newest_event_ms() const { return newest_event_ms_.load(std::memory_order_acquire); }

  // Calls `visit` with the customer's profile under the reader's lock. False when it was never
  // seen. Status when it had to be read from the store and could not be.
  absl::StatusOr<bool> Visit(absl::string_view customer_id, uint64_t hash, const ColdReader& cold,
                             absl::FunctionRef<void(const profile::Profile&)> visit) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // A walk over customers in memory; see CustomerMap::Walk.
  uint64_t Walk(uint64_t cursor, size_t count,
                absl::FunctionRef<void(const profile::Customer&)> visit) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Calls `read` with the partition's series under the reader's lock.
  void ReadSeries(absl::FunctionRef<void(const series::SeriesBook&)> read) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Up to when the outcomes of the sample are known; see OutcomeSample. 0 before the first event.
  int64_t outcomes_known_ms() const { return outcomes_known_ms_.load(std::memory_order_acquire); }
  // Calls `visit` with the sample that predictions are trained on, under the reader's lock.
  void VisitSample(absl::FunctionRef<void(const profile::OutcomeSample&)> visit) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether the customer's profile is in memory.
  bool InMemory(absl::string_view customer_id, uint64_t hash) const ABSL_LOCKS_EXCLUDED(mutex_);

  struct Figures {
    clean::QualityCounts quality;
    uint64_t customers = 0;  // in memory and stored
    uint64_t customers_in_memory = 0;
    uint64_t outbox_pending = 0;
    uint32_t window_records = 0;   // of the breaker
    uint32_t window_rejected = 0;  // of them
    int64_t dedup_window_ms = 0;
    size_t profile_bytes = 0;
    size_t dedup_bytes = 0;
    size_t relation_bytes = 0;
    size_t series_bytes = 0;
    size_t sample_bytes = 0;
  };
  Figures figures() const ABSL_LOCKS_EXCLUDED(mutex_);
  // The customers' ratings, under the reader's lock.
  void VisitRatings(absl::FunctionRef<void(const recommend::RatingTable&)> visit) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // What recommendations led to, as far as this partition's events tell; a copy.
  std::map<AttributionCell, AttributionCounts> attribution() const ABSL_LOCKS_EXCLUDED(mutex_);
  PartitionAudiences& audiences() { return audiences_; }
  const PartitionAudiences& audiences() const { return audiences_; }

  // Acknowledged outbox entries, for the count of those that wait.
  void OutboxDelivered(uint64_t count) { outbox_delivered_.fetch_add(count); }

 private:
  struct NewOutboxEntry {
    uint64_t sequence;
    std::string bytes;
  };

  // Loads what the records' customers need, all at once.
  absl::Status Prefetch(absl::Span<const stream::RawRecord> records, const ColdReader& cold)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status ApplyRecord(const stream::RawRecord& record, const ColdReader& cold,
                           Workbench* bench) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status ApplyEvent(const stream::RawRecord& record, const event::Event& event,
                          const ColdReader& cold, Workbench* bench)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsSetAside(Offset offset) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<profile::Customer*> FindOrLoad(absl::string_view id, uint64_t hash,
                                                const ColdReader& cold)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Looks at the sample's customers if an event of this time calls for it. Changes nothing when it
  // fails.
  absl::Status StepSample(int64_t event_time_ms, const ColdReader& cold)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  profile::ApplyContext Intern(const clean::CleanEvent& event)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FillFromCatalogue(clean::CleanEvent* event, Workbench* bench) const;
  void LearnItems(const clean::CleanEvent& event, const profile::ApplyContext& context,
                  const profile::Profile& profile, Workbench* bench)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountAttribution(const clean::CleanEvent& event, const profile::ApplyContext& context,
                        uint64_t hash, bool undo) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes back what an event did that carries the property "undo".
  void UndoEvent(const stream::RawRecord& record, clean::CleanEvent* event, uint64_t hash,
                 profile::Customer* customer, Workbench* bench)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void UnlearnItems(const clean::CleanEvent& event, const profile::ApplyContext& context,
                    const profile::Profile& profile, Workbench* bench)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteItem(const clean::CleanEvent& event, const profile::ApplyContext& context)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountInSeries(const clean::CleanEvent& event, const profile::ApplyContext& context,
                     uint64_t customer_hash, bool undo) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // False: a rule of the operators drops the event.
  bool ApplyRules(const stream::RawRecord& record, clean::CleanEvent* event, uint32_t line,
                  Workbench* bench) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Reject(const stream::RawRecord& record, absl::string_view stage, absl::string_view reason,
              absl::string_view detail, uint32_t line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Links (partition_links.cc): what the event says of ids that belong together.
  void LinkIds(const clean::CleanEvent& event, profile::Customer* customer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // An unlink, or another partition's word of a link.
  void ApplyLink(const stream::RawRecord& record, const event::Event& event,
                 const clean::CleanEvent& clean, uint64_t hash, profile::Customer* customer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Deletes this part of the customer and asks the linked ids' partitions to follow.
  void DeleteCustomer(const clean::CleanEvent& event, uint64_t hash, profile::Customer* customer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Stored with the next checkpoint, produced after it. For whoever has something to say while a
  // record is applied.
  void Post(const OutboxEntry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Needs the lock only against Apply(), which runs on the same thread; see BeginCheckpoint().
  void EncodeChanges(PendingCheckpoint* pending) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  std::string EncodeHead() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  absl::Status RestoreHead(absl::string_view bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RestoreSample(const store::Store& store) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RestoreProfiles(const store::Store& store, size_t profile_bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const PartitionId id_;
  SharedState& shared_;
  std::atomic<int64_t> next_offset_{0};
  std::atomic<int64_t> stored_offset_{0};
  std::atomic<int64_t> newest_event_ms_{0};
  std::atomic<int64_t> outcomes_known_ms_{0};
  std::atomic<size_t> dirty_bytes_{0};
  std::atomic<uint64_t> outbox_delivered_{0};
  std::atomic<bool> halted_{false};
  // A checkpoint was begun and is not done.
  std::atomic<bool> checkpoint_pending_{false};

  mutable absl::Mutex mutex_;
  profile::CustomerMap customers_ ABSL_GUARDED_BY(mutex_);
  profile::OutcomeSample sample_ ABSL_GUARDED_BY(mutex_);
  clean::DuplicateWindow duplicates_ ABSL_GUARDED_BY(mutex_);
  clean::PriceBook prices_ ABSL_GUARDED_BY(mutex_);
  clean::QualityCounts quality_ ABSL_GUARDED_BY(mutex_);
  Breaker breaker_ ABSL_GUARDED_BY(mutex_);
  std::vector<int64_t> set_aside_ ABSL_GUARDED_BY(mutex_);
  Attribution attribution_ ABSL_GUARDED_BY(mutex_);
  recommend::RatingTable rating_table_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<recommend::PairTable> pairs_;  // guards itself
  series::SeriesBook series_ ABSL_GUARDED_BY(mutex_);
  PartitionAudiences audiences_;                 // guards itself
  base::DictionaryCache item_names_ ABSL_GUARDED_BY(mutex_);
  base::DictionaryCache term_names_ ABSL_GUARDED_BY(mutex_);
  uint64_t customer_count_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t next_outbox_ ABSL_GUARDED_BY(mutex_) = 1;
  std::vector<NewOutboxEntry> outbox_ ABSL_GUARDED_BY(mutex_);
  // Items whose attributes an event told, to be stored with the next checkpoint.
  std::vector<ItemId> noted_items_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_PARTITION_H_
