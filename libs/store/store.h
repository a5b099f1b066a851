// Durable state of a node: records by (table, partition, id), written in atomic checkpoints.
#ifndef KINDRED_STORE_STORE_H_
#define KINDRED_STORE_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/strong_int.h"
#include "store/checkpoint.h"
#include "store/format.h"
#include "store/store_options.h"

namespace kindred::store {

struct StoredPartition {
  PartitionId partition;
  Offset next_offset;
};

// The state of one moment; see Store::TakeSnapshot.
class Snapshot;

// Threads: all methods from any thread; writes are taken one after the other. Close() must be the
//          last call.
// Atomic:  a checkpoint is stored as a whole, over all its tables, or not at all. After a crash the
//          store is as it was after one of the checkpoints written, never in between (README,
//          "What a crash leaves").
// Errors:  ResourceExhausted (disk full: pause, keep reading, it goes on by itself), Unavailable
//          (retry with a bound), FailedPrecondition (a wrong directory, or an offset going back),
//          DataLoss and Internal (stop the process; the state is rebuilt from the log).
// Absence is not an error: an empty optional.
class Store {
 public:
  // Refuses (FailedPrecondition) a directory that another process has open, or that holds another
  // cluster, topic, partition count or a newer format; NotFound without create_if_missing;
  // DataLoss when what is on disk cannot be read back to a consistent moment. The message says
  // what to do.
  static absl::StatusOr<std::unique_ptr<Store>> Open(StoreOptions options);
  ~Store();  // Close(), if that has not been called
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // `partition` may be kNodeScope, for what belongs to no partition.
  Checkpoint NewCheckpoint(PartitionId partition) const;
  // On failure nothing has changed, the checkpoint is as it was and can be written again.
  // With kYes it survives a power loss, not only the end of the process.
  enum class Sync { kNo, kYes };
  absl::Status Write(Checkpoint&& checkpoint, Sync sync = Sync::kNo);

  absl::StatusOr<std::optional<std::string>> Get(Table table, PartitionId partition,
                                                 absl::string_view id) const;
  // One look-up for many ids, much cheaper than one after the other. Answers in the order of `ids`.
  absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(
      Table table, PartitionId partition, absl::Span<const absl::string_view> ids) const;

  // Every record of a table and partition in the order of ids, from id `from` on, as of one moment
  // (that of the snapshot, or of the call). Stops at a status that is not OK and returns it. The
  // views live during the call.
  using Visitor = absl::FunctionRef<absl::Status(absl::string_view id, absl::string_view value)>;
  absl::Status ForEach(Table table, PartitionId partition, Visitor visit,
                       const Snapshot* snapshot = nullptr, absl::string_view from = {}) const;
  // Holds back the compaction of what it shows: release it soon, and before Close().
  std::shared_ptr<const Snapshot> TakeSnapshot() const;

  // Empty: nothing of this partition is stored; read the log from its start.
  absl::StatusOr<std::optional<Offset>> NextOffset(PartitionId partition,
                                                   const Snapshot* snapshot = nullptr) const;
  // Partitions that have a next offset, in order.
  absl::StatusOr<std::vector<StoredPartition>> Partitions(const Snapshot* snapshot = nullptr) const;
  // Removes all that is stored of a partition. If the process dies in the middle, the next Open
  // finishes it; a half-removed partition is never seen.
  absl::Status DeletePartition(PartitionId partition);

  // Entries of a partition's outbox in order, from `from` on, at most `limit`. Starting at the
  // first entry not acknowledged keeps it fast.
  using OutboxVisitor = absl::FunctionRef<absl::Status(uint64_t sequence, absl::string_view value)>;
  absl::Status ForEachOutbox(PartitionId partition, uint64_t from, size_t limit,
                             OutboxVisitor visit) const;
  // The direct way for acknowledged entries, when no checkpoint is due.
  absl::Status DeleteOutbox(PartitionId partition, absl::Span<const uint64_t> sequences);

  // OK, or what keeps the store from writing: ResourceExhausted or Unavailable while it tries to
  // recover by itself, DataLoss when only a restart helps.
  absl::Status Health() const;
  StoreStats Stats() const;

  // Memory to files. With Durability::kFlushOnly this is what makes checkpoints durable.
  absl::Status Flush();
  // Rewrites everything in its final form: for measurements and after an import.
  absl::Status CompactAll();
  // Flushes, waits for background work, lets go of the directory. Idempotent.
  absl::Status Close();

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kindred::store

#endif  // KINDRED_STORE_STORE_H_
