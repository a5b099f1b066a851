// What a rules file would do: events go through the node's own pipeline with it, in memory.
#ifndef KINDRED_CLI_RULES_TRIAL_H_
#define KINDRED_CLI_RULES_TRIAL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "node/rule_set.h"

namespace kindred::cli {

// One event that a cleaning rule was true of.
struct RuleExample {
  std::string event_id;  // empty: it had none
  std::string customer_id;
  std::string type;
  std::string changes;  // of a fix: category "Tee" → "tea"
};

struct CleaningTrial {
  std::string name;
  std::string action;  // "drop", "fix", "flag"
  uint64_t events = 0;
  std::vector<RuleExample> examples;  // the first ones
};

// A tag or an audience.
struct CustomerTrial {
  std::string name;
  std::vector<std::string> customers;  // all, by id
};

struct RulesTrial {
  std::string version;  // of the rules
  uint64_t records = 0;
  uint64_t accepted = 0;                // events
  uint64_t duplicates = 0;              // events
  uint64_t rejected = 0;                // records and events that no rule had to drop
  uint64_t dropped = 0;                 // events, by rules
  uint64_t customers = 0;               // with at least one event
  int64_t as_of_ms = 0;                 // the newest event; 0: none
  std::vector<CleaningTrial> cleaning;  // in the order of the file …
  std::vector<CustomerTrial> tags;      // … these too
  std::vector<CustomerTrial> audiences;
};

// The events of a file: a record a line, in any JSON that a node reads, or a table of purchases
// with a header, as `kindred import` takes it; plain or gzip. Each counts as having arrived when it
// happened. `examples` at most are kept of a cleaning rule.
absl::StatusOr<RulesTrial> TryRules(std::shared_ptr<const node::RuleSet> rules,
                                    const std::string& events_path, size_t examples);

// For people and for programs. Of each tag and audience `ids` customers at most are named;
// `before`, if not null, is what other rules do with the same events: who comes and who goes is
// told too.
std::string TrialText(const RulesTrial& trial, const RulesTrial* before, size_t ids);
std::string TrialJson(const RulesTrial& trial, const RulesTrial* before, size_t ids);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_RULES_TRIAL_H_
