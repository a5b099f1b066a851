// A customer as those see it who answer: the sum of all its parts. A part is what one partition
// keeps of one id. An id has one part in its own partition, and more where producers used another
// partitioner; a customer has the parts of all ids that are linked.
#ifndef KINDRED_NODE_CUSTOMER_READER_H_
#define KINDRED_NODE_CUSTOMER_READER_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "node/cold_reader.h"
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
  std::vector<std::string> unavailable_ids;
};

// Threads: any. What is passed in must outlive it.
class CustomerReader {
 public:
  CustomerReader(const SharedState* shared, const PartitionSet* partitions, const ColdReader* cold)
      : shared_(*shared), partitions_(*partitions), cold_(*cold) {}

  // Calls `visit` once. An id without links and strays costs no copy: then it runs under the
  // partition's reader lock and must not call back. False: neither the id nor what it is linked
  // with was ever seen. Unavailable when the id's own partition cannot be answered for, or an
  // evicted part could not be read.
  using Visitor = absl::FunctionRef<void(const profile::Profile&, const CustomerParts&)>;
  absl::StatusOr<bool> Visit(absl::string_view customer_id, Visitor visit) const;

 private:
  // The sum of the id's own parts.
  absl::StatusOr<profile::Profile> Read(absl::string_view id, uint64_t hash, bool* complete) const;
  absl::StatusOr<bool> VisitGroup(absl::string_view customer_id, Visitor visit) const;

  const SharedState& shared_;
  const PartitionSet& partitions_;
  const ColdReader& cold_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_CUSTOMER_READER_H_
