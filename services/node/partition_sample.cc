// Partition: the sample of customers that predictions are trained on.
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node/partition.h"

namespace kindred::node {

absl::Status Partition::StepSample(int64_t event_time_ms, const ColdReader& cold) {
  if (event_time_ms < sample_.next_boundary_ms()) return absl::OkStatus();
  // A step a week of event time: what is only in the store is read at once.
  std::vector<std::string> ids;
  if (customers_.stored_only_bound() > 0) {
    sample_.Due(event_time_ms, [&](absl::string_view id) {
      mutex_.AssertHeld();
      const uint64_t hash = profile::CustomerMap::Hash(id);
      if (customers_.Peek(id, hash) == nullptr && customers_.MayBeStored(hash)) {
        ids.emplace_back(id);
      }
    });
  }
  std::map<absl::string_view, profile::Profile> stored;
  if (!ids.empty()) {
    const std::vector<absl::string_view> views(ids.begin(), ids.end());
    absl::StatusOr<std::vector<std::optional<std::string>>> records = cold.Read(id_, views);
    if (!records.ok()) return records.status();
    for (size_t i = 0; i < views.size(); ++i) {
      if (!(*records)[i].has_value()) continue;
      absl::StatusOr<profile::Profile> profile = profile::Profile::Decode(*(*records)[i]);
      if (!profile.ok()) return profile.status();
      stored.emplace(views[i], *std::move(profile));
    }
  }
  sample_.Advance(event_time_ms, shared_.affinity_decay,
                  [&](absl::string_view id) -> const profile::Profile* {
                    mutex_.AssertHeld();
                    const uint64_t hash = profile::CustomerMap::Hash(id);
                    if (const profile::Customer* customer = customers_.Peek(id, hash)) {
                      return &customer->profile;
                    }
                    const auto found = stored.find(id);
                    return found == stored.end() ? nullptr : &found->second;
                  });
  outcomes_known_ms_.store(sample_.known_until_ms(), std::memory_order_release);
  return absl::OkStatus();
}

}  // namespace kindred::node
