#include "node/rule_set.h"

#include <utility>

namespace kindred::node {

RuleBook::RuleBook()
    : rules_(std::make_shared<RuleSet>()), percentiles_(std::make_shared<Percentiles>()) {}

std::shared_ptr<const RuleSet> RuleBook::rules() const {
  absl::MutexLock lock(&mutex_);
  return rules_;
}

void RuleBook::Set(std::shared_ptr<const RuleSet> rules) {
  absl::MutexLock lock(&mutex_);
  rules_ = std::move(rules);
  generation_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const Percentiles> RuleBook::percentiles() const {
  absl::MutexLock lock(&mutex_);
  return percentiles_;
}

void RuleBook::SetPercentiles(std::shared_ptr<const Percentiles> percentiles) {
  absl::MutexLock lock(&mutex_);
  percentiles_ = std::move(percentiles);
}

}  // namespace kindred::node
