#include "profile/behaviour.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "learn/random.h"
#include "profile/test_events.h"

namespace kindred::profile {
namespace {

using event::EventType;

TestEvent Act(EventType type, int64_t time_ms, const std::string& category,
              const std::string& item = "sku-1", const std::string& brand = "acme") {
  TestEvent event;
  event.type = type;
  event.time_ms = time_ms;
  event.category = category;
  event.item = item;
  event.brand = brand;
  if (type == EventType::kPurchase) event.price = 1;
  return event;
}

std::vector<TestEvent> RandomActs(learn::Random& random, size_t count) {
  constexpr EventType kTypes[] = {EventType::kView, EventType::kView, EventType::kAddToCart,
                                  EventType::kPurchase};
  std::vector<TestEvent> acts;
  for (size_t i = 0; i < count; ++i) {
    // Distinct times: equal ones at the edge of the newest 20 are told apart by arrival.
    const int64_t time_ms = kTestStartMs + static_cast<int64_t>(random.Below(90)) * kTestDayMs / 2 +
                            static_cast<int64_t>(i);
    acts.push_back(Act(kTypes[random.Below(4)], time_ms, "c" + std::to_string(random.Below(3)),
                       "sku-" + std::to_string(random.Below(5)),
                       "b" + std::to_string(random.Below(2))));
  }
  return acts;
}

TEST(BehaviourTest, CountsAreExactForTwentyActs) {
  TestApplier applier;
  int counted = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    learn::Random random(seed);
    const std::vector<TestEvent> acts = RandomActs(random, random.Below(21));
    const Profile profile = applier.ApplyAll(acts);
    BehaviourFilter filter;
    filter.type = random.Below(2) == 0 ? EventType::kView : EventType::kPurchase;
    const std::string category = "c" + std::to_string(random.Below(4));
    const std::string item = "sku-" + std::to_string(random.Below(5));
    const std::string brand = "b" + std::to_string(random.Below(2));
    const bool by_category = random.Below(2) == 0;
    const bool by_item = random.Below(3) == 0;
    const bool by_brand = random.Below(3) == 0;
    if (by_category) filter.category = applier.Term(category);
    if (by_item) filter.item = applier.Item(item);
    if (by_brand) filter.brand = applier.Term(brand);
    filter.within_ms = static_cast<int64_t>(random.Below(30)) * kTestDayMs;
    const auto brute = [&](int64_t now_ms) {
      return static_cast<uint64_t>(std::count_if(acts.begin(), acts.end(), [&](const auto& act) {
        return act.type == filter.type && act.time_ms <= now_ms &&
               (filter.within_ms == 0 || act.time_ms > now_ms - filter.within_ms) &&
               (!by_category || act.category == category) && (!by_item || act.item == item) &&
               (!by_brand || act.brand == brand);
      }));
    };
    int64_t now_ms = kTestStartMs;
    for (int step = 0; step < 60; ++step) {
      const BehaviourCount count = CountBehaviour(profile, filter, now_ms);
      ASSERT_EQ(count.count, brute(now_ms)) << seed << " at " << now_ms;
      counted += count.count > 0;
      ASSERT_GT(count.until_ms, now_ms);
      if (count.until_ms == INT64_MAX) break;
      ASSERT_EQ(count.count, brute(count.until_ms - 1)) << seed;
      now_ms = count.until_ms;
    }
  }
  EXPECT_GT(counted, 300);
}

TEST(BehaviourTest, OlderActsAreKnownByDayAndCategory) {
  TestApplier applier;
  Profile profile;
  const int64_t midnight_ms = kTestStartMs / kTestDayMs * kTestDayMs;
  for (int i = 0; i < 30; ++i) {
    applier.Apply(Act(EventType::kView, midnight_ms + i * 1'000, "tea"), &profile);
  }
  BehaviourFilter filter;
  filter.category = applier.Term("tea");
  filter.within_ms = 7 * kTestDayMs;
  EXPECT_EQ(CountBehaviour(profile, filter, midnight_ms + kTestDayMs).count, 30u);
  // The newest 20 leave one by one, the ten of the day with its last instant.
  EXPECT_EQ(CountBehaviour(profile, filter, midnight_ms + 7 * kTestDayMs + 29'000).count, 10u);
  EXPECT_EQ(CountBehaviour(profile, filter, midnight_ms + 8 * kTestDayMs - 2).count, 10u);
  EXPECT_EQ(CountBehaviour(profile, filter, midnight_ms + 8 * kTestDayMs - 1).count, 0u);
  filter.item = applier.Item("sku-1");
  EXPECT_EQ(CountBehaviour(profile, filter, midnight_ms + kTestDayMs).count, 20u);
}

// However many there are: the order of arrival does not matter, parts add, the record reads back.
TEST(BehaviourTest, DaysAddAndDoNotDependOnTheOrder) {
  TestApplier applier;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    learn::Random random(seed);
    std::vector<TestEvent> acts = RandomActs(random, 20 + random.Below(400));
    const Profile in_order = applier.ApplyAll(acts);
    EXPECT_LE(in_order.day_counts().size(), kMaxDayCounts);
    std::vector<std::vector<TestEvent>> parts(1 + random.Below(4));
    for (const TestEvent& act : acts) parts[random.Below(parts.size())].push_back(act);
    Profile merged;
    for (const auto& part : parts) merged.Merge(applier.ApplyAll(part));
    for (size_t i = acts.size(); i > 1; --i) std::swap(acts[i - 1], acts[random.Below(i)]);
    const Profile shuffled = applier.ApplyAll(acts);
    for (const Profile* other : {static_cast<const Profile*>(&merged), &shuffled}) {
      EXPECT_EQ(other->day_counts(), in_order.day_counts());
      EXPECT_EQ(other->recent_items(), in_order.recent_items());
    }
    std::string record;
    merged.Encode(&record);
    const auto decoded = Profile::Decode(record);
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, merged);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace kindred::profile
