// Customers of several ids as they were last read, with all that tells whether they still are: so
// a customer is summed once for many reads.
#ifndef KINDRED_NODE_GROUP_CACHE_H_
#define KINDRED_NODE_GROUP_CACHE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "base/strong_int.h"
#include "node/partition_set.h"
#include "node/partition_state.h"
#include "node/shared_state.h"
#include "profile/identity_group.h"
#include "profile/profile.h"

namespace kindred::node {

// A customer as read, and what was looked at for it: every id that the walk over the links came to,
// members or not, in every partition that has a part of it.
struct GroupSnapshot {
  struct Asked {
    uint64_t hash = 0;
    absl::InlinedVector<PartitionId, 2> strays;  // partitions beside its own
  };
  struct Looked {
    PartitionId partition;
    bool answers = false;           // PartitionSet::Answers() of it
    std::vector<PartVersion> seen;  // empty if it does not
  };

  profile::IdentityGroup group;
  profile::Profile sum;
  std::vector<std::string> unavailable_ids;
  std::vector<Asked> asked;
  std::vector<Looked> looked;  // each partition once
  bool complete = true;        // all that was looked at had a version, or was not there

  // Whether the same reading would have the same result now.
  bool Holds(const SharedState& shared, const PartitionSet& partitions) const;
  size_t memory_bytes() const;
};

// Threads: any.
// Size:   at most `max_bytes`; what was not asked for longest leaves.
class GroupCache {
 public:
  explicit GroupCache(size_t max_bytes) : max_shard_bytes_(max_bytes / kShards) {}

  // Null: there is none. `hash` is CustomerMap::Hash() of the id.
  std::shared_ptr<const GroupSnapshot> Find(absl::string_view id, uint64_t hash);
  // Instead of the one that is there. What is not complete, or too large, is not kept.
  void Put(absl::string_view id, uint64_t hash, std::shared_ptr<const GroupSnapshot> snapshot);
  size_t memory_bytes() const;

 private:
  static constexpr size_t kShards = 16;
  struct Entry {
    std::string id;
    std::shared_ptr<const GroupSnapshot> snapshot;
    size_t bytes = 0;
  };
  struct Shard {
    mutable absl::Mutex mutex;
    std::list<Entry> entries ABSL_GUARDED_BY(mutex);  // the one asked for last comes first
    absl::flat_hash_map<absl::string_view, std::list<Entry>::iterator> by_id ABSL_GUARDED_BY(mutex);
    size_t bytes ABSL_GUARDED_BY(mutex) = 0;

    void Drop(std::list<Entry>::iterator entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  };
  Shard& ShardOf(uint64_t hash) { return shards_[hash % kShards]; }

  const size_t max_shard_bytes_;
  std::array<Shard, kShards> shards_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_GROUP_CACHE_H_
