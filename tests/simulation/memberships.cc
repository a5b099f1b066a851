#include "simulation/memberships.h"

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "simulation/simulated_log.h"

namespace kindred::simulation {
namespace {

constexpr const char* kBuyers = "buyers";      // bought something
constexpr const char* kRegulars = "regulars";  // three events and more
constexpr int64_t kRegularEvents = 3;

// The text between `before` and the next quote; empty if it is not there.
std::string Member(const std::string& json, const std::string& before) {
  const size_t found = json.find(before);
  if (found == std::string::npos) return "";
  const size_t begin = found + before.size();
  return json.substr(begin, json.find('"', begin) - begin);
}

}  // namespace

void Memberships::Judge(node::Partition* partition, const node::ColdReader& cold,
                        absl::FunctionRef<bool()> chosen) {
  const std::vector<int> slots = partition->audiences().Adopt({kBuyers, kRegulars});
  for (const std::string& id : AllCustomers()) {
    if (!chosen()) continue;
    const uint64_t hash = profile::CustomerMap::Hash(id);
    // One that cannot be read is judged another time.
    (void)partition->Visit(id, hash, cold, [&](const profile::Profile& profile) {
      uint64_t in = 0;
      if (profile.purchases().lines > 0) in |= uint64_t{1} << slots[0];
      if (static_cast<int64_t>(profile.event_count()) >= kRegularEvents) {
        in |= uint64_t{1} << slots[1];
      }
      partition->audiences().Decide(id, hash, in, partition->newest_event_ms());
    });
  }
}

absl::Status Memberships::Hear(const node::OutboxEntry& entry) {
  const std::vector<std::string> parts = absl::StrSplit(entry.id, '/');
  uint64_t partition = 0;
  uint64_t sequence = 0;
  if (parts.size() != 4 || !absl::SimpleAtoi(parts[1], &partition) ||
      !absl::SimpleAtoi(parts[2], &sequence) || partition >= heard_.size()) {
    return absl::InternalError(absl::StrCat("a change with the id ", entry.id));
  }
  const auto [it, added] = heard_[partition].emplace(sequence, entry.value);
  if (!added && it->second != entry.value) {
    return absl::InternalError(
        absl::StrCat("change ", sequence, " is ", entry.value, " and was ", it->second));
  }
  return absl::OkStatus();
}

std::string Memberships::Difference(size_t p, const OracleState& expected) const {
  std::set<std::pair<std::string, std::string>> members;
  for (const auto& [sequence, json] : heard_[p]) {
    const std::pair<std::string, std::string> of(Member(json, "\"audience\":\""),
                                                 Member(json, "\"customer_id\":\""));
    const bool entered = Member(json, "\"change\":\"") == "entered";
    const bool news = entered ? members.insert(of).second : members.erase(of) == 1;
    if (!news) return absl::StrCat("change ", sequence, " tells nothing new: ", json);
  }
  std::set<std::pair<std::string, std::string>> wanted;
  for (const auto& [id, customer] : expected.customers) {
    int64_t events = 0;
    for (const auto& [type, count] : customer.by_type) events += count;
    if (customer.purchase_lines > 0) wanted.emplace(kBuyers, id);
    if (events >= kRegularEvents) wanted.emplace(kRegulars, id);
  }
  if (members == wanted) return "";
  const auto shown = [](const auto& set) {
    return absl::StrJoin(set, ",", absl::PairFormatter(" "));
  };
  return absl::StrCat("members told are ", shown(members), ", expected ", shown(wanted));
}

}  // namespace kindred::simulation
