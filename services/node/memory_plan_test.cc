#include "node/memory_plan.h"

#include "gtest/gtest.h"
#include "node/config.h"

namespace kindred::node {
namespace {

constexpr size_t kMebi = 1 << 20;

// What may be taken at once, beside the process itself.
size_t Together(const MemoryPlan& plan) {
  return plan.relations + plan.dedup + plan.block_cache + plan.waiting + plan.unstored +
         plan.worker_queues + plan.client_queue + plan.least_profiles;
}

TEST(MemoryPlanTest, ThePartsLeaveAThirdForWhatIsLostBetweenThem) {
  for (const int32_t mib : {128, 256, 384, 1024, 4096, 65536}) {
    config::v1::NodeConfig config = DefaultConfig();
    config.mutable_store()->set_memory_limit_mib(mib);
    const MemoryPlan plan = MemoryPlanOf(config);
    EXPECT_EQ(plan.limit, int64_t{mib} << 20);
    const int64_t rest = plan.limit - MemoryPlan::kProcessBytes;
    EXPECT_LE(Together(plan), static_cast<size_t>(rest / 3 * 2)) << mib;
    EXPECT_GE(plan.most_profiles, plan.loaded_profiles) << mib;
    EXPECT_GT(plan.least_profiles, 0u) << mib;
  }
}

TEST(MemoryPlanTest, ProfilesGiveWhatIsOver) {
  config::v1::NodeConfig config = DefaultConfig();
  config.mutable_store()->set_memory_limit_mib(1000);
  const MemoryPlan plan = MemoryPlanOf(config);
  const auto budget = [&plan](int64_t resident_mib, size_t profiles_mib) {
    return plan.BudgetAt(resident_mib << 20, profiles_mib * kMebi);
  };
  EXPECT_FALSE(plan.Near(int64_t{850} << 20));
  EXPECT_EQ(budget(850, 500).profiles, 750 * kMebi);
  EXPECT_FALSE(budget(850, 500).tight);
  EXPECT_TRUE(plan.Near(int64_t{870} << 20));
  EXPECT_EQ(budget(870, 500).profiles, 480 * kMebi);
  EXPECT_EQ(budget(2000, 500).profiles, plan.least_profiles);
  EXPECT_TRUE(budget(2000, 500).tight);
}

TEST(MemoryPlanTest, WhatIsSaidCounts) {
  config::v1::NodeConfig config = DefaultConfig();
  config.mutable_recommend()->set_relation_memory_mib(300);
  config.mutable_clean()->set_dedup_memory_mib(200);
  const MemoryPlan plan = MemoryPlanOf(config);
  EXPECT_EQ(plan.relations, 300 * kMebi);
  EXPECT_EQ(plan.dedup, 200 * kMebi);
  // And takes nothing from the others.
  EXPECT_EQ(plan.block_cache, MemoryPlanOf(DefaultConfig()).block_cache);
}

}  // namespace
}  // namespace kindred::node
