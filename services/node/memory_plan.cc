#include "node/memory_plan.h"

#include <algorithm>

namespace kindred::node {
namespace {

constexpr int64_t kMebi = 1 << 20;
// So much above its target, a fiftieth of the bound, memory is tight.
constexpr int64_t kTightShare = 50;

}  // namespace

MemoryBudget MemoryPlan::BudgetAt(int64_t resident, size_t profile_bytes) const {
  const int64_t over = resident - Target();
  if (over <= 0) return {most_profiles, false};
  const int64_t left = static_cast<int64_t>(profile_bytes) - over;
  return {static_cast<size_t>(std::max(static_cast<int64_t>(least_profiles), left)),
          over > limit / kTightShare};
}

MemoryPlan MemoryPlanOf(const config::v1::NodeConfig& config) {
  MemoryPlan plan;
  plan.limit = config.store().memory_limit_mib() * kMebi;
  const int64_t rest = std::max(plan.limit - MemoryPlan::kProcessBytes, plan.limit / 4);
  const auto share = [rest](int64_t parts, int64_t least, int64_t most) {
    return static_cast<size_t>(std::clamp(rest / parts, least * kMebi, most * kMebi));
  };
  const auto said = [](int32_t mib, size_t otherwise) {
    return mib > 0 ? static_cast<size_t>(mib * kMebi) : otherwise;
  };
  constexpr int64_t kAny = 1 << 30;
  plan.relations = said(config.recommend().relation_memory_mib(), share(5, 0, kAny));
  plan.dedup = said(config.clean().dedup_memory_mib(), share(10, 0, kAny));
  plan.block_cache = share(8, 8, 2048);
  plan.write_buffers = plan.block_cache / 2;
  plan.waiting = share(32, 0, kAny);
  plan.unstored = share(32, 0, kAny);
  plan.worker_queues = share(64, 0, 32);
  plan.client_queue = share(64, 2, 32);
  plan.least_profiles = share(16, 0, kAny);
  plan.most_profiles = static_cast<size_t>(plan.limit / 4 * 3);
  plan.loaded_profiles = static_cast<size_t>(rest / 2);
  return plan;
}

}  // namespace kindred::node
