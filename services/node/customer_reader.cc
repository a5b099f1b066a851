#include "node/customer_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/status_macros.h"

namespace kindred::node {
namespace {

// One reading of a customer of several parts: the walk over its ids, then their sum.
class GroupReading {
 public:
  GroupReading(const SharedState& shared, const PartitionSet& partitions, const ColdReader& cold)
      : shared_(shared), partitions_(partitions), cold_(cold) {
    ids_.reserve(kFewIds);
  }

  // With `copies` each id is read once. Without, what is in memory is read for its links and again
  // for its events, which saves the copy; false: it changed in between, and the sum is of no use.
  absl::StatusOr<bool> Read(absl::string_view customer_id, bool copies, GroupSnapshot* out) {
    copies_ = copies;
    out_ = out;
    KINDRED_ASSIGN_OR_RETURN(
        out->group, profile::FindGroup(customer_id, shared_.options.identity,
                                       [this](absl::string_view id) { return LinksOf(id); }));
    // In the group's order: whoever is asked for, the sum is the same to the last bit.
    for (const profile::GroupMember& member : out->group.members) {
      const auto id = std::find_if(ids_.begin(), ids_.end(),
                                   [&member](const Id& it) { return it.id == member.id; });
      if (!id->complete) out->unavailable_ids.push_back(member.id);
      KINDRED_ASSIGN_OR_RETURN(const bool same, AddMember(*id));
      if (!same) return false;
    }
    return true;
  }

 private:
  static constexpr size_t kFewIds = 8;
  struct Id {
    std::string id;
    uint64_t hash = 0;
    bool complete = true;
    // Not 0: the id has one part, which had this version. Else `events` are those of all parts.
    uint64_t version = 0;
    std::unique_ptr<profile::Profile> events;
  };

  // Reads the id's parts and notes what was seen.
  absl::StatusOr<std::vector<profile::Link>> LinksOf(absl::string_view id) {
    Id& read = ids_.emplace_back();
    read.id = std::string(id);
    read.hash = profile::CustomerMap::Hash(id);
    GroupSnapshot::Asked& asked = out_->asked.emplace_back();
    asked.hash = read.hash;
    asked.strays = shared_.strays.Find(read.hash);
    const PartitionId home = partitions_.Home(id);
    std::vector<profile::Link> links;
    if (asked.strays.empty() && !copies_) {
      KINDRED_RETURN_IF_ERROR(Look(id, &read, home, [&](const profile::Profile& part) {
        links = part.links();
        read.version = part.version();
        if (read.version == 0) read.events = std::make_unique<profile::Profile>(part.Clone());
      }));
      return links;
    }
    const auto add = [&](const profile::Profile& part) {
      if (read.events == nullptr) {
        read.events = std::make_unique<profile::Profile>(part.Clone());
      } else {
        read.events->Merge(part, shared_.options.clean_rules.outliers);
      }
    };
    KINDRED_RETURN_IF_ERROR(Look(id, &read, home, add));
    for (const PartitionId partition : asked.strays) {
      if (partition != home) KINDRED_RETURN_IF_ERROR(Look(id, &read, partition, add));
    }
    if (read.events != nullptr) links = read.events->links();
    return links;
  }

  absl::Status Look(absl::string_view id, Id* read, PartitionId partition,
                    absl::FunctionRef<void(const profile::Profile&)> visit) {
    auto at =
        std::find_if(out_->looked.begin(), out_->looked.end(),
                     [&](const GroupSnapshot::Looked& it) { return it.partition == partition; });
    if (at == out_->looked.end()) {
      at = out_->looked.insert(at, {partition, partitions_.Answers(partition), {}});
    }
    if (!at->answers) {
      if (partition == partitions_.Home(id)) read->complete = false;
      return absl::OkStatus();
    }
    uint64_t version = 0;
    KINDRED_ASSIGN_OR_RETURN(const bool found,
                             partitions_.slot(partition).state->Visit(
                                 id, read->hash, cold_, [&](const profile::Profile& part) {
                                   version = part.version();
                                   visit(part);
                                 }));
    if (found && version == 0) out_->complete = false;
    at->seen.push_back({std::string(id), read->hash, version});
    return absl::OkStatus();
  }

  // False: the id is not any more what its links were taken from.
  absl::StatusOr<bool> AddMember(const Id& read) {
    const auto add = [this](const profile::Profile& part) {
      if (out_->sum.empty()) {
        out_->sum = part.Clone();
      } else {
        out_->sum.MergeEvents(part, shared_.options.clean_rules.outliers);
      }
    };
    if (read.version == 0) {
      if (read.events != nullptr) add(*read.events);
      return true;
    }
    bool same = false;
    KINDRED_RETURN_IF_ERROR(partitions_.slot(partitions_.Home(read.id))
                                .state
                                ->Visit(read.id, read.hash, cold_,
                                        [&](const profile::Profile& part) {
                                          same = part.version() == read.version;
                                          if (same) add(part);
                                        })
                                .status());
    return same;
  }

  const SharedState& shared_;
  const PartitionSet& partitions_;
  const ColdReader& cold_;
  bool copies_ = false;
  GroupSnapshot* out_ = nullptr;
  std::vector<Id> ids_;  // few
};

}  // namespace

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
  KINDRED_ASSIGN_OR_RETURN(const std::shared_ptr<const GroupSnapshot> customer,
                           ReadGroup(customer_id, hash));
  if (customer->sum.empty()) return false;
  const profile::IdentityGroup& group = customer->group;
  CustomerParts parts;
  parts.group = group.members.size() + group.links.size() > 1 ? &group : nullptr;
  parts.unavailable_ids = customer->unavailable_ids;
  visit(customer->sum, parts);
  return true;
}

absl::StatusOr<std::shared_ptr<const GroupSnapshot>> CustomerReader::ReadGroup(
    absl::string_view customer_id, uint64_t hash) const {
  std::shared_ptr<const GroupSnapshot> known = cache_.Find(customer_id, hash);
  if (known != nullptr && known->Holds(shared_, partitions_)) {
    reused_.fetch_add(1, std::memory_order_relaxed);
    return known;
  }
  for (const bool copies : {false, true}) {
    auto read = std::make_shared<GroupSnapshot>();
    KINDRED_ASSIGN_OR_RETURN(
        const bool same,
        GroupReading(shared_, partitions_, cold_).Read(customer_id, copies, read.get()));
    if (!same) continue;
    known = std::move(read);
    break;
  }
  cache_.Put(customer_id, hash, known);
  return known;
}

}  // namespace kindred::node
