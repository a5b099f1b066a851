// Who is in which audience of one partition: what was told to the outside, and what is to be told.
//
// What was told is stored in the same atomic batch as the outbox entry that tells it. So the
// changes that were produced, folded, are the membership, whatever crashes come between.
#ifndef KINDRED_NODE_PARTITION_AUDIENCES_H_
#define KINDRED_NODE_PARTITION_AUDIENCES_H_

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/strong_int.h"
#include "node/outbox_entry.h"
#include "node/rule_set.h"
#include "store/checkpoint.h"
#include "store/store.h"

namespace kindred::node {

// Audiences have slots, numbers of the partition: a bit each. One that is no longer defined keeps
// its slot until all its members were told that they left.
// Memory: about 40 bytes a member, as customers are, whether in memory or evicted.
// Customers are known by a 64-bit hash here; two with the same one (once in 10^5 nodes of ten
// million customers) would be told as one.
// Threads: any.
class PartitionAudiences {
 public:
  static constexpr size_t kSlots = kMaxRulesOfAKind;

  // The audiences that are defined now. Returns the slot of each, or -1 while none is free.
  std::vector<int> Adopt(absl::Span<const std::string> names) ABSL_LOCKS_EXCLUDED(mutex_);

  // The customer belongs to exactly these slots, as of a time. The caller holds the partition's
  // lock (shared), so that the customer cannot be removed meanwhile.
  void Decide(absl::string_view customer_id, uint64_t hash, uint64_t slots, int64_t as_of_ms)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The customer was deleted: it leaves everything.
  void Remove(absl::string_view customer_id, uint64_t hash, int64_t as_of_ms)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The audience's slot; -1 if it has none.
  int SlotOf(absl::string_view name) const ABSL_LOCKS_EXCLUDED(mutex_);
  // As decided, told or about to be.
  bool Contains(uint64_t hash, int slot) const ABSL_LOCKS_EXCLUDED(mutex_);
  struct Size {
    std::string name;
    uint64_t members = 0;
    uint64_t entered = 0;  // since the start
    uint64_t left = 0;
  };
  std::vector<Size> Sizes() const ABSL_LOCKS_EXCLUDED(mutex_);
  // There is something to tell.
  bool pending() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Customers of which there is something to tell.
  size_t waiting() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Moves what is to be told into the checkpoint, at most `limit` customers: rows, and an entry for
  // each change, which `post` puts into the outbox. `next_sequence` gives the entry's number.
  void Tell(size_t limit, store::Checkpoint* checkpoint,
            absl::FunctionRef<uint64_t()> next_sequence,
            absl::FunctionRef<void(const OutboxEntry&)> post, PartitionId partition)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Once, before all else. DataLoss for rows that Tell() cannot have written. Who is not `known`
  // any more leaves everything as of `as_of_ms`: it was deleted, and what was to be told of that
  // waited for a later checkpoint than the one that deleted it.
  absl::Status Restore(const store::Store& store, PartitionId partition,
                       absl::FunctionRef<bool(absl::string_view id, uint64_t hash)> known,
                       int64_t as_of_ms) ABSL_LOCKS_EXCLUDED(mutex_);
  // What Restore() does with what it reads: the names first, then each customer's row.
  absl::Status RestoreNames(absl::string_view bytes) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status RestoreRow(absl::string_view customer_id, absl::string_view row)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Member {
    uint64_t told = 0;
    uint64_t decided = 0;
  };
  struct Change {
    std::string id;
    uint64_t hash;
    int64_t as_of_ms;
  };
  void Set(absl::string_view customer_id, uint64_t hash, uint64_t slots, int64_t as_of_ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string EncodeNames() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  std::array<std::string, kSlots> names_ ABSL_GUARDED_BY(mutex_);  // empty: free
  std::array<Size, kSlots> sizes_ ABSL_GUARDED_BY(mutex_);
  bool names_changed_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<uint64_t, Member> members_ ABSL_GUARDED_BY(mutex_);
  // In the order of decisions; a customer once, with told and decided apart.
  std::deque<Change> changes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_PARTITION_AUDIENCES_H_
