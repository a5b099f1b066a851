// A trial of rules, as people and programs read it.
#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "cli/rules_trial.h"

namespace kindred::cli {
namespace {

using Json = nlohmann::ordered_json;
using Ids = std::vector<std::string>;

std::string TimeText(int64_t ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

// Who comes and who goes.
struct Change {
  Ids entering;
  Ids leaving;
};
Change ChangeOf(const CustomerTrial& now, const std::vector<CustomerTrial>& before) {
  static const Ids nobody;
  const auto it = std::find_if(before.begin(), before.end(),
                               [&now](const CustomerTrial& one) { return one.name == now.name; });
  const Ids& then = it == before.end() ? nobody : it->customers;
  Change change;
  std::set_difference(now.customers.begin(), now.customers.end(), then.begin(), then.end(),
                      std::back_inserter(change.entering));
  std::set_difference(then.begin(), then.end(), now.customers.begin(), now.customers.end(),
                      std::back_inserter(change.leaving));
  return change;
}

// Those that only the former rules have; everybody leaves them.
std::vector<CustomerTrial> Gone(const std::vector<CustomerTrial>& now,
                                const std::vector<CustomerTrial>& before) {
  std::vector<CustomerTrial> gone;
  for (const CustomerTrial& one : before) {
    const bool there = std::any_of(now.begin(), now.end(), [&one](const CustomerTrial& other) {
      return other.name == one.name;
    });
    if (!there) gone.push_back({one.name, {}});
  }
  return gone;
}

absl::Span<const std::string> First(const Ids& ids, size_t count) {
  return absl::MakeConstSpan(ids).subspan(0, std::min(ids.size(), count));
}

std::string Some(const Ids& ids, size_t count) {
  return absl::StrCat(absl::StrJoin(First(ids, count), ", "), ids.size() > count ? " …" : "");
}

void AddCustomers(absl::string_view title, const std::vector<CustomerTrial>& now,
                  const std::vector<CustomerTrial>* before, size_t ids, std::string* out) {
  std::vector<CustomerTrial> all = now;
  if (before != nullptr) {
    for (CustomerTrial& gone : Gone(now, *before)) all.push_back(std::move(gone));
  }
  if (!all.empty()) absl::StrAppend(out, title, "\n");
  for (const CustomerTrial& one : all) {
    absl::StrAppendFormat(out, "  %10d customers  %s\n", one.customers.size(), one.name);
    if (ids > 0 && !one.customers.empty()) {
      absl::StrAppend(out, "      ", Some(one.customers, ids), "\n");
    }
    if (before == nullptr) continue;
    const Change change = ChangeOf(one, *before);
    if (!change.entering.empty()) {
      absl::StrAppend(out, "      ", change.entering.size(), " more: ", Some(change.entering, ids),
                      "\n");
    }
    if (!change.leaving.empty()) {
      absl::StrAppend(out, "      ", change.leaving.size(), " fewer: ", Some(change.leaving, ids),
                      "\n");
    }
  }
}

Json IdsJson(const Ids& ids, size_t count) {
  Json list = Json::array();
  for (const std::string& id : First(ids, count)) list.push_back(id);
  return list;
}

Json CustomersJson(const std::vector<CustomerTrial>& now, const std::vector<CustomerTrial>* before,
                   size_t ids) {
  std::vector<CustomerTrial> all = now;
  if (before != nullptr) {
    for (CustomerTrial& gone : Gone(now, *before)) all.push_back(std::move(gone));
  }
  Json list = Json::array();
  for (const CustomerTrial& one : all) {
    Json entry = {{"name", one.name},
                  {"customer_count", one.customers.size()},
                  {"customers", IdsJson(one.customers, ids)}};
    if (before != nullptr) {
      const Change change = ChangeOf(one, *before);
      entry["entering_count"] = change.entering.size();
      entry["entering"] = IdsJson(change.entering, ids);
      entry["leaving_count"] = change.leaving.size();
      entry["leaving"] = IdsJson(change.leaving, ids);
    }
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

std::string TrialText(const RulesTrial& trial, const RulesTrial* before, size_t ids) {
  std::string out = absl::StrFormat(
      "rules %s, %d records: %d events accepted, %d copies, %d rejected, %d dropped by rules\n",
      trial.version, trial.records, trial.accepted, trial.duplicates, trial.rejected,
      trial.dropped);
  if (!trial.cleaning.empty()) absl::StrAppend(&out, "cleaning\n");
  for (const CleaningTrial& rule : trial.cleaning) {
    absl::StrAppendFormat(&out, "  %10d events  %-4s  %s\n", rule.events, rule.action, rule.name);
    for (const RuleExample& example : rule.examples) {
      absl::StrAppend(&out, "      ", example.event_id, example.event_id.empty() ? "" : ": ",
                      example.type, " of ", example.customer_id,
                      example.changes.empty() ? "" : ", ", example.changes, "\n");
    }
  }
  absl::StrAppend(&out, trial.customers, " customers");
  if (trial.as_of_ms > 0) absl::StrAppend(&out, " as of ", TimeText(trial.as_of_ms));
  absl::StrAppend(&out, "\n");
  AddCustomers("tags", trial.tags, before == nullptr ? nullptr : &before->tags, ids, &out);
  AddCustomers("audiences", trial.audiences, before == nullptr ? nullptr : &before->audiences, ids,
               &out);
  return out;
}

std::string TrialJson(const RulesTrial& trial, const RulesTrial* before, size_t ids) {
  Json out;
  out["version"] = trial.version;
  out["records"] = trial.records;
  out["accepted_events"] = trial.accepted;
  out["duplicate_events"] = trial.duplicates;
  out["rejected_events"] = trial.rejected;
  out["dropped_events"] = trial.dropped;
  out["customers"] = trial.customers;
  if (trial.as_of_ms > 0) out["as_of_time"] = TimeText(trial.as_of_ms);
  out["cleaning"] = Json::array();
  for (const CleaningTrial& rule : trial.cleaning) {
    Json examples = Json::array();
    for (const RuleExample& example : rule.examples) {
      Json one = {{"event_id", example.event_id},
                  {"customer_id", example.customer_id},
                  {"type", example.type}};
      if (!example.changes.empty()) one["changes"] = example.changes;
      examples.push_back(std::move(one));
    }
    out["cleaning"].push_back({{"name", rule.name},
                               {"action", rule.action},
                               {"events", rule.events},
                               {"examples", std::move(examples)}});
  }
  out["tags"] = CustomersJson(trial.tags, before == nullptr ? nullptr : &before->tags, ids);
  out["audiences"] =
      CustomersJson(trial.audiences, before == nullptr ? nullptr : &before->audiences, ids);
  // Whatever an id holds, nothing is thrown.
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace kindred::cli
