// What operators wrote in a rules file, compiled: cleaning rules, tag rules, audiences.
#ifndef KINDRED_NODE_RULE_SET_H_
#define KINDRED_NODE_RULE_SET_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "expression/program.h"

namespace kindred::node {

inline constexpr size_t kMaxRulesOfAKind = 64;

enum class CleaningAction : uint8_t { kDrop, kFix, kFlag };

struct CleaningRule {
  // Of an event's text or number field (event_fields.h).
  struct Assignment {
    int field = 0;
    expression::Program value;
  };
  std::string name;
  CleaningAction action = CleaningAction::kFlag;
  expression::Program when;
  std::vector<Assignment> set;  // of kFix
};

struct TagRule {
  std::string name;
  std::string description;
  expression::Program when;
};

struct AudienceRule {
  std::string name;
  std::string description;
  expression::Program when;
};

struct RuleSet {
  std::string version;  // 16 hexadecimal digits, of the file's bytes; empty: no file
  std::string file;
  std::vector<CleaningRule> cleaning;
  std::vector<TagRule> tags;
  std::vector<AudienceRule> audiences;
  // Fields of which percentile() asks for the distribution over all customers.
  std::vector<int> percentile_fields;
  // Events that each cleaning rule was true of, counted by whoever applies them.
  mutable std::array<std::atomic<uint64_t>, kMaxRulesOfAKind> cleaning_counts{};
};

// `source` names the file in errors. InvalidArgument, "FILE:LINE:COLUMN: what is wrong and what was
// expected", for anything that is not a rules file (README.md has its form).
absl::StatusOr<std::shared_ptr<const RuleSet>> ParseRules(absl::string_view source,
                                                          absl::string_view yaml);
// NotFound when the file cannot be read.
absl::StatusOr<std::shared_ptr<const RuleSet>> ReadRulesFile(const std::string& path);

// Values of a field over a sample of customers, in order; what percentile() looks up.
struct Distribution {
  int field = 0;
  std::vector<double> sorted;
};
struct Percentiles {
  uint64_t version = 0;
  std::vector<Distribution> fields;
};

// The rules in force. Never null; empty until some are set.
// Threads: any.
class RuleBook {
 public:
  RuleBook();
  std::shared_ptr<const RuleSet> rules() const;
  void Set(std::shared_ptr<const RuleSet> rules);
  // Goes up with every Set(), so that who holds the rules knows when to take them anew.
  uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  std::shared_ptr<const Percentiles> percentiles() const;
  void SetPercentiles(std::shared_ptr<const Percentiles> percentiles);

 private:
  std::atomic<uint64_t> generation_{1};
  mutable absl::Mutex mutex_;
  std::shared_ptr<const RuleSet> rules_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Percentiles> percentiles_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_RULE_SET_H_
