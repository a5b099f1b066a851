// What expressions may ask of an event, and what cleaning rules do with it.
#ifndef KINDRED_NODE_EVENT_FIELDS_H_
#define KINDRED_NODE_EVENT_FIELDS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "clean/clean_event.h"
#include "expression/program.h"
#include "node/rule_set.h"

namespace kindred::node {

// An event as it is after cleaning and filling from the catalogue. Texts that are empty are absent.
const expression::Schema& EventSchema();
// The fields that the action "fix" may set.
bool MayBeSet(int field);
std::vector<absl::string_view> SettableNames();
bool IsFeature(absl::string_view name);

class EventRecord final : public expression::Record {
 public:
  explicit EventRecord(const clean::CleanEvent* event) : event_(*event) {}
  expression::Value Field(int id) const override;
  expression::Value Call(const expression::CallSite& call) const override;

 private:
  const clean::CleanEvent& event_;
};

// What the cleaning rules said of an event.
struct Verdict {
  const CleaningRule* dropped_by = nullptr;  // null: it goes on
  uint64_t matched = 0;                      // bits of the rules that were true
};

// Applies the rules in the order of the file; each sees what those before it fixed; the first that
// drops ends it. `now` is the event's arrival, so the verdict is a function of the log and the
// rules. Texts that are made are kept in `texts`, and must live as long as the event is used.
Verdict ApplyCleaning(const RuleSet& rules, clean::CleanEvent* event,
                      std::deque<std::string>* texts);

}  // namespace kindred::node

#endif  // KINDRED_NODE_EVENT_FIELDS_H_
