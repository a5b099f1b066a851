#include "node/rules_runtime.h"

#include <sys/stat.h>

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/thread_name.h"

namespace kindred::node {
namespace {

constexpr absl::Duration kLook = absl::Seconds(1);

using telemetry::MetricKind;
using telemetry::Sample;

absl::string_view ActionName(CleaningAction action) {
  return action == CleaningAction::kDrop ? "drop" : action == CleaningAction::kFix ? "fix" : "flag";
}

}  // namespace

RulesRuntime::RulesRuntime(const RulesOptions& options, SharedState* shared,
                           PartitionSet* partitions, const ColdReader* cold,
                           const store::Store* store, const Learner* learner,
                           const PredictionLearner* predictions,
                           std::function<void(Partition*)> tell, telemetry::Registry* registry)
    : options_(options),
      shared_(*shared),
      partitions_(*partitions),
      keeper_(options.keeper, shared, partitions, cold, store, learner, predictions,
              std::move(tell)),
      answers_(shared, partitions, cold, store, learner, predictions),
      loaded_(registry->GetCounter("kindred_rules_loads_total",
                                   "Readings of the rules file, by result.", {{"result", "ok"}})),
      refused_(registry->GetCounter("kindred_rules_loads_total",
                                    "Readings of the rules file, by result.",
                                    {{"result", "error"}})) {
  AddAudienceCollectors(registry);
  AddRuleCollectors(registry);
}

RulesRuntime::~RulesRuntime() { Stop(); }

std::string RulesRuntime::Stamp() const {
  struct stat facts;
  if (stat(options_.file.c_str(), &facts) != 0) return "";
  return absl::StrCat(facts.st_mtim.tv_sec, ".", facts.st_mtim.tv_nsec, "/", facts.st_size);
}

absl::Status RulesRuntime::Load() {
  if (options_.file.empty()) return absl::OkStatus();
  stamp_ = Stamp();
  const absl::StatusOr<std::shared_ptr<const RuleSet>> rules = ReadRulesFile(options_.file);
  (rules.ok() ? loaded_ : refused_).Increment();
  if (!rules.ok()) return rules.status();
  if ((*rules)->version == shared_.rules.rules()->version) return absl::OkStatus();
  shared_.rules.Set(*rules);
  base::LogInfo("rules", "rules in force",
                {{"file", options_.file},
                 {"version", (*rules)->version},
                 {"cleaning", (*rules)->cleaning.size()},
                 {"tags", (*rules)->tags.size()},
                 {"audiences", (*rules)->audiences.size()}});
  return absl::OkStatus();
}

void RulesRuntime::TryLoad() {
  const absl::Status status = Load();
  if (status.ok()) return;
  base::LogError("rules", "the rules file is refused; the rules before it stay in force",
                 {{"error", status}, {"version_in_force", shared_.rules.rules()->version}});
}

void RulesRuntime::Start() {
  keeper_.Start();
  if (!options_.file.empty()) {
    thread_ = std::thread([this] { Watch(); });
  }
}

void RulesRuntime::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
  keeper_.Stop();
}

void RulesRuntime::Watch() {
  base::NameThread("rules");
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kLook)) return;
    }
    const std::string now = Stamp();
    if (reload_.exchange(false) || (!now.empty() && now != stamp_)) TryLoad();
  }
}

void RulesRuntime::AddAudienceCollectors(telemetry::Registry* registry) {
  const auto sizes = [this](auto value) {
    std::map<std::string, double> by_name;
    partitions_.ForEach([&](const PartitionSlot& slot) {
      for (const PartitionAudiences::Size& size : slot.state->audiences().Sizes()) {
        by_name[size.name] += static_cast<double>(value(size));
      }
    });
    return by_name;
  };
  collectors_.push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_audience_members", "Customers in an audience.", [sizes] {
        std::vector<Sample> samples;
        for (const auto& [name, count] : sizes([](const auto& size) { return size.members; })) {
          samples.push_back({{{"audience", name}}, count});
        }
        return samples;
      }));
  collectors_.push_back(registry->AddCollector(
      MetricKind::kCounter, "kindred_audience_changes_total",
      "Customers that entered or left an audience, since the start.", [sizes] {
        std::vector<Sample> samples;
        for (const auto& [name, count] : sizes([](const auto& size) { return size.entered; })) {
          samples.push_back({{{"audience", name}, {"change", "entered"}}, count});
        }
        for (const auto& [name, count] : sizes([](const auto& size) { return size.left; })) {
          samples.push_back({{{"audience", name}, {"change", "left"}}, count});
        }
        return samples;
      }));
  collectors_.push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_audience_timers",
      "Customers whose membership time alone may change.", [this] {
        return std::vector<Sample>{{{}, static_cast<double>(keeper_.timers())}};
      }));
  collectors_.push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_audience_waiting",
      "Customers that changed and were not judged yet, and those whose change is not told yet.",
      [this] {
        return std::vector<Sample>{{{}, static_cast<double>(keeper_.waiting())}};
      }));
  collectors_.push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_audience_as_of_timestamp_seconds",
      "Event time up to which is judged what its mere passing changes. 0 before the first walk.",
      [this] {
        return std::vector<Sample>{{{}, static_cast<double>(keeper_.as_of_ms()) / 1000}};
      }));
}

void RulesRuntime::AddRuleCollectors(telemetry::Registry* registry) {
  collectors_.push_back(registry->AddCollector(
      MetricKind::kCounter, "kindred_rule_events_total",
      "Events that a cleaning rule was true of, since this version of the rules is in force.",
      [this] {
        std::vector<Sample> samples;
        const std::shared_ptr<const RuleSet> rules = shared_.rules.rules();
        for (size_t i = 0; i < rules->cleaning.size(); ++i) {
          const CleaningRule& rule = rules->cleaning[i];
          samples.push_back(
              {{{"rule", rule.name}, {"action", std::string(ActionName(rule.action))}},
               static_cast<double>(rules->cleaning_counts[i].load(std::memory_order_relaxed))});
        }
        return samples;
      }));
  collectors_.push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_tag_customers",
      "Customers that a tag rule was true of at the last walk over all of them.", [this] {
        std::vector<Sample> samples;
        const std::shared_ptr<const RuleSet> rules = shared_.rules.rules();
        const std::vector<uint64_t> counts = keeper_.TagCounts();
        for (size_t i = 0; i < counts.size() && i < rules->tags.size(); ++i) {
          samples.push_back({{{"tag", rules->tags[i].name}}, static_cast<double>(counts[i])});
        }
        return samples;
      }));
  collectors_.push_back(registry->AddCollector(
      MetricKind::kGauge, "kindred_rules_info", "1, with the version of the rules in force.",
      [this] {
        return std::vector<Sample>{{{{"version", shared_.rules.rules()->version}}, 1.0}};
      }));
}

}  // namespace kindred::node
