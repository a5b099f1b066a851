#include "recommend/recommender.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "recommend/pair_table.h"

namespace kindred::recommend {
namespace {

using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int64_t kDay = 86'400'000;
constexpr int64_t kNow = 20'000 * kDay;

class RecommenderTest : public ::testing::Test {
 protected:
  RecommenderTest() : table_(std::make_shared<PairTable>(PartitionId(0), PairOptions{}, &index_)) {
    index_.Attach(table_);
  }
  void Session(std::initializer_list<uint32_t> items, Interaction kind = Interaction::kView) {
    Session(std::vector<uint32_t>(items), kind);
  }
  void Session(const std::vector<uint32_t>& items, Interaction kind = Interaction::kView) {
    std::vector<Touch> recent;
    for (uint32_t item : items) {
      const Touch touch{.item = ItemId(item), .kind = kind, .time_ms = kNow};
      table_->AddEvent(touch, recent);
      recent.insert(recent.begin(), touch);
    }
  }
  std::vector<uint32_t> Ask(const Request& request) {
    Request timed = request;
    timed.now_ms = kNow;
    recommender_.Recommend(timed, index_, &answer_);
    std::vector<uint32_t> items;
    for (const RankedItem& ranked : answer_.items) items.push_back(ranked.item.value());
    return items;
  }
  static Touch Viewed(uint32_t item) { return {.item = ItemId(item), .time_ms = kNow}; }

  ItemIndex index_;
  std::shared_ptr<PairTable> table_;
  Recommender recommender_;
  Answer answer_;
};

TEST_F(RecommenderTest, NobodyKnowsAnything) {
  EXPECT_THAT(Ask({}), SizeIs(0));
  const Touch seen[] = {Viewed(77)};
  EXPECT_THAT(Ask({.recent = seen, .exclude_recent = true}), SizeIs(0));
}

TEST_F(RecommenderTest, BecauseYouViewed) {
  for (int i = 0; i < 5; ++i) Session({1, 2});
  Session({3, 4});
  const Touch seen[] = {Viewed(1)};
  EXPECT_THAT(Ask({.count = 1, .recent = seen, .exclude_recent = true}), ElementsAre(2));
  const RankedItem& first = answer_.items[0];
  EXPECT_EQ(first.reason.kind, ReasonKind::kBecauseViewed);
  EXPECT_EQ(first.reason.items[0], ItemId(1));
  EXPECT_EQ(first.reason.items[1], ItemId(0));
  EXPECT_EQ(Sentence(
                first.reason, [](ItemId item) { return absl::StrCat("item ", item.value()); },
                [](TermId) { return std::string(); }),
            "Because you viewed item 1");
}

TEST_F(RecommenderTest, TwoSeedsThatWeighAlikeAreBothNamed) {
  for (int i = 0; i < 5; ++i) {
    Session({1, 3});
    Session({2, 3});
  }
  const Touch seen[] = {Viewed(1), Viewed(2)};
  EXPECT_THAT(Ask({.count = 1, .recent = seen, .exclude_recent = true}), ElementsAre(3));
  EXPECT_EQ(answer_.items[0].reason.items[0], ItemId(1));
  EXPECT_EQ(answer_.items[0].reason.items[1], ItemId(2));
}

TEST_F(RecommenderTest, ANewItemIsRecommendableAfterItsFirstPair) {
  for (int i = 0; i < 20; ++i) Session({1, 2});
  const Touch seen[] = {Viewed(1)};
  EXPECT_THAT(Ask({.recent = seen}), Not(::testing::Contains(999)));
  Session({1, 999});
  EXPECT_THAT(Ask({.recent = seen}), ::testing::Contains(999));
  index_.SetHidden(ItemId(999), true);
  EXPECT_THAT(Ask({.recent = seen}), Not(::testing::Contains(999)));
  index_.SetHidden(ItemId(999), false);
  EXPECT_THAT(Ask({.recent = seen}), ::testing::Contains(999));
}

TEST_F(RecommenderTest, AnItemThatNobodyMetIsRecommendedByLikeness) {
  for (int i = 0; i < 5; ++i) Session({1, 2, 3});
  index_.SetAttributes(ItemId(90), {});
  const Touch seen[] = {Viewed(1)};
  const Request request = {.count = 3, .recent = seen, .exclude_recent = true};
  EXPECT_THAT(Ask(request), ElementsAre(2, 3, 90)) << "to fill up";
  EXPECT_EQ(answer_.items[2].score, 0);
  const Alike alike[] = {{90, 0.8f}};
  index_.content().Replace(1, alike);
  EXPECT_THAT(Ask(request), ElementsAre(2, 3, 90));
  const RankedItem& ranked = answer_.items[2];
  EXPECT_EQ(ranked.source, Source::kContent);
  EXPECT_EQ(ranked.reason.kind, ReasonKind::kAlike);
  EXPECT_EQ(Sentence(
                ranked.reason, [](ItemId item) { return absl::StrCat("item ", item.value()); },
                [](TermId) { return std::string(); }),
            "Like item 1");
  const BlendOptions options;
  EXPECT_NEAR(ranked.score, options.content_weight * 0.8 * std::exp(-1 / options.similar_reach),
              1e-6);
  ASSERT_EQ(ranked.contribution_count, 1u);
  EXPECT_EQ(answer_.ContributionsOf(ranked)[0].seed, ItemId(1));
}

TEST_F(RecommenderTest, LikenessFallsSilentWhereRelationsKnowBetter) {
  const Alike alike[] = {{2, 0.8f}};
  index_.content().Replace(1, alike);
  const Touch seen[] = {Viewed(1)};
  const Request request = {.count = 1, .recent = seen, .exclude_recent = true};
  const auto part = [&](int sessions) {
    for (int i = 0; i < sessions; ++i) {
      Session({1});
      Session({2});
    }
    EXPECT_THAT(Ask(request), ElementsAre(2));
    double sum = 0;
    for (const Contribution& from : answer_.ContributionsOf(answer_.items[0])) {
      if (from.source == Source::kContent) sum += from.amount;
    }
    return sum;
  };
  const double unknown = 0.3 * 0.8 * std::exp(-1.0 / 3);
  EXPECT_NEAR(part(5), unknown / 2, 1e-4) << "as many sessions as content_evidence";
  EXPECT_NEAR(part(490), unknown / 100, 1e-4);
}

TEST_F(RecommenderTest, AStrangerGetsThePopularItemsOfTheCategory) {
  const TermId tea(1), pots(2);
  for (uint32_t item = 1; item <= 40; ++item) {
    index_.SetAttributes(ItemId(item), {.category = item % 2 == 0 ? tea : pots, .price = 5});
    for (uint32_t i = 0; i < item; ++i) Session({item});
  }
  EXPECT_THAT(Ask({.count = 3}), ElementsAre(40, 39, 38));
  EXPECT_EQ(answer_.items[0].reason.kind, ReasonKind::kPopular);
  EXPECT_THAT(Ask({.count = 3, .category = pots}), ElementsAre(39, 37, 35));
  EXPECT_EQ(answer_.items[0].reason.kind, ReasonKind::kPopularInCategory);
  EXPECT_EQ(answer_.items[0].reason.category, pots);
  EXPECT_EQ(answer_.items[0].source, Source::kPopular);
}

TEST_F(RecommenderTest, CatalogueItemsWithoutEventsFillUp) {
  for (uint32_t item = 1; item <= 5; ++item) index_.SetAttributes(ItemId(item), {.price = 1});
  EXPECT_THAT(Ask({}), ElementsAre(1, 2, 3, 4, 5));
  index_.RemoveFromCatalogue(ItemId(2));
  index_.SetAttributes(ItemId(3), {.available = false});
  EXPECT_THAT(Ask({}), ElementsAre(1, 4, 5));
}

TEST_F(RecommenderTest, PageAndCartGiveTheirNeighboursButNeverThemselves) {
  for (int i = 0; i < 5; ++i) {
    Session({1, 2});
    Session({3, 4});
  }
  EXPECT_THAT(Ask({.count = 1, .page_item = ItemId(1)}), ElementsAre(2));
  EXPECT_EQ(answer_.items[0].reason.kind, ReasonKind::kSimilarToPage);
  const ItemId cart[] = {ItemId(3)};
  EXPECT_THAT(Ask({.count = 1, .cart = cart}), ElementsAre(4));
  EXPECT_EQ(answer_.items[0].reason.kind, ReasonKind::kBecauseInCart);
  EXPECT_THAT(Ask({.page_item = ItemId(1), .cart = cart}), ::testing::UnorderedElementsAre(2, 4));
  const Touch seen[] = {Viewed(3)};
  recommender_.SimilarItems(ItemId(1), {.now_ms = kNow, .count = 1, .recent = seen}, index_,
                            &answer_);
  ASSERT_THAT(answer_.items, SizeIs(1));
  EXPECT_EQ(answer_.items[0].item, ItemId(2));
}

TEST_F(RecommenderTest, WhatWasBoughtOftenIsOfferedAgainUnlessExcluded) {
  Session({1, 2, 3, 4});
  const OwnedItem owned[] = {{ItemId(2), 5, kNow - 30 * kDay}, {ItemId(3), 1, kNow - 30 * kDay}};
  EXPECT_THAT(Ask({.count = 2, .purchased = owned}), ElementsAre(2, 3));
  EXPECT_EQ(answer_.items[0].reason.kind, ReasonKind::kBuyAgain);
  EXPECT_EQ(answer_.items[0].source, Source::kRepeat);
  EXPECT_THAT(Ask({.purchased = owned, .exclude_purchased = true}),
              ::testing::UnorderedElementsAre(1, 4));
  const Touch bought[] = {{ItemId(1), Interaction::kPurchase, kNow}};
  EXPECT_THAT(Ask({.recent = bought, .exclude_purchased = true}), Not(::testing::Contains(1)));
}

TEST_F(RecommenderTest, WhatStandsTwiceAmongTheBoughtCountsTwice) {
  Session({1, 2, 3, 4});
  const OwnedItem owned[] = {{ItemId(2), 1, kNow}, {ItemId(3), 2, kNow}, {ItemId(2), 3, kNow}};
  EXPECT_THAT(Ask({.count = 2, .purchased = owned}), ElementsAre(2, 3));
  const auto repeats = [this](size_t i) {
    const auto parts = answer_.ContributionsOf(answer_.items[i]);
    return std::count_if(parts.begin(), parts.end(),
                         [](const Contribution& part) { return part.source == Source::kRepeat; });
  };
  EXPECT_EQ(repeats(0), 2);
  EXPECT_EQ(repeats(1), 1);
}

TEST_F(RecommenderTest, RemindersLeadWherePeopleComeBack) {
  const Touch seen[] = {Viewed(2)};
  for (int i = 0; i < 50; ++i) Session({1, 2, 3});
  const std::vector<uint32_t> onwards = Ask({.recent = seen});
  EXPECT_NE(onwards[0], 2u);
  ASSERT_THAT(onwards, ::testing::Contains(2)) << "reminded of all the same";
  const auto place = std::find(onwards.begin(), onwards.end(), 2u) - onwards.begin();
  EXPECT_EQ(answer_.items[place].reason.kind, ReasonKind::kLookAgain);
  for (int i = 0; i < 500; ++i) Session({2, 2, 2, 2, 1, 1, 1, 1, 3, 3, 3});
  EXPECT_THAT(Ask({.count = 1, .recent = seen}), ElementsAre(2));
  EXPECT_EQ(answer_.items[0].source, Source::kReminder);
}

// Sums over two partitions are those of one that saw everything.
TEST_F(RecommenderTest, PartitionsAdd) {
  ItemIndex split_index;
  std::shared_ptr<PairTable> parts[2];
  for (int p = 0; p < 2; ++p) {
    parts[p] = std::make_shared<PairTable>(PartitionId(p), PairOptions{}, &split_index);
    split_index.Attach(parts[p]);
  }
  std::mt19937 random(2);
  for (int s = 0; s < 2000; ++s) {
    std::vector<Touch> recent;
    for (int i = 0; i < 5; ++i) {
      const Touch touch = Viewed(1 + random() % 60);
      table_->AddEvent(touch, recent);
      parts[s % 2]->AddEvent(touch, recent);
      recent.insert(recent.begin(), touch);
    }
  }
  for (uint32_t item = 1; item <= 60; ++item) {
    const Touch seen[] = {Viewed(item)};
    // Without reminders: how often people come back is learnt from a sample of each partition.
    const Request request = {.now_ms = kNow, .count = 30, .recent = seen, .exclude_recent = true};
    Ask(request);
    Answer split;
    recommender_.Recommend(request, split_index, &split);
    ASSERT_EQ(split.items.size(), answer_.items.size());
    for (size_t i = 0; i < split.items.size(); ++i) {
      EXPECT_NEAR(split.items[i].score, answer_.items[i].score, 1e-4);
    }
  }
}

// A random catalogue, random histories and random requests.
class RandomRequestTest : public RecommenderTest {
 protected:
  static constexpr uint32_t kItems = 400;
  void SetUp() override {
    for (uint32_t item = 1; item <= kItems; ++item) {
      const float price = random_() % 10 == 0 ? std::numeric_limits<float>::quiet_NaN()
                                              : static_cast<float>(random_() % 100);
      index_.SetAttributes(ItemId(item), {.category = TermId(1 + random_() % 6),
                                          .price = price,
                                          .available = random_() % 10 != 0,
                                          .hidden = random_() % 20 == 0});
    }
    for (int s = 0; s < 3000; ++s) {
      std::vector<uint32_t> session(1 + random_() % 8);
      const uint32_t centre = random_() % kItems;
      for (uint32_t& item : session) item = 1 + (centre + random_() % 30) % kItems;
      Session(session);
    }
    for (uint32_t item = 1; item <= kItems; ++item) {
      std::vector<Alike> alike(random_() % (ContentRows::kWidth + 1));
      for (Alike& other : alike) {
        other = {static_cast<uint32_t>(1 + random_() % kItems),
                 static_cast<float>(1 + random_() % 100) / 100};
      }
      index_.content().Replace(item, alike);
    }
  }
  void MakeRequest() {
    recent_.clear(), owned_.clear(), exclude_.clear(), cart_.clear();
    for (uint32_t i = random_() % 12; i > 0; --i) {
      recent_.push_back({.item = ItemId(1 + random_() % kItems),
                         .kind = static_cast<Interaction>(random_() % kInteractionKinds),
                         .time_ms = kNow - static_cast<int64_t>(random_() % 1'000'000)});
    }
    for (uint32_t i = random_() % 5; i > 0; --i) {
      owned_.push_back({ItemId(1 + random_() % kItems), static_cast<float>(1 + random_() % 4),
                        kNow - static_cast<int64_t>(random_() % 100) * kDay});
    }
    for (uint32_t i = random_() % 50; i > 0; --i)
      exclude_.push_back(ItemId(1 + random_() % kItems));
    for (uint32_t i = random_() % 3; i > 0; --i) cart_.push_back(ItemId(1 + random_() % kItems));
    request_ = {.now_ms = kNow,
                .count = static_cast<uint32_t>(1 + random_() % 40),
                .recent = recent_,
                .cart = cart_,
                .purchased = owned_,
                .exclude = exclude_,
                .exclude_purchased = random_() % 3 == 0,
                .exclude_recent = random_() % 3 == 0};
    if (random_() % 2 == 0) request_.category = TermId(1 + random_() % 7);
    if (random_() % 3 == 0) request_.min_price = static_cast<float>(random_() % 100);
    if (random_() % 3 == 0) request_.max_price = static_cast<float>(random_() % 100);
    if (random_() % 4 == 0) request_.page_item = ItemId(1 + random_() % kItems);
    if (random_() % 4 == 0) {
      const uint32_t divisor = 2 + random_() % 5;
      request_.filter = [divisor](ItemId item) { return item.value() % divisor == 0; };
    }
  }
  // The rules again, written from their description.
  bool Allowed(uint32_t item) const {
    const ItemAttributes attributes = index_.Attributes(ItemId(item));
    const auto in = [item](const auto& list, auto id_of) {
      return std::any_of(list.begin(), list.end(),
                         [&](const auto& entry) { return id_of(entry) == ItemId(item); });
    };
    const auto same = [](ItemId id) { return id; };
    if (!attributes.available || attributes.hidden) return false;
    if (request_.category.value() != 0 && attributes.category != request_.category) return false;
    if (request_.min_price > 0 - 1e30f && !(attributes.price >= request_.min_price)) return false;
    if (request_.max_price < 1e30f && !(attributes.price <= request_.max_price)) return false;
    if (in(exclude_, same) || in(cart_, same) || request_.page_item == ItemId(item)) return false;
    if (request_.exclude_recent && in(recent_, [](const Touch& t) { return t.item; })) return false;
    if (request_.exclude_purchased) {
      if (in(owned_, [](const OwnedItem& o) { return o.item; })) return false;
      for (const Touch& touch : recent_) {
        if (touch.kind == Interaction::kPurchase && touch.item == ItemId(item)) return false;
      }
    }
    return !request_.filter || request_.filter(ItemId(item));
  }

  std::mt19937 random_{42};
  std::vector<Touch> recent_;
  std::vector<OwnedItem> owned_;
  std::vector<ItemId> exclude_, cart_;
  Request request_;
};

TEST_F(RandomRequestTest, AnswersObeyEveryFilterAndAreFull) {
  for (int round = 0; round < 1000; ++round) {
    MakeRequest();
    recommender_.Recommend(request_, index_, &answer_);
    std::set<uint32_t> distinct;
    for (const RankedItem& ranked : answer_.items) {
      EXPECT_TRUE(Allowed(ranked.item.value())) << ranked.item << " in round " << round;
      distinct.insert(ranked.item.value());
    }
    size_t allowed = 0;
    for (uint32_t item = 1; item <= kItems; ++item) allowed += Allowed(item) ? 1 : 0;
    EXPECT_EQ(distinct.size(), std::min<size_t>(request_.count, allowed)) << "round " << round;
    EXPECT_EQ(distinct.size(), answer_.items.size());
  }
}

TEST_F(RandomRequestTest, TheFirstOfManyAreTheSameAsTheFew) {
  for (int round = 0; round < 300; ++round) {
    MakeRequest();
    request_.count = 5;
    recommender_.Recommend(request_, index_, &answer_);
    Answer all;
    request_.count = kItems;
    recommender_.Recommend(request_, index_, &all);
    for (size_t i = 0; i < answer_.items.size(); ++i) {
      EXPECT_EQ(answer_.items[i].item, all.items[i].item) << "round " << round;
      EXPECT_EQ(answer_.items[i].score, all.items[i].score);
    }
  }
}

TEST_F(RandomRequestTest, ContributionsSumToTheScore) {
  uint64_t checked = 0;
  while (checked < 10'000) {
    MakeRequest();
    recommender_.Recommend(request_, index_, &answer_);
    for (const RankedItem& ranked : answer_.items) {
      double sum = 0;
      for (const Contribution& part : answer_.ContributionsOf(ranked)) sum += part.amount;
      EXPECT_NEAR(sum, ranked.score, 1e-4);
      ++checked;
    }
  }
}

TEST_F(RandomRequestTest, SameRequestSameAnswer) {
  MakeRequest();
  recommender_.Recommend(request_, index_, &answer_);
  Answer again;
  recommender_.Recommend(request_, index_, &again);
  ASSERT_EQ(again.items.size(), answer_.items.size());
  for (size_t i = 0; i < again.items.size(); ++i) {
    EXPECT_EQ(again.items[i].item, answer_.items[i].item);
    EXPECT_EQ(again.items[i].score, answer_.items[i].score);
  }
}

TEST(BlendOptionsTest, OutOfRangeIsNamed) {
  EXPECT_TRUE(Validate(BlendOptions{}).ok());
  EXPECT_THAT(std::string(Validate(BlendOptions{.next_weight = 2}).message()),
              ::testing::HasSubstr("next_weight"));
  EXPECT_FALSE(Validate(BlendOptions{.similar_reach = 0}).ok());
  EXPECT_FALSE(Validate(DecayOptions{.relation_half_life_days = 1}).ok());
  EXPECT_FALSE(Validate(PairOptions{.max_neighbours = 1}).ok());
}

}  // namespace
}  // namespace kindred::recommend
