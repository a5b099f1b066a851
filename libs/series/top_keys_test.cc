#include "series/top_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
