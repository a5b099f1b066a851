#include <atomic>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "node/audience_keeper.h"
#include "node/identity_world.h"

namespace kindred::node {
namespace {

using Ids = std::set<std::string>;

// Three ids that are one customer, in three partitions. One of them is still being read from the
// log when an event of another makes the customer a member. Nothing more happens, no walk comes:
// all three are members as soon as they can be read, and nobody by a part of the sum before.
TEST(AudienceCatchUpTest, LinkedIdsAreJudgedOnceAllOfThemCanBeRead) {
  IdentityWorld world(3);
  const auto rules = ParseRules("rules.yaml", R"(
audiences:
  - {name: three, when: event_count("page") >= 3}
  - {name: few, when: event_count("page") < 3}
)");
  ASSERT_TRUE(rules.ok()) << rules.status();
  world.state->shared->rules.Set(*rules);
  AudienceKeeper keeper(AudienceKeeperOptions(), world.state->shared.get(),
                        world.state->partitions.get(), world.state->cold.get(),
                        world.state->store.get(), nullptr, nullptr, [](Partition*) {});
  int64_t now_ms = kTestTimeMs;
  const auto members = [&](const char* audience) {
    while (keeper.Step(now_ms)) {
    }
    Ids in;
    for (const char* id : {"ann", "browser", "phone"}) {
      const PartitionAudiences& audiences =
          world.state->partition(world.state->partitions->Home(id).value()).audiences();
      if (audiences.Contains(profile::CustomerMap::Hash(id), audiences.SlotOf(audience))) {
        in.insert(id);
      }
    }
    return in;
  };
  for (const char* id : {"browser", "phone"}) {
    world.Event("page", id, now_ms);
    world.Event("identify", "ann", now_ms, absl::StrCat("\"anonymous_id\":\"", id, "\""));
    world.Deliver();
  }
  EXPECT_EQ(members("three"), Ids());
  EXPECT_EQ(members("few"), (Ids{"ann", "browser", "phone"}));
  EXPECT_EQ(keeper.as_of_ms(), now_ms);
  for (const char* behind : {"ann", "browser"}) {
    const PartitionId home = world.state->partitions->Home(behind);
    ASSERT_NE(home, world.state->partitions->Home("phone")) << "or the test shows nothing";
    std::atomic<bool>& caught_up = world.state->partitions->slot(home).caught_up;
    caught_up = false;
    now_ms += 1'000;
    world.Event("page", "phone", now_ms);
    const Ids before = members("three");
    EXPECT_LT(keeper.as_of_ms(), now_ms);
    EXPECT_GT(keeper.waiting(), 0u);
    caught_up = true;
    EXPECT_EQ(before, behind == std::string("ann") ? Ids() : (Ids{"ann", "browser", "phone"}));
    EXPECT_EQ(members("three"), (Ids{"ann", "browser", "phone"}));
    EXPECT_EQ(members("few"), Ids());
    EXPECT_EQ(keeper.as_of_ms(), now_ms);
  }
}

}  // namespace
}  // namespace kindred::node
