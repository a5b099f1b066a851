#include "simulation/comparison.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "event/event_type.h"

namespace kindred::simulation {
namespace {

// Collects what differs.
class Differences {
 public:
  template <typename A, typename B>
  void Check(absl::string_view what, const A& actual, const B& expected) {
    if (static_cast<int64_t>(actual) == static_cast<int64_t>(expected)) return;
    texts_.push_back(absl::StrCat(what, " is ", actual, ", expected ", expected));
  }
  void Text(absl::string_view what, const std::string& actual, const std::string& expected) {
    if (actual == expected) return;
    texts_.push_back(absl::StrCat(what, " is ", actual, ", expected ", expected));
  }
  // All of them, cut to what a person reads.
  std::string str() const {
    constexpr size_t kMaxBytes = 600;
    const std::string all = absl::StrJoin(texts_, "; ");
    return all.size() <= kMaxBytes ? all : absl::StrCat(all.substr(0, kMaxBytes), " …");
  }

 private:
  std::vector<std::string> texts_;
};

void CompareCounts(const clean::QualityCounts& counts, const OracleState& expected,
                   Differences* out) {
  out->Check("read", counts.read, expected.read);
  out->Check("accepted", counts.accepted, expected.accepted);
  out->Check("duplicates", counts.duplicates, expected.duplicates);
  out->Check("late", counts.late(), expected.late);
  out->Check("skipped_offsets", counts.skipped_offsets, expected.skipped_offsets);
  std::map<std::string, int64_t> rejected;
  for (size_t i = 0; i < counts.decode_failures.size(); ++i) {
    if (counts.decode_failures[i] == 0) continue;
    rejected[std::string(event::DecodeFailureName(static_cast<event::DecodeFailure>(i)))] =
        static_cast<int64_t>(counts.decode_failures[i]);
  }
  for (size_t i = 0; i < counts.rejected.size(); ++i) {
    if (counts.rejected[i] == 0) continue;
    rejected[std::string(clean::RejectReasonName(static_cast<clean::RejectReason>(i)))] =
        static_cast<int64_t>(counts.rejected[i]);
  }
  const auto shown = [](const std::map<std::string, int64_t>& map) {
    return absl::StrJoin(map, ",", absl::PairFormatter(":"));
  };
  out->Text("rejected", shown(rejected), shown(expected.rejected));
}

std::string RecentItems(const profile::Profile& profile, const node::SharedState& shared) {
  std::string text;
  for (const profile::RecentItem& item : profile.recent_items()) {
    absl::StrAppend(&text, shared.items.names().Name(item.item.value()), "@", item.time_ms, " ");
  }
  return text;
}

std::string NewestItems(const OracleCustomer& expected) {
  std::string text;
  size_t skip = expected.items.size() - std::min<size_t>(expected.items.size(), 20);
  for (const auto& [time, item] : expected.items) {
    if (skip > 0) {
      --skip;
    } else {
      absl::StrAppend(&text, item, "@", time, " ");
    }
  }
  return text;
}

void CompareCustomer(const profile::Profile& profile, const node::SharedState& shared,
                     const OracleCustomer& expected, Differences* out) {
  int64_t events = 0;
  for (const auto& [type, count] : expected.by_type) {
    out->Check(type, profile.event_count(event::EventTypeFromName(type)), count);
    events += count;
  }
  out->Check("events", profile.event_count(), events);
  out->Check("first seen", profile.first_seen_ms(), expected.first_seen_ms);
  out->Check("last seen", profile.last_seen_ms(), expected.last_seen_ms);
  const profile::Purchases& purchases = profile.purchases();
  out->Check("purchase lines", purchases.lines, expected.purchase_lines);
  out->Check("purchase micros", purchases.total_micros, expected.purchase_cents * 10'000);
  out->Check("units", purchases.quantity_micros, expected.units * 1'000'000);
  out->Check("refund lines", purchases.refund_lines, expected.refund_lines);
  out->Check("refunded micros", purchases.refunded_micros, expected.refund_cents * 10'000);
  out->Check("frequency", purchases.frequency(), expected.purchase_times.size());
  if (!expected.purchase_times.empty()) {
    out->Check("first purchase", purchases.first_ms, *expected.purchase_times.begin());
    out->Check("last purchase", purchases.last_ms(), *expected.purchase_times.rbegin());
  }
  out->Check("late events", profile.quality().late, expected.late);
  out->Text("recent items", RecentItems(profile, shared), NewestItems(expected));
}

}  // namespace

std::string Difference(const node::Partition& partition, const node::SharedState& shared,
                       const node::ColdReader& cold, const OracleState& expected) {
  Differences out;
  const node::Partition::Figures figures = partition.figures();
  CompareCounts(figures.quality, expected, &out);
  out.Check("newest event", partition.newest_event_ms(), expected.newest_event_ms);
  out.Check("customers", figures.customers, expected.customers.size());
  for (const std::string& id : AllCustomers()) {
    const auto wanted = expected.customers.find(id);
    Differences customer;
    bool has_events = false;
    const absl::StatusOr<bool> found = partition.Visit(
        id, profile::CustomerMap::Hash(id), cold, [&](const profile::Profile& profile) {
          has_events = !profile.empty();
          if (wanted == expected.customers.end()) return;
          CompareCustomer(profile, shared, wanted->second, &customer);
        });
    if (!found.ok()) {
      out.Text(id, found.status().ToString(), "readable");
    } else {
      out.Check(absl::StrCat(id, " known"), has_events, wanted != expected.customers.end());
    }
    out.Text(id, customer.str(), "");
  }
  return out.str();
}

std::string LinkDifference(const node::Partition& partition, const node::ColdReader& cold,
                           const std::string& id,
                           const std::map<std::pair<std::string, std::string>, bool>& expected) {
  Differences out;
  std::map<std::string, bool> links;
  const absl::StatusOr<bool> found = partition.Visit(
      id, profile::CustomerMap::Hash(id), cold, [&](const profile::Profile& profile) {
        for (const profile::Link& link : profile.links()) links[link.other] = link.linked();
      });
  if (!found.ok()) return found.status().ToString();
  std::map<std::string, bool> wanted;
  for (const auto& [ids, linked] : expected) {
    if (ids.first == id) wanted[ids.second] = linked;
    if (ids.second == id) wanted[ids.first] = linked;
  }
  const auto shown = [](const std::map<std::string, bool>& map) {
    return absl::StrJoin(map, ",", [](std::string* text, const auto& entry) {
      absl::StrAppend(text, entry.first, entry.second ? " linked" : " unlinked");
    });
  };
  out.Text(absl::StrCat("links of ", id), shown(links), shown(wanted));
  return out.str();
}

std::string Difference(const store::Store& actual, const store::Store& expected,
                       PartitionId partition) {
  const auto dump = [partition](const store::Store& store) {
    std::map<std::string, std::string> records;
    for (const store::Table table : store::kAllTables) {
      if (table == store::Table::kStore || table == store::Table::kOutbox ||
          store::ScopeOf(table) == store::Scope::kNode) {
        continue;
      }
      const absl::Status status =
          store.ForEach(table, partition, [&](absl::string_view id, absl::string_view value) {
            records[absl::StrCat(store::TableName(table), " ", absl::CHexEscape(id))] =
                std::string(value);
            return absl::OkStatus();
          });
      if (!status.ok()) records[status.ToString()] = "";
    }
    return records;
  };
  const std::map<std::string, std::string> left = dump(actual);
  const std::map<std::string, std::string> right = dump(expected);
  for (const auto& [id, value] : right) {
    const auto found = left.find(id);
    if (found == left.end()) return absl::StrCat("record ", id, " is missing");
    if (found->second != value) {
      return absl::StrCat("record ", id, " is ", absl::BytesToHexString(found->second),
                          ", uninterrupted ", absl::BytesToHexString(value));
    }
  }
  for (const auto& [id, value] : left) {
    if (right.count(id) == 0) return absl::StrCat("record ", id, " is too many");
  }
  return "";
}

}  // namespace kindred::simulation
