#include "series/top_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "learn/random.h"

namespace kindred::series {
namespace {

using ::testing::SizeIs;

TEST(TopKeys, WhileThereIsRoomAllAreTrackedFromTheirFirstEvent) {
  TopKeys keys(4);
  for (const uint32_t key : {7u, 3u, 7u, 9u, 1u, 7u, 3u}) {
    const TopKeys::Decision decision = keys.Count(key, 1000);
    EXPECT_TRUE(decision.tracked);
    EXPECT_EQ(decision.removed, 0u);
  }
  const std::vector<TopKeys::Tracked> ranked = keys.Ranked();
  ASSERT_THAT(ranked, SizeIs(4));
  EXPECT_EQ(ranked[0].key, 7u);
  EXPECT_EQ(ranked[1].key, 3u);
  EXPECT_EQ(ranked[2].key, 1u) << "equal ones by key";
  for (const TopKeys::Tracked& key : ranked) EXPECT_EQ(key.since_ms, 0);
}

TEST(TopKeys, AKeyMetTwiceAsOftenTakesThePlaceOfTheLeast) {
  TopKeys keys(2);
  for (int i = 0; i < 10; ++i) keys.Count(1, 10);
  for (int i = 0; i < 3; ++i) keys.Count(2, 10);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(keys.Count(3, 20).tracked) << i;
  const TopKeys::Decision decision = keys.Count(3, 30);
  EXPECT_TRUE(decision.tracked && decision.added);
  EXPECT_EQ(decision.removed, 2u);
  EXPECT_FALSE(keys.IsTracked(2));
  EXPECT_EQ(keys.SinceMs(3), 30) << "what came before is not in its series";
  EXPECT_EQ(keys.SinceMs(1), 0);
}

TEST(TopKeys, FindsTheFrequentAmongMillionsInBoundedMemory) {
  // 20 keys with a quarter of the events, a long tail with the rest.
  TopKeys keys(64);
  learn::Random random(1);
  for (int i = 0; i < 300'000; ++i) {
    const bool top = random.Below(4) == 0;
    keys.Count(
        static_cast<uint32_t>(top ? 1'000'000 + random.Below(20) : 1 + random.Below(900'000)), i);
  }
  for (uint32_t key = 1'000'000; key < 1'000'020; ++key) EXPECT_TRUE(keys.IsTracked(key)) << key;
  EXPECT_THAT(keys.Ranked(), SizeIs(64));
  EXPECT_LT(keys.Encode().size(), 6000u);
  EXPECT_GE(keys.Ranked()[0].key, 1'000'000u);
}

TEST(TopKeys, GoesOnFromItsBytesAsIfNothingHadHappened) {
  for (const uint64_t distinct : {10u, 200u, 5000u}) {
    TopKeys steady(16);
    TopKeys restored(16);
    learn::Random random(distinct);
    for (int i = 0; i < 20'000; ++i) {
      const uint32_t key = 1 + static_cast<uint32_t>(random.Below(1 + random.Below(distinct)));
      const TopKeys::Decision a = steady.Count(key, i);
      const TopKeys::Decision b = restored.Count(key, i);
      ASSERT_EQ(a.tracked, b.tracked);
      ASSERT_EQ(a.removed, b.removed);
      if (i % 777 == 0) {
        const std::string bytes = restored.Encode();
        restored = TopKeys(16);
        ASSERT_TRUE(restored.Decode(bytes).ok());
        ASSERT_EQ(restored.Encode(), bytes);
      }
    }
    EXPECT_EQ(steady.Encode(), restored.Encode());
  }
}

// The rule as top_keys.h tells it, with nothing made quick. 0: nobody left.
class PlainRule {
 public:
  explicit PlainRule(size_t tracked) : most_(tracked) {}
  uint32_t Count(uint32_t key) {
    ++counts_[key];
    uint32_t removed = 0;
    if (!tracked_.contains(key)) {
      if (tracked_.size() < most_) {
        tracked_.insert(key);
      } else if (const uint32_t least = Least(); counts_[key] / 2 >= counts_[least]) {
        tracked_.erase(least);
        tracked_.insert(key);
        removed = least;
      }
    }
    while (counts_.size() > (halving_ ? TopKeys::kCounted * 3 / 4 : TopKeys::kCounted)) {
      halving_ = true;
      for (auto& [other, count] : counts_)
        count = std::max(count / 2, tracked_.contains(other) ? 1u : 0u);
      std::erase_if(counts_, [](const auto& entry) { return entry.second == 0; });
    }
    halving_ = false;
    return removed;
  }
  bool IsTracked(uint32_t key) const { return tracked_.contains(key); }

 private:
  uint32_t Least() {
    return *std::min_element(tracked_.begin(), tracked_.end(), [this](uint32_t a, uint32_t b) {
      return counts_[a] != counts_[b] ? counts_[a] < counts_[b] : a > b;
    });
  }
  size_t most_;
  std::map<uint32_t, uint32_t> counts_;
  std::set<uint32_t> tracked_;
  bool halving_ = false;
};

TEST(TopKeys, DecidesAsItsRuleSays) {
  for (const uint64_t distinct : {5u, 100u, 3000u, 100'000u}) {
    TopKeys keys(16);
    PlainRule rule(16);
    std::map<size_t, uint32_t> places;
    learn::Random random(distinct);
    for (int i = 0; i < 30'000; ++i) {
      // The popular ones change now and then.
      const uint64_t from = random.Below(1 + random.Below(1 + random.Below(distinct)));
      const uint32_t key =
          1 + static_cast<uint32_t>((from + static_cast<uint64_t>(i / 10'000 * 50)) % distinct);
      const TopKeys::Decision decision = keys.Count(key, i);
      ASSERT_EQ(decision.removed, rule.Count(key)) << i;
      ASSERT_EQ(decision.tracked, rule.IsTracked(key)) << i;
      if (decision.removed != 0) {
        ASSERT_EQ(places.at(decision.place), decision.removed);
      }
      if (decision.added) places[decision.place] = key;
      if (decision.tracked) {
        ASSERT_EQ(places.at(decision.place), key) << i;
      }
    }
    EXPECT_LE(places.size(), 16u);
    for (const TopKeys::Tracked& tracked : keys.Ranked()) {
      EXPECT_TRUE(rule.IsTracked(tracked.key));
    }
  }
}

TEST(TopKeys, RefusesBytesThatItDoesNotMake) {
  TopKeys keys(2);
  keys.Count(5, 0);
  keys.Count(9, 0);
  const std::string good = keys.Encode();
  TopKeys again(2);
  ASSERT_TRUE(again.Decode(good).ok());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(again.Decode(good.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(again.Decode(good + "x").ok());
  TopKeys one(1);
  EXPECT_FALSE(one.Decode(good).ok()) << "more tracked than it may";
  EXPECT_TRUE(one.Ranked().empty());
}

}  // namespace
}  // namespace kindred::series
