#include "profile/identity_group.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"

namespace kindred::profile {
namespace {

using Counts = std::array<int, kIdKinds>;

bool Stronger(const Link& a, const Link& b) {
  return std::make_tuple(a.cause(), a.first_ms, absl::string_view(a.other)) <
         std::make_tuple(b.cause(), b.first_ms, absl::string_view(b.other));
}

// Joining the mirror of `from`, the other end's, into `link` would change nothing; without making
// it.
bool Covers(const Link& link, const Link& from) {
  const auto has = [](uint8_t mask, uint8_t more) { return (mask | more) == mask; };
  return has(link.own_kinds, from.other_kinds) && has(link.other_kinds, from.own_kinds) &&
         has(link.causes, from.causes) &&
         (from.first_ms == 0 ||
          (link.first_ms != 0 &&
           std::tie(from.first_ms, from.first_cause, from.first_event) >=
               std::tie(link.first_ms, link.first_cause, link.first_event))) &&
         from.last_ms <= link.last_ms &&
         std::tie(from.unlinked_ms, from.unlinked_event) <=
             std::tie(link.unlinked_ms, link.unlinked_event);
}

// One walk from an id over what hangs together with it.
class Walk {
 public:
  Walk(const IdentityRules& rules, LinksOf links_of) : rules_(rules), links_of_(links_of) {
    constexpr size_t kFewIds = 8;
    nodes_.reserve(kFewIds);
    index_.reserve(kFewIds);
  }

  absl::StatusOr<IdentityGroup> From(absl::string_view id) {
    absl::StatusOr<size_t> start = Ask(id);
    if (!start.ok()) return start.status();
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const absl::Status status = Reach(i);
      if (!status.ok()) return status;
      if (reached_.size() > kMaxGroupIds) {
        IdentityGroup alone;
        alone.too_large = true;
        alone.members.push_back({std::string(id), KindIn({0})});
        AddLinksOf(0, &alone);
        return alone;
      }
    }
    return Collect();
  }

 private:
  struct Node {
    std::string id;
    std::vector<Link> links;
    bool reached = false;  // hangs together with the start
    // AllowedLinks() of it, once asked for; stale after a change of its links.
    std::vector<const Link*> allowed;
    bool judged = false;
  };
  // An edge that both ends allow.
  struct Edge {
    size_t a;
    size_t b;
    const Link* link;  // of a
  };

  absl::StatusOr<size_t> Ask(absl::string_view id) {
    if (const auto it = index_.find(id); it != index_.end()) return it->second;
    absl::StatusOr<std::vector<Link>> links = links_of_(id);
    if (!links.ok()) return links.status();
    const size_t index = nodes_.size();
    index_.emplace(std::string(id), index);
    Node& node = nodes_.emplace_back();
    node.id = std::string(id);
    node.links = *std::move(links);
    node.reached = index == 0;
    if (index == 0) reached_.push_back(0);
    return index;
  }

  // Where only one end knows of a link yet, the other takes its word.
  void Share(size_t a, size_t b) {
    const Link* of_a = FindLink(nodes_[a].links, nodes_[b].id);
    const Link* of_b = FindLink(nodes_[b].links, nodes_[a].id);
    if (of_a != nullptr && of_b != nullptr && Covers(*of_a, *of_b) && Covers(*of_b, *of_a)) {
      return;
    }
    const auto put = [](Node& node, const Link& link) {
      for (Link& known : node.links) {
        if (known.other != link.other) continue;
        if (known.Join(link)) node.judged = false;
        return;
      }
      node.links.push_back(link);
      node.judged = false;
    };
    if (of_a != nullptr) put(nodes_[b], of_a->Mirrored(nodes_[a].id));
    if (of_b != nullptr) put(nodes_[a], of_b->Mirrored(nodes_[b].id));
  }

  const std::vector<const Link*>& Allowed(size_t i) {
    Node& node = nodes_[i];
    if (!node.judged) {
      node.allowed = AllowedLinks(node.id, node.links, rules_);
      node.judged = true;
    }
    return node.allowed;
  }

  // Asks for everything that node `i` allows, and marks what allows it back.
  absl::Status Reach(size_t i) {
    if (!nodes_[i].reached) return absl::OkStatus();
    std::vector<std::string> allowed;
    for (const Link* link : Allowed(i)) {
      allowed.push_back(link->other);
    }
    for (const std::string& other : allowed) {
      const absl::StatusOr<size_t> j = Ask(other);
      if (!j.ok()) return j.status();
      Share(i, *j);
      if (nodes_[*j].reached) continue;
      if (!Allows(i, *j) || !Allows(*j, i)) continue;
      nodes_[*j].reached = true;
      reached_.push_back(*j);
      // Nodes are looked at in the order in which they were asked for; one that was passed over
      // comes again.
      if (*j < i) {
        const absl::Status status = Reach(*j);
        if (!status.ok()) return status;
      }
      if (reached_.size() > kMaxGroupIds) return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  bool Allows(size_t a, size_t b) {
    for (const Link* link : Allowed(a)) {
      if (link->other == nodes_[b].id) return true;
    }
    return false;
  }

  std::vector<Edge> Edges() {
    std::vector<Edge> edges;
    for (const size_t a : reached_) {
      for (const Link* link : Allowed(a)) {
        const auto it = index_.find(link->other);
        if (it == index_.end() || !nodes_[it->second].reached) continue;
        if (nodes_[a].id < link->other && Allows(it->second, a)) {
          edges.push_back({a, it->second, link});
        }
      }
    }
    std::sort(edges.begin(), edges.end(), [this](const Edge& a, const Edge& b) {
      return std::make_tuple(a.link->cause(), a.link->first_ms, absl::string_view(nodes_[a.a].id),
                             absl::string_view(nodes_[a.b].id)) <
             std::make_tuple(b.link->cause(), b.link->first_ms, absl::string_view(nodes_[b.a].id),
                             absl::string_view(nodes_[b.b].id));
    });
    return edges;
  }

  // What the ids' own links say of them.
  IdKind KindIn(const std::vector<size_t>& nodes) const {
    uint8_t mask = 0;
    for (const size_t node : nodes) {
      for (const Link& link : nodes_[node].links) mask |= link.own_kinds;
    }
    return mask == 0 ? IdKind::kUser : KindOf(mask);
  }

  // Joins edge by edge, strongest first, as far as the limits of a group allow.
  IdentityGroup Collect() {
    std::vector<size_t> parent(nodes_.size());
    std::iota(parent.begin(), parent.end(), size_t{0});
    const auto root = [&parent](size_t i) {
      while (parent[i] != i) i = parent[i];
      return i;
    };
    std::vector<Counts> counts(nodes_.size(), Counts{});
    for (const size_t i : reached_) counts[i][static_cast<size_t>(KindIn({i}))] = 1;
    for (const Edge& edge : Edges()) {
      const size_t a = root(edge.a);
      const size_t b = root(edge.b);
      if (a == b) continue;
      Counts sum{};
      bool fits = true;
      for (size_t kind = 0; kind < sum.size(); ++kind) {
        sum[kind] = counts[a][kind] + counts[b][kind];
        fits = fits && sum[kind] <= rules_.limits[kind];
      }
      if (!fits) continue;
      parent[b] = a;
      counts[a] = sum;
    }
    IdentityGroup group;
    for (const size_t i : reached_) {
      if (root(i) != root(0)) continue;
      member_.insert(nodes_[i].id);
      group.members.push_back({nodes_[i].id, KindIn({i})});
    }
    std::sort(group.members.begin(), group.members.end(),
              [](const GroupMember& a, const GroupMember& b) {
                return std::tie(a.kind, a.id) < std::tie(b.kind, b.id);
              });
    for (const size_t i : reached_) {
      if (root(i) == root(0)) AddLinksOf(i, &group);
    }
    return group;
  }

  void AddLinksOf(size_t i, IdentityGroup* group) const {
    for (const Link& link : nodes_[i].links) {
      const bool inside = member_.contains(link.other);
      if (inside && link.other < nodes_[i].id) continue;  // told from the other side
      if (!inside && i != 0) continue;
      LinkState state = LinkState::kLinked;
      if (!link.linked()) {
        state = LinkState::kUnlinked;
      } else if (rules_.Blocked(link.other) || rules_.Blocked(nodes_[i].id)) {
        state = LinkState::kBlocked;
      } else if (!inside) {
        state = LinkState::kOverLimit;
      }
      group->links.push_back({nodes_[i].id, link, state});
    }
  }

  const IdentityRules& rules_;
  const LinksOf links_of_;
  std::vector<Node> nodes_;
  absl::flat_hash_map<std::string, size_t> index_;
  std::vector<size_t> reached_;
  absl::flat_hash_set<std::string> member_;
};

}  // namespace

bool IsNobody(absl::string_view id) {
  if (id.empty() || id.size() > 40) return id.empty();
  if (id.find_first_not_of("0-") == absl::string_view::npos) return true;
  if (id.size() > 13) return false;
  static const auto* const kNobody = new absl::flat_hash_set<std::string>(
      {"-1",   "null",  "(null)",  "undefined", "none",  "nil",       "nan",       "n/a",
       "na",   "empty", "unknown", "anonymous", "guest", "test",      "testuser",  "test_user",
       "user", "false", "true",    "default",   "void",  "(not set)", "(not-set)", "[object]"});
  return kNobody->contains(absl::AsciiStrToLower(id));
}

bool IdentityRules::Blocked(absl::string_view id) const {
  return IsNobody(id) || (!blocked.empty() && blocked.contains(absl::AsciiStrToLower(id)));
}

std::vector<const Link*> AllowedLinks(absl::string_view own, const std::vector<Link>& links,
                                      const IdentityRules& rules) {
  std::vector<const Link*> allowed;
  if (links.empty() || rules.Blocked(own)) return allowed;
  for (const Link& link : links) {
    if (link.linked() && !rules.Blocked(link.other)) allowed.push_back(&link);
  }
  std::sort(allowed.begin(), allowed.end(),
            [](const Link* a, const Link* b) { return Stronger(*a, *b); });
  Counts taken{};
  const auto over = [&](const Link* link) {
    const IdKind kind = KindOf(link->other_kinds);
    const size_t k = static_cast<size_t>(kind);
    const int own_share = KindOf(link->own_kinds) == kind ? 1 : 0;
    return ++taken[k] > rules.limits[k] - own_share;
  };
  allowed.erase(std::remove_if(allowed.begin(), allowed.end(), over), allowed.end());
  return allowed;
}

absl::string_view LinkStateName(LinkState state) {
  switch (state) {
    case LinkState::kLinked:
      return "linked";
    case LinkState::kUnlinked:
      return "unlinked";
    case LinkState::kBlocked:
      return "blocked";
    case LinkState::kOverLimit:
      return "over_limit";
  }
  return "";
}

absl::StatusOr<IdentityGroup> FindGroup(absl::string_view id, const IdentityRules& rules,
                                        LinksOf links_of) {
  return Walk(rules, links_of).From(id);
}

}  // namespace kindred::profile
