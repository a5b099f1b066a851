// The one function that moves a partition's state forward, record by record.
//
// Per record: decode → clean → find the customer → drop copies → judge outliers → apply to the
// profile → learn item relations. A slice of records goes through the first two steps together,
// then record by record through the next four, then together through the last: the code of all
// steps at once is larger than a processor's cache for code. What comes out is the same. Readers
// are kept out of the middle steps only.
//
// No clock and no I/O besides reading evicted customers back, so
// the node, the simulation and the benchmarks run the same code.
#ifndef KINDRED_NODE_PARTITION_H_
#define KINDRED_NODE_PARTITION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/strong_int.h"
#include "node/cold_reader.h"
#include "node/outbox_entry.h"
#include "node/partition_state.h"
#include "node/prepared_record.h"
#include "node/shared_state.h"
#include "node/workbench.h"
#include "profile/customer_map.h"
#include "profile/profile.h"
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
  // It tells of audiences. When who is judged is not in the log: after a lost power the same would
  // not be told again, so what was heard must not be forgotten.
  store::Store::Sync sync = store::Store::Sync::kNo;
};

// Threads: one worker calls what is not const; const methods from any thread.
// Locks:   readers share, Apply() excludes them for one slice of records at a time.
class Partition : public PartitionState {
 public:
  Partition(PartitionId id, SharedState* shared) : PartitionState(id, shared) {}

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

  // Begins to take a copy of everything that changed since the last one. One at a time: the next
  // only after CheckpointDone(). False when nothing changed.
  bool BeginCheckpoint(const store::Store& store) ABSL_LOCKS_EXCLUDED(mutex_);
  // Copies at most `rows` of the profiles and relations that are left; Apply() may be called
  // meanwhile, and copies what it is about to change itself. None until all is as it was at
  // BeginCheckpoint().
  std::optional<PendingCheckpoint> CollectCheckpoint(size_t rows) ABSL_LOCKS_EXCLUDED(mutex_);
  // Both at once.
  std::optional<PendingCheckpoint> TakeCheckpoint(const store::Store& store)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void CheckpointDone(const PendingCheckpoint& pending) ABSL_LOCKS_EXCLUDED(mutex_);
  // Roughly what the next checkpoint will write, and what memory holds until it is written.
  size_t dirty_bytes() const { return dirty_bytes_.load(std::memory_order_relaxed); }

  // Drops clean profiles from memory until they take at most `target_bytes`. Does nothing while a
  // checkpoint is being written.
  void Evict(size_t target_bytes) ABSL_LOCKS_EXCLUDED(mutex_);

  // Takes customers that changed since they were last taken, at most `count`, oldest change first.
  std::vector<std::string> TakeChanged(size_t count) ABSL_LOCKS_EXCLUDED(mutex_);
  // At most this many are to be taken.
  size_t changed_waiting() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Loads what the records' customers need, all at once.
  absl::Status Prefetch(absl::Span<const stream::RawRecord> records, const ColdReader& cold)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Reads and cleans the records of a slice into the bench's places.
  void Prepare(absl::Span<const stream::RawRecord> records, Workbench* bench)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Applies prepared records up to the first that fails; leaves lessons for Learn().
  absl::Status ApplySlice(absl::Span<const stream::RawRecord> records, const ColdReader& cold,
                          Workbench* bench, int64_t* next_offset)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status ApplyRecord(const stream::RawRecord& record, PreparedRecord* prepared,
                           const ColdReader& cold, Workbench* bench)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The record's event at `line`.
  absl::Status ApplyEvent(const stream::RawRecord& record, size_t line, const ColdReader& cold,
                          PreparedRecord* prepared, Workbench* bench)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What became of an event, in sum and over time. `channel` as the event has it.
  void CountAccepted(const clean::CleanEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountDuplicate(absl::string_view channel) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountRejected(clean::RejectReason reason, absl::string_view channel)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A rejection is told once: as a dead letter, or, when it was told before, as a duplicate.
  void RejectUnclean(const stream::RawRecord& record, const clean::Rejection& rejection,
                     const event::Event& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The event counts: everything that it changes. `customer` may be null.
  void ApplyAccepted(const clean::CleanEvent& event, uint64_t hash, profile::Customer* customer,
                     Workbench* bench) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsSetAside(Offset offset) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<profile::Customer*> FindOrLoad(absl::string_view id, uint64_t hash,
                                                const ColdReader& cold)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Looks at the sample's customers if an event of this time calls for it. Changes nothing when it
  // fails.
  absl::Status StepSample(int64_t event_time_ms, const ColdReader& cold)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  profile::ApplyContext Intern(const clean::CleanEvent& event, Workbench* bench)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FillFromCatalogue(clean::CleanEvent* event, Workbench* bench) const;
  // What accepted events teach besides the profile, in their order. Before anything that takes an
  // event back, and before the text of the events goes. Relations need no lock: only this thread
  // writes them, and their readers take none.
  void Learn(Workbench* bench) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountLessons(const Workbench& bench) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LearnRelations(Workbench* bench);
  void CountAttribution(const clean::CleanEvent& event, const profile::ApplyContext& context,
                        uint64_t hash, bool undo) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes back what an event did that carries the property "undo".
  void UndoEvent(const stream::RawRecord& record, clean::CleanEvent* event, uint64_t hash,
                 profile::Customer* customer, Workbench* bench)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void UnlearnItems(const clean::CleanEvent& event, const profile::ApplyContext& context,
                    const profile::Profile& profile, Workbench* bench)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteItem(const clean::CleanEvent& event, const profile::ApplyContext& context);
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
  // Need the lock only against Apply(), which runs on the same thread; see BeginCheckpoint().
  void EncodeChanges(PendingCheckpoint* pending) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  bool EncodeRows(size_t rows) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  std::string EncodeHead() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  absl::Status RestoreHead(absl::string_view bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RestoreQuality(const store::Store& store) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RestoreSample(const store::Store& store) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RestoreProfiles(const store::Store& store, size_t profile_bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::optional<PendingCheckpoint> collecting_;  // the worker's
  std::string profile_text_;                     // of the customer that is copied
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_PARTITION_H_
