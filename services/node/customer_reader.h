// A customer as those see it who answer: the sum of all its parts. A part is what one partition
// keeps of one id. An id has one part in its own partition, and more where producers used another
// partitioner; a customer has the parts of all ids that are linked.
#ifndef KINDRED_NODE_CUSTOMER_READER_H_
#define KINDRED_NODE_CUSTOMER_READER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "node/cold_reader.h"
#include "node/group_cache.h"
#include "node/partition_set.h"
#include "node/shared_state.h"
#include "profile/identity_group.h"
#include "profile/profile.h"

namespace kindred::node {

// What belongs to the profile that a visitor gets; lives as long as the visit.
struct CustomerParts {
  const profile::IdentityGroup* group = nullptr;  // null: the id has no links
  // Ids whose partitions this node does not own or is still catching up with: their events are
  // missing from the sum.
  absl::Span<const std::string> unavailable_ids;
};

// Sums of several ids are kept (GroupCache) and used again while nothing that they were made from
// has changed: an answer is as new as if it were made from the parts.
// Threads: any. What is passed in must outlive it.
class CustomerReader {
 public:
  CustomerReader(const SharedState* shared, const PartitionSet* partitions, const ColdReader* cold,
                 size_t cache_bytes)
      : shared_(*shared), partitions_(*partitions), cold_(*cold), cache_(cache_bytes) {}

  // Calls `visit` once. An id without links and strays costs no copy: then it runs under the
  // partition's reader lock and must not call back. False: neither the id nor what it is linked
  // with was ever seen. Unavailable when the id's own partition cannot be answered for, or an
  // evicted part could not be read.
  using Visitor = absl::FunctionRef<void(const profile::Profile&, const CustomerParts&)>;
  absl::StatusOr<bool> Visit(absl::string_view customer_id, Visitor visit) const;

  size_t cache_bytes() const { return cache_.memory_bytes(); }
  // Sums that were used again.
  uint64_t reused() const { return reused_.load(std::memory_order_relaxed); }

 private:
  // The customer of several parts; from the cache if that holds.
  absl::StatusOr<std::shared_ptr<const GroupSnapshot>> ReadGroup(absl::string_view customer_id,
                                                                 uint64_t hash) const;

  const SharedState& shared_;
  const PartitionSet& partitions_;
  const ColdReader& cold_;
  mutable GroupCache cache_;
  mutable std::atomic<uint64_t> reused_{0};
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_CUSTOMER_READER_H_
