#include "recommend/popular_list.h"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::recommend {
namespace {

using ::testing::ElementsAre;

constexpr uint32_t kItems = 400;

// Every item in order, best first, by looking at all.
std::vector<uint32_t> Ranked(const std::vector<double>& popularity, size_t most) {
  std::vector<std::pair<double, uint32_t>> ranked;
  for (uint32_t item = 1; item <= kItems; ++item) ranked.emplace_back(-popularity[item], item);
  std::sort(ranked.begin(), ranked.end());
  std::vector<uint32_t> items;
  for (size_t i = 0; i < most; ++i) items.push_back(ranked[i].second);
  return items;
}

TEST(PopularListTest, HoldsTheMostPopularWhateverTheOrder) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    std::vector<double> popularity(kItems + 1, 0);
    const auto of = [&](uint32_t item) { return popularity[item]; };
    PopularList list(30);
    size_t looked = 0;
    for (int i = 0; i < 20'000; ++i) {
      const uint32_t item = 1 + (random() % kItems) * (random() % kItems) / kItems;
      popularity[item] += 1 + (random() % 1000) / 1000.0;
      list.Offer(item, [&](uint32_t of_item) {
        ++looked;
        return popularity[of_item];
      });
    }
    EXPECT_EQ(list.Sorted(of), Ranked(popularity, 30));
    EXPECT_LT(looked, 20'000u * 6) << "of 30, at each offer";
  }
}

TEST(PopularListTest, WhatFallsMakesRoomForWhatIsOfferedNext) {
  std::vector<double> popularity = {0, 5, 4, 3, 2};
  const auto of = [&](uint32_t item) { return popularity[item]; };
  PopularList list(3);
  for (const uint32_t item : {1u, 2u, 3u}) EXPECT_TRUE(list.Offer(item, of).kept);
  const PopularList::Outcome refused = list.Offer(4, of);
  EXPECT_FALSE(refused.kept);
  EXPECT_EQ(refused.least, 3);
  popularity[1] = 1;
  list.Fell();
  const PopularList::Outcome kept = list.Offer(4, of);
  EXPECT_TRUE(kept.kept);
  EXPECT_EQ(kept.evicted, 1u);
  EXPECT_THAT(list.Sorted(of), ElementsAre(2, 3, 4));
  // Again, and of equal ones: neither twice nor instead of the others.
  EXPECT_TRUE(list.Offer(2, of).kept);
  EXPECT_EQ(list.Sorted(of).size(), 3u);
}

}  // namespace
}  // namespace kindred::recommend
