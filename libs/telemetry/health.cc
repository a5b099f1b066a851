#include "telemetry/health.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace kindred::telemetry {

void HealthState::Set(Probe probe, absl::string_view name, absl::Status status) {
  absl::MutexLock lock(&mutex_);
  conditions_[{probe, std::string(name)}] = std::move(status);
}

void HealthState::Remove(Probe probe, absl::string_view name) {
  absl::MutexLock lock(&mutex_);
  conditions_.erase({probe, std::string(name)});
}

absl::Status HealthState::Check(Probe probe) const {
  absl::MutexLock lock(&mutex_);
  std::string reasons;
  for (const auto& [key, status] : conditions_) {
    const bool asked = key.first == probe || key.first == Probe::kLiveness;
    if (!asked || status.ok()) continue;
    absl::StrAppend(&reasons, reasons.empty() ? "" : "; ", key.second, ": ", status.message());
  }
  return reasons.empty() ? absl::OkStatus() : absl::UnavailableError(reasons);
}

std::vector<HealthState::Condition> HealthState::Conditions() const {
  absl::MutexLock lock(&mutex_);
  std::vector<Condition> conditions;
  for (const auto& [key, status] : conditions_) {
    conditions.push_back({key.first, key.second, status});
  }
  return conditions;
}

}  // namespace kindred::telemetry
