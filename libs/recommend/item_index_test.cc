#include "recommend/item_index.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::recommend {
namespace {

constexpr int64_t kDay = 86'400'000;

TEST(ItemIndexTest, TheCatalogueWinsOverEvents) {
  ItemIndex index;
  EXPECT_FALSE(index.Known(ItemId(7)));
  index.SetAttributesFromEvent(ItemId(7), TermId(1), TermId(2), 9.5f);
  EXPECT_TRUE(index.Known(ItemId(7)));
  EXPECT_EQ(index.Attributes(ItemId(7)).category, TermId(1));
  EXPECT_EQ(index.Attributes(ItemId(7)).price, 9.5f);
  index.SetAttributesFromEvent(ItemId(7), TermId(0), TermId(0), 0);
  EXPECT_EQ(index.Attributes(ItemId(7)).category, TermId(1)) << "silence changes nothing";
  index.SetAttributes(ItemId(7), {.category = TermId(3), .price = 8, .title = "Tea"});
  index.SetAttributesFromEvent(ItemId(7), TermId(1), TermId(2), 9.5f);
  EXPECT_EQ(index.Attributes(ItemId(7)).category, TermId(3));
  EXPECT_EQ(index.Attributes(ItemId(7)).price, 8);
  EXPECT_EQ(index.Title(ItemId(7)), "Tea");
  EXPECT_TRUE(index.GetFacts(7).eligible);
  index.RemoveFromCatalogue(ItemId(7));
  EXPECT_FALSE(index.GetFacts(7).eligible);
  EXPECT_FALSE(index.GetFacts(8).eligible) << "its neighbour in memory was never met";
}

TEST(ItemIndexTest, PricesThatNobodyToldAreNotZero) {
  ItemIndex index;
  index.SetAttributesFromEvent(ItemId(7), TermId(1), TermId(2), 0);
  index.Add(ItemId(8), 1, 1);
  EXPECT_TRUE(std::isnan(index.GetFacts(7).price));
  EXPECT_TRUE(std::isnan(index.GetFacts(8).price));
}

TEST(ItemIndexTest, PopularListsAreExact) {
  ItemIndex index;
  index.SetBase(0);
  std::mt19937 random(9);
  constexpr uint32_t kItems = 3000;
  for (uint32_t item = 1; item <= kItems; ++item) {
    index.SetAttributes(ItemId(item), {.category = TermId(1 + item % 3)});
  }
  for (int i = 0; i < 60'000; ++i) {
    const uint32_t item = 1 + static_cast<uint32_t>(std::pow(random() % 1000 / 1000.0, 3) * kItems);
    index.Add(ItemId(item), 0, index.PopularityWeight(static_cast<int64_t>(i) * kDay / 2000));
  }
  for (uint32_t category = 0; category <= 3; ++category) {
    std::vector<uint32_t> expected;
    for (uint32_t item = 1; item <= kItems; ++item) {
      if (category == 0 || 1 + item % 3 == category) expected.push_back(item);
    }
    std::sort(expected.begin(), expected.end(), [&](uint32_t a, uint32_t b) {
      return index.RawPopularity(a) != index.RawPopularity(b)
                 ? index.RawPopularity(a) > index.RawPopularity(b)
                 : a < b;
    });
    const auto popular = index.Popular(TermId(category));
    ASSERT_NE(popular, nullptr);
    ASSERT_EQ(popular->size(), ItemIndex::kPopularKept);
    for (size_t i = 0; i < popular->size(); ++i) {
      EXPECT_EQ(index.RawPopularity((*popular)[i]), index.RawPopularity(expected[i]))
          << "category " << category << " place " << i;
    }
  }
  EXPECT_EQ(index.Popular(TermId(99)), nullptr);
}

TEST(ItemIndexTest, WeightsOfAnotherBaseDifferByAPowerOfTwoExactly) {
  ItemIndex a, b;
  a.SetBase(1'700'000'000'123);
  b.SetBase(1'750'000'000'456);
  for (int64_t time_ms : {1'600'000'000'000, 1'721'234'567'890, 1'799'999'999'999}) {
    int exponent = 0;
    EXPECT_EQ(std::frexp(a.RelationWeight(time_ms) / b.RelationWeight(time_ms), &exponent), 0.5);
    EXPECT_EQ(std::frexp(a.PopularityWeight(time_ms) / b.PopularityWeight(time_ms), &exponent),
              0.5);
  }
}

TEST(ItemIndexTest, AnItemExistsWhileAnEventOfItCountsOrTheCatalogueHasIt) {
  ItemIndex index;
  const ItemId item(7);
  index.SetAttributesFromEvent(item, TermId(3), TermId(0), 2.5f);
  index.Add(item, 0.1, 0.3);
  index.Add(item, 0.2, 0.6);
  EXPECT_TRUE(index.Known(item));
  EXPECT_EQ(index.Attributes(item).category, TermId(3));
  index.Add(item, -0.1, -0.3);
  EXPECT_TRUE(index.GetFacts(7).eligible);
  index.Add(item, -0.2, -0.6);  // rounding leaves nothing
  EXPECT_FALSE(index.Known(item));
  EXPECT_FALSE(index.GetFacts(7).eligible);
  EXPECT_EQ(index.item_count(), 0u);
  index.SetAttributesFromEvent(item, TermId(3), TermId(0), 2.5f);
  index.Add(item, 0, 0);  // as a restart restores what was noted of it, and its row
  EXPECT_FALSE(index.Known(item));
  index.SetAttributes(item, {});
  index.Add(item, 1, 1);
  index.Add(item, -1, -1);
  EXPECT_TRUE(index.Known(item)) << "the catalogue has it";
  EXPECT_EQ(index.item_count(), 1u);
}

TEST(ItemIndexTest, ATitleFromEventsDoesNotDependOnTheirOrder) {
  const std::vector<std::pair<int64_t, std::string>> told = {
      {300, "Late"}, {100, "Tea pot"}, {100, "Tea"}, {200, "Between"}};
  std::vector<size_t> order = {0, 1, 2, 3};
  do {
    ItemIndex index;
    for (size_t i : order) index.SetTitleFromEvent(ItemId(5), told[i].second, told[i].first);
    EXPECT_EQ(index.Title(ItemId(5)), "Tea");
    EXPECT_EQ(index.TitleTime(ItemId(5)), 100);
    EXPECT_FALSE(index.SetTitleFromEvent(ItemId(5), "Tea", 100));
  } while (std::next_permutation(order.begin(), order.end()));
}

// The formula said plainly, to the last bit, on both sides of 1970 and of the bounds.
TEST(ForwardWeightTest, IsTheFormulaToTheLastBit) {
  std::mt19937_64 random(3);
  for (const double half_life_days : {1.0 / 24, 7.0, 90.0, 10'000.0}) {
    const double half_life_ms = half_life_days * 86'400'000.0;
    for (int i = 0; i < 20'000; ++i) {
      const int shift = 20 + static_cast<int>(random() % 40);
      const auto time_ms = static_cast<int64_t>(random()) >> shift;
      const auto base_ms =
          i % 2 == 0 ? time_ms + i - 10'000 : static_cast<int64_t>(random()) >> shift;
      const int bound = i % 3 == 0 ? 110 : 900;
      const double halvings = static_cast<double>(time_ms) / half_life_ms;
      const double power =
          std::floor(halvings) - std::floor(static_cast<double>(base_ms) / half_life_ms);
      const double expected =
          std::ldexp(std::exp2(halvings - std::floor(halvings)),
                     static_cast<int>(std::clamp<double>(power, -bound, bound)));
      ASSERT_EQ(ForwardWeight(time_ms, base_ms, half_life_days, bound), expected)
          << time_ms << " from " << base_ms;
    }
  }
}

}  // namespace
}  // namespace kindred::recommend
