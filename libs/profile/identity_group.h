// The group of linked ids that is one customer, found when it is asked for: from the links that the
// ids keep, and the rules in force. Nothing of it is stored, so rules may change at any time.
#ifndef KINDRED_PROFILE_IDENTITY_GROUP_H_
#define KINDRED_PROFILE_IDENTITY_GROUP_H_

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "profile/links.h"

namespace kindred::profile {

// No group has more ids, whatever the limits say: ids beyond belong to something that is shared.
inline constexpr size_t kMaxGroupIds = 64;

struct IdentityRules {
  // The most ids of a kind in one group, by IdKind.
  std::array<int, kIdKinds> limits = {1, 5, 5, 5, 5};
  // Ids that mean nobody, beside those that IsNobody() knows. In lower case.
  absl::flat_hash_set<std::string> blocked;

  bool Blocked(absl::string_view id) const;
};

// Values that programs send when they do not know who it is: "0" and "0000-00…", "-1", "null",
// "undefined", "none", "nil", "nan", "unknown", "anonymous", "guest", "test" …; any case. They are
// never linked.
bool IsNobody(absl::string_view id);

// The links of `own` that its own limits allow: strongest cause first, then the earliest. What two
// ids have in common counts only if both ends allow it; so a device that 50 users sign in on
// belongs to the first of them, and the others do not meet through it.
std::vector<const Link*> AllowedLinks(absl::string_view own, const std::vector<Link>& links,
                                      const IdentityRules& rules);

// Why a link does or does not hold.
enum class LinkState : uint8_t {
  kLinked,
  kUnlinked,   // the newest word is an unlink
  kBlocked,    // one of the ids means nobody
  kOverLimit,  // one of the ids, or the group, has as many of the kind as it may
};
// "linked", "unlinked", "blocked", "over_limit".
absl::string_view LinkStateName(LinkState state);

struct GroupMember {
  std::string id;
  IdKind kind = IdKind::kUser;
};

struct GroupLink {
  std::string from;
  Link link;  // to link.other
  LinkState state = LinkState::kLinked;
};

struct IdentityGroup {
  // Strongest kind first, then by id: the same whichever member was asked for. The first one names
  // the customer.
  std::vector<GroupMember> members;
  // Links of the members, each once, and those of the id asked for that do not hold.
  std::vector<GroupLink> links;
  // More than kMaxGroupIds ids hang together: the id asked for stands alone.
  bool too_large = false;
};

// What is known of an id's links; none for an id never seen, or one that cannot be asked now.
using LinksOf = absl::FunctionRef<absl::StatusOr<std::vector<Link>>(absl::string_view id)>;

// Asks `links_of` for the id itself and for everything it reaches, each once. Error: the first that
// `links_of` gave. Every member finds the same group.
absl::StatusOr<IdentityGroup> FindGroup(absl::string_view id, const IdentityRules& rules,
                                        LinksOf links_of);

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_IDENTITY_GROUP_H_
