#include "recommend/control.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "recommend/pair_table.h"

namespace kindred::recommend {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int64_t kDay = 86'400'000;
constexpr int64_t kNow = 20'000 * kDay;
using Action = ControlRule::Action;

// Items 1 to n; category item % 5 + 1, brand item % 7 + 1, price item; the higher, the more
// popular.
class ControlTest : public ::testing::Test {
 protected:
  ControlTest() : table_(std::make_shared<PairTable>(PartitionId(0), PairOptions{}, &index_)) {
    index_.Attach(table_);
  }
  void Fill(uint32_t items) {
    for (uint32_t item = 1; item <= items; ++item) {
      index_.SetAttributes(ItemId(item), {.category = TermId(item % 5 + 1),
                                          .brand = TermId(item % 7 + 1),
                                          .price = static_cast<float>(item)});
      for (uint32_t i = 0; i < 1 + item / 4; ++i) table_->AddEvent(Viewed(item), {});
    }
  }
  static Touch Viewed(uint32_t item) { return {.item = ItemId(item), .time_ms = kNow}; }
  std::vector<uint32_t> Ask(const Request& request, const Controls& controls) {
    Request timed = request;
    timed.now_ms = kNow;
    RecommendWithControls(recommender_, timed, controls, index_, &answer_, &notes_);
    std::vector<uint32_t> items;
    for (const RankedItem& ranked : answer_.items) {
      items.push_back(ranked.item.value());
      float sum = 0;
      for (const Contribution& part : answer_.ContributionsOf(ranked)) sum += part.amount;
      EXPECT_NEAR(sum, ranked.score, 1e-4);
    }
    EXPECT_EQ(notes_.size(), items.size());
    EXPECT_EQ(std::set<uint32_t>(items.begin(), items.end()).size(), items.size());
    return items;
  }

  ItemIndex index_;
  std::shared_ptr<PairTable> table_;
  Recommender recommender_;
  Answer answer_;
  std::vector<ControlNote> notes_;
};

TEST_F(ControlTest, WithoutControlsTheRecommenderAnswers) {
  Fill(40);
  EXPECT_THAT(Ask({.count = 3}, {}), ElementsAre(40, 36, 37));
}

TEST_F(ControlTest, AStrictConditionIsShortASoftOneFillsUp) {
  Fill(40);
  const ItemCondition few = [](ItemId item) { return item.value() <= 2; };
  EXPECT_THAT(Ask({.count = 4}, {.condition = few}), ElementsAre(1, 2));
  EXPECT_THAT(Ask({.count = 4}, {.condition = few, .soft = true}), ElementsAre(1, 2, 40, 36));
  EXPECT_FALSE(notes_[1].outside_filter);
  EXPECT_TRUE(notes_[2].outside_filter);
}

TEST_F(ControlTest, SoftRelaxesCategoryAndPriceButNotExclusions) {
  Fill(40);
  const ItemId exclude[] = {ItemId(40)};
  EXPECT_THAT(Ask({.count = 3, .min_price = 39.5f, .exclude = exclude}, {.soft = true}),
              ElementsAre(36, 37, 38));
  EXPECT_TRUE(notes_[0].outside_filter);
}

TEST_F(ControlTest, ABoostFindsItsItemWhereverItStands) {
  Fill(5000);
  const ControlRule rules[] = {
      {.condition = [](ItemId item) { return item.value() == 3; }, .strength = 1}};
  EXPECT_THAT(Ask({.count = 2}, {.rules = rules}), ElementsAre(3, 5000));
  const auto parts = answer_.ContributionsOf(answer_.items[0]);
  EXPECT_EQ(parts.back().source, Source::kRule);
  EXPECT_GT(parts.back().amount, 0);
}

TEST_F(ControlTest, ANegativeBoostLowers) {
  Fill(40);
  const ControlRule rules[] = {
      {.condition = [](ItemId item) { return item.value() == 40; }, .strength = -1}};
  EXPECT_THAT(Ask({.count = 3}, {.rules = rules}), ElementsAre(36, 37, 38));
  EXPECT_THAT(Ask({.count = 40}, {.rules = rules}), SizeIs(40));
}

TEST_F(ControlTest, BuriedItemsComeLast) {
  Fill(10);
  const ControlRule rules[] = {
      {.condition = [](ItemId item) { return item.value() > 5; }, .action = Action::kBury}};
  EXPECT_THAT(Ask({.count = 7}, {.rules = rules}), ElementsAre(4, 5, 1, 2, 3, 8, 9));
  EXPECT_TRUE(notes_[5].buried);
  EXPECT_FALSE(notes_[4].buried);
}

TEST_F(ControlTest, APinTakesItsPlaceAndNoOther) {
  Fill(5000);
  const ControlRule rules[] = {{.condition = [](ItemId item) { return item.value() == 7; },
                                .action = Action::kPin,
                                .position = 2}};
  std::vector<uint32_t> items = Ask({.count = 3}, {.rules = rules});
  ASSERT_THAT(items, SizeIs(3));
  EXPECT_EQ(items[1], 7u);
  EXPECT_TRUE(notes_[1].pinned);
  // Places count over all pages.
  items = Ask({.count = 3}, {.rules = rules, .offset = 1});
  EXPECT_EQ(items[0], 7u);
  EXPECT_THAT(Ask({.count = 3}, {.rules = rules, .offset = 2}), Not(Contains(7)));
}

TEST_F(ControlTest, APinnedItemThatMayNotBeShownIsNot) {
  Fill(20);
  index_.SetHidden(ItemId(7), true);
  const ControlRule rules[] = {
      {.condition = [](ItemId item) { return item.value() == 7; }, .action = Action::kPin}};
  EXPECT_THAT(Ask({.count = 20}, {.rules = rules}), Not(Contains(7)));
}

TEST_F(ControlTest, CapsHoldAndTheListIsFullWhereTheyAllowIt) {
  Fill(2000);
  const AttributeCap caps[] = {
      {.value = [this](ItemId item) { return index_.GetFacts(item.value()).brand.value(); },
       .max_items = 2}};
  const std::vector<uint32_t> items = Ask({.count = 20}, {.caps = caps});
  EXPECT_THAT(items, SizeIs(14));  // seven brands
  std::map<uint32_t, int> by_brand;
  for (uint32_t item : items) ++by_brand[item % 7];
  for (const auto& [brand, count] : by_brand) EXPECT_EQ(count, 2) << brand;
}

TEST_F(ControlTest, ACapReachesBehindAThousandItemsOfOneValue) {
  for (uint32_t item = 1; item <= 3000; ++item) {
    index_.SetAttributes(ItemId(item), {.brand = TermId(item > 20 ? 1 : item + 1)});
    for (uint32_t i = 0; i < (item > 20 ? 2 : 1); ++i) table_->AddEvent(Viewed(item), {});
  }
  const AttributeCap caps[] = {
      {.value = [this](ItemId item) { return index_.GetFacts(item.value()).brand.value(); }}};
  EXPECT_THAT(Ask({.count = 21}, {.caps = caps}), SizeIs(21));
}

TEST_F(ControlTest, DiversityVariesCategories) {
  Fill(400);
  const auto categories = [](const std::vector<uint32_t>& items) {
    std::set<uint32_t> seen;
    for (uint32_t item : items) seen.insert(item % 5);
    return seen.size();
  };
  const ItemCondition first = [](ItemId item) {
    return item.value() % 5 == 0 || item.value() < 300;
  };
  EXPECT_EQ(categories(Ask({.count = 5}, {.condition = first})), 1u);
  EXPECT_EQ(categories(Ask({.count = 5}, {.condition = first, .diversity = 0.7})), 5u);
}

TEST_F(ControlTest, NothingEligibleIsAnEmptyAnswer) {
  Fill(10);
  const Controls controls = {.condition = [](ItemId) { return false; }, .diversity = 0.5};
  EXPECT_THAT(Ask({.count = 5}, controls), IsEmpty());
}

// 10,000 recommendations, with whatever controls.
TEST_F(ControlTest, ContributionsSumToTheScore) {
  std::mt19937 random(20'261'126);
  const uint32_t kItems = 300;
  const auto any = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  for (uint32_t item = 1; item <= kItems; ++item) {
    index_.SetAttributes(ItemId(item), {.category = TermId(item % 5 + 1),
                                        .brand = TermId(item % 7 + 1),
                                        .price = static_cast<float>(item)});
  }
  for (int session = 0; session < 2000; ++session) {
    std::vector<Touch> recent;
    const uint32_t theme = any(10);
    for (uint32_t i = 0; i < 2 + any(8); ++i) {
      const Touch touch{.item = ItemId(1 + (theme * 30 + any(30)) % kItems),
                        .kind = static_cast<Interaction>(any(kInteractionKinds)),
                        .time_ms = kNow - static_cast<int64_t>(any(40)) * kDay};
      table_->AddEvent(touch, recent);
      recent.insert(recent.begin(), touch);
    }
  }
  uint64_t checked = 0;
  double worst = 0;
  while (checked < 10'000) {
    std::vector<Touch> recent;
    std::vector<OwnedItem> owned;
    for (uint32_t i = 0; i < any(15); ++i) {
      recent.push_back({ItemId(1 + any(kItems)), static_cast<Interaction>(any(kInteractionKinds)),
                        kNow - static_cast<int64_t>(i) * kDay / 8});
    }
    for (uint32_t i = 0; i < any(5); ++i) {
      owned.push_back({ItemId(1 + any(kItems)), static_cast<float>(1 + any(4)), kNow - kDay});
    }
    const ControlRule rules[] = {
        {.condition = [](ItemId item) { return item.value() % 2 == 0; },
         .strength = static_cast<double>(any(200)) / 100 - 1},
        {.condition = [](ItemId item) { return item.value() % 11 == 0; }, .action = Action::kBury},
        {.condition = [](ItemId item) { return item.value() % 13 == 0; },
         .action = Action::kPin,
         .position = 1 + any(10)}};
    Controls controls;
    controls.rules = absl::MakeConstSpan(rules).first(any(4));
    if (any(3) == 0) controls.diversity = any(100) / 100.0;
    const std::vector<uint32_t> items = Ask({.count = 20,
                                             .recent = recent,
                                             .page_item = ItemId(any(3) == 0 ? 1 + any(kItems) : 0),
                                             .purchased = owned},
                                            controls);
    ASSERT_THAT(items, SizeIs(20));
    for (const RankedItem& ranked : answer_.items) {
      double sum = 0;
      for (const Contribution& part : answer_.ContributionsOf(ranked)) sum += part.amount;
      worst = std::max(worst, std::abs(sum - ranked.score));
      ++checked;
    }
  }
  EXPECT_LT(worst, 1e-4);
  RecordProperty("recommendations", static_cast<int>(checked));
}

}  // namespace
}  // namespace kindred::recommend
