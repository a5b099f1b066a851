#include "node/customer_reader.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "base/status_macros.h"

namespace kindred::node {

absl::StatusOr<bool> CustomerReader::Visit(absl::string_view customer_id, Visitor visit) const {
  const uint64_t hash = profile::CustomerMap::Hash(customer_id);
  const PartitionId home = partitions_.Home(customer_id);
  KINDRED_RETURN_IF_ERROR(partitions_.Ready(home));
  if (shared_.strays.Find(hash).empty()) {
    bool simple = true;
    bool empty = false;
    KINDRED_ASSIGN_OR_RETURN(
        const bool found, partitions_.slot(home).state->Visit(customer_id, hash, cold_,
                                                              [&](const profile::Profile& profile) {
                                                                simple = profile.links().empty();
                                                                empty = profile.empty();
                                                                if (simple && !empty)
                                                                  visit(profile, CustomerParts());
                                                              }));
    if (!found || (simple && empty)) return false;
    if (simple) return true;
  }
  return VisitGroup(customer_id, visit);
}

absl::StatusOr<profile::Profile> CustomerReader::Read(absl::string_view id, uint64_t hash,
                                                      bool* complete) const {
  profile::Profile sum;
  const auto add = [&](const profile::Profile& part) {
    if (sum.empty() && sum.links().empty()) {
      sum = part.Clone();
    } else {
      sum.Merge(part, shared_.options.clean_rules.outliers);
    }
  };
  const PartitionId home = partitions_.Home(id);
  *complete = partitions_.Ready(home).ok();
  if (*complete) {
    KINDRED_RETURN_IF_ERROR(partitions_.slot(home).state->Visit(id, hash, cold_, add).status());
  }
  for (const PartitionId partition : shared_.strays.Find(hash)) {
    if (partition == home || !partitions_.Ready(partition).ok()) continue;
    KINDRED_RETURN_IF_ERROR(
        partitions_.slot(partition).state->Visit(id, hash, cold_, add).status());
  }
  return sum;
}

absl::StatusOr<bool> CustomerReader::VisitGroup(absl::string_view customer_id,
                                                Visitor visit) const {
  absl::flat_hash_map<std::string, profile::Profile> read;
  absl::flat_hash_map<std::string, bool> complete;
  KINDRED_ASSIGN_OR_RETURN(
      const profile::IdentityGroup group,
      profile::FindGroup(customer_id, shared_.options.identity,
                         [&](absl::string_view id) -> absl::StatusOr<std::vector<profile::Link>> {
                           bool& known = complete[id];
                           KINDRED_ASSIGN_OR_RETURN(
                               profile::Profile profile,
                               Read(id, profile::CustomerMap::Hash(id), &known));
                           std::vector<profile::Link> links = profile.links();
                           read.emplace(std::string(id), std::move(profile));
                           return links;
                         }));
  CustomerParts parts;
  parts.group = group.members.size() + group.links.size() > 1 ? &group : nullptr;
  profile::Profile sum;
  // In the group's order: whoever is asked for, the sum is the same to the last bit.
  for (const profile::GroupMember& member : group.members) {
    const auto it = read.find(member.id);
    if (!complete[member.id]) parts.unavailable_ids.push_back(member.id);
    if (sum.empty()) {
      sum = std::move(it->second);
    } else {
      sum.MergeEvents(it->second, shared_.options.clean_rules.outliers);
    }
  }
  if (sum.empty()) return false;
  visit(sum, parts);
  return true;
}

}  // namespace kindred::node
