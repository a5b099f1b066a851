// Recommend with its controls, from events in to messages out, without a transport.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "node/test_shop.h"

namespace kindred::node {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::map<std::string, std::string> Violations(const absl::Status& status) {
  std::map<std::string, std::string> fields;
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.BadRequest");
  google::rpc::BadRequest bad;
  if (!payload.has_value() || !bad.ParseFromString(std::string(*payload))) return fields;
  for (const auto& violation : bad.field_violations()) {
    fields[violation.field()] = violation.description();
  }
  return fields;
}

// --- Filters

TEST(RecommendFilterTest, WindowsLeaveOutWhatWasBoughtOrSeenLately) {
  TestShop shop;
  FillShop(&shop);
  shop.Send("me", "purchase", "sku-1", ",\"price\":4,\"currency\":\"USD\"");
  shop.clock += 10 * 86'400;
  shop.Send("me", "view", "sku-2");
  v1::RecommendRequest request = For("me", 30);
  EXPECT_THAT(shop.Items(request), Contains("sku-1"));
  request.mutable_filter()->mutable_exclude_purchased_within()->set_seconds(9 * 86'400);
  EXPECT_THAT(shop.Items(request), Contains("sku-1"));
  request.mutable_filter()->mutable_exclude_purchased_within()->set_seconds(11 * 86'400);
  EXPECT_THAT(shop.Items(request), Not(Contains("sku-1")));
  EXPECT_THAT(shop.Items(request), Contains("sku-2"));
  request.mutable_filter()->mutable_exclude_seen_within()->set_seconds(86'400);
  EXPECT_THAT(shop.Items(request), Not(Contains("sku-2")));
}

TEST(RecommendFilterTest, PagesHoldEveryItemOnceWhateverHappensBetween) {
  TestShop shop;
  FillShop(&shop);
  shop.Send("me", "view", "sku-1");
  v1::RecommendRequest request = For("me", 7);
  std::vector<std::string> all;
  int pages = 0;
  do {
    const auto page = shop.Ask(request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const auto& item : page->recommendations()) all.push_back(item.item_id());
    request.set_page_token(page->next_page_token());
    shop.Send("me", "view", absl::StrCat("sku-", 3 * ++pages));
  } while (!request.page_token().empty());
  EXPECT_EQ(pages, 5);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
  EXPECT_EQ(all.size(), 30u);
}

TEST(RecommendFilterTest, APageTokenIsForItsOwnRequest) {
  TestShop shop;
  FillShop(&shop);
  const auto first = shop.Ask(For("me", 5));
  ASSERT_TRUE(first.ok());
  v1::RecommendRequest request = For("me", 6);  // the count may change
  request.set_page_token(first->next_page_token());
  EXPECT_TRUE(shop.Ask(request).ok());
  request.set_diversity(0.5);
  EXPECT_THAT(Violations(shop.Ask(request).status()), Contains(testing::Key("page_token")));
  request = For("me", 5);
  for (const char* text : {"x", "AAAA", "%%%"}) {
    request.set_page_token(text);
    EXPECT_THAT(Violations(shop.Ask(request).status()), Contains(testing::Key("page_token")));
  }
}

TEST(RecommendFilterTest, EveryViolationIsNamed) {
  TestShop shop;
  v1::RecommendRequest request = For("me", 1000);
  request.mutable_filter()->set_expression("brand == ");
  request.add_rules()->set_condition("category == 'a'");
  request.add_rules()->set_boost(7);
  request.add_rules()->set_pin(0);
  v1::Rule& rule = *request.add_rules();
  rule.set_condition("no_such_field > 3");
  rule.set_bury(true);
  request.add_caps()->set_max_items(0);
  request.set_diversity(-1);
  request.set_variant("none");
  (*request.mutable_event_weights())["sneeze"] = 1;
  request.mutable_as_of_time()->set_seconds(-5);
  request.set_validate_only(true);
  const auto fields = Violations(shop.Ask(request).status());
  for (const char* field :
       {"count", "filter.expression", "rules[0]", "rules[1].boost", "rules[2].pin",
        "rules[3].condition", "caps[0].attribute", "caps[0].max_items", "diversity", "variant",
        "event_weights[sneeze]", "as_of_time"}) {
    EXPECT_THAT(fields, Contains(testing::Key(field)));
  }
  EXPECT_THAT(fields.at("filter.expression"), HasSubstr("1:"));
}

TEST(RecommendFilterTest, AGoodRequestIsOnlyChecked) {
  TestShop shop;
  FillShop(&shop);
  v1::RecommendRequest request = For("me");
  request.mutable_filter()->set_expression("price < 10 and category in ['category-1']");
  request.set_validate_only(true);
  EXPECT_THAT(shop.Items(request), IsEmpty());
  request.set_validate_only(false);
  EXPECT_THAT(shop.Items(request), Not(IsEmpty()));
}

TEST(RecommendFilterTest, RulesAndCapsWorkOnAttributes) {
  TestShop shop;
  FillShop(&shop);
  shop.Send("me", "view", "sku-1");
  v1::RecommendRequest request = For("me", 10);
  v1::Rule& pin = *request.add_rules();
  pin.set_condition("item_id == 'sku-29'");
  pin.set_pin(2);
  v1::Rule& bury = *request.add_rules();
  bury.set_condition("brand == 'brand-0'");
  bury.set_bury(true);
  v1::AttributeCap& cap = *request.add_caps();
  cap.set_attribute("brand");
  cap.set_max_items(2);
  const auto response = shop.Ask(request);
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_THAT(response->recommendations(), SizeIs(10));
  EXPECT_EQ(response->recommendations(1).item_id(), "sku-29");
  EXPECT_TRUE(response->recommendations(1).pinned());
  EXPECT_TRUE(response->recommendations(9).buried());
}

TEST(RecommendFilterTest, WhatDoesNotCountIsNoSeed) {
  TestShop shop;
  FillShop(&shop);
  shop.Send("me", "view", "sku-1");
  v1::RecommendRequest request = For("me", 3);
  (*request.mutable_event_weights())["view"] = 0;
  v1::RecommendRequest stranger = For("nobody", 3);
  EXPECT_EQ(shop.Items(request), shop.Items(stranger));
  EXPECT_NE(shop.Items(For("me", 3)), shop.Items(stranger));
}

// --- Ratings

TEST(RecommendRatingsTest, WorkedValuesThroughTheService) {
  TestShop shop;
  const auto rate = [&shop](const std::string& user, const std::string& prefix,
                            const std::vector<double>& ratings) {
    for (size_t i = 0; i < ratings.size(); ++i) {
      shop.Send(user, "rating", absl::StrCat(prefix, i + 1),
                absl::StrCat(",\"rating\":", ratings[i]));
    }
  };
  rate("a", "film-", {4, 2, 3, 1, 5});
  rate("b", "film-", {3, 5, 4, 3, 2});
  v1::SimilarCustomersRequest customers;
  customers.set_customer_id("a");
  v1::SimilarCustomersResponse alike;
  ASSERT_TRUE(shop.serving.SimilarCustomers(customers, &alike).ok());
  ASSERT_THAT(alike.customers(), SizeIs(1));
  EXPECT_EQ(alike.customers(0).customer_id(), "b");
  EXPECT_NEAR(alike.customers(0).similarity(), -0.554700, 5e-7);
  EXPECT_EQ(alike.customers(0).common_items(), 5);

  rate("u1", "book-", {4, 3, 5, 2, 1});
  rate("u2", "book-", {3, 4, 2, 5, 3});
  rate("u3", "book-", {2, 5, 1, 3, 4});
  v1::SimilarItemsRequest items;
  items.set_item_id("book-1");
  items.set_method(v1::SIMILARITY_METHOD_ADJUSTED_COSINE);
  v1::SimilarItemsResponse similar;
  ASSERT_TRUE(shop.serving.SimilarItems(items, &similar).ok());
  ASSERT_THAT(similar.recommendations(), SizeIs(4));
  EXPECT_EQ(similar.recommendations(0).item_id(), "book-3");
  const auto& second = similar.recommendations(2);
  EXPECT_EQ(second.item_id(), "book-2");
  EXPECT_NEAR(second.score(), -0.729924, 5e-7);
  EXPECT_EQ(second.source(), v1::SOURCE_RATINGS);
  EXPECT_DOUBLE_EQ(second.contributions(0).amount(), second.score());

  // Live: another rating changes the next answer.
  shop.Send("u1", "rating", "book-1", ",\"rating\":1");
  v1::SimilarItemsResponse changed;
  ASSERT_TRUE(shop.serving.SimilarItems(items, &changed).ok());
  EXPECT_GT(std::abs(changed.recommendations(0).score() - similar.recommendations(0).score()),
            1e-3);
  customers.set_method(v1::SIMILARITY_METHOD_ADJUSTED_COSINE);
  EXPECT_FALSE(shop.serving.SimilarCustomers(customers, &alike).ok());
}

// --- Random expressions against a brute-force check

struct RandomItem {
  std::string id;
  CatalogueItem facts;
};
using Predicate = std::function<bool(const RandomItem&)>;

// Text and meaning of the same expression, made side by side; the meaning knows nothing of the
// language's implementation.
class ExpressionMaker {
 public:
  explicit ExpressionMaker(std::mt19937* random) : random_(*random) {}

  std::pair<std::string, Predicate> Make(int depth) {
    if (depth == 0 || Any(4) == 0) return Leaf();
    auto [left, is_left] = Make(depth - 1);
    switch (Any(3)) {
      case 0:
        return {absl::StrCat("not (", left, ")"),
                [p = is_left](const RandomItem& item) { return !p(item); }};
      case 1: {
        auto [right, is_right] = Make(depth - 1);
        return {absl::StrCat("(", left, ") and (", right, ")"),
                [p = is_left, q = is_right](const RandomItem& i) { return p(i) && q(i); }};
      }
      default: {
        auto [right, is_right] = Make(depth - 1);
        return {absl::StrCat("(", left, ") or (", right, ")"),
                [p = is_left, q = is_right](const RandomItem& i) { return p(i) || q(i); }};
      }
    }
  }

 private:
  uint32_t Any(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  std::pair<std::string, Predicate> Leaf() {
    switch (Any(6)) {
      case 0: {
        const std::string value = absl::StrCat("brand-", Any(6));
        return {absl::StrCat("brand == '", value, "'"),
                [value](const RandomItem& item) { return item.facts.brand == value; }};
      }
      case 1: {
        std::set<std::string> values;
        for (uint32_t i = 0; i < 1 + Any(3); ++i) values.insert(absl::StrCat("category-", Any(5)));
        return {absl::StrCat("category in ['", absl::StrJoin(values, "', '"), "']"),
                [values](const RandomItem& item) { return values.contains(item.facts.category); }};
      }
      case 2: {
        const double low = Any(60) + 0.5;
        const double high = low + Any(50);
        return {absl::StrCat("price between ", low, " and ", high),
                [low, high](const RandomItem& item) {
                  return item.facts.has_price && low <= item.facts.price &&
                         item.facts.price <= high;
                }};
      }
      case 3: {
        const double bound = Any(100) + 0.95;  // prices themselves: the comparison must be exact
        const bool strict = Any(2) == 0;
        return {absl::StrCat("price ", strict ? "<" : ">=", " ", bound),
                [bound, strict](const RandomItem& item) {
                  return item.facts.has_price &&
                         (strict ? item.facts.price < bound : item.facts.price >= bound);
                }};
      }
      case 4: {
        const std::string value = Any(2) == 0 ? "red" : "blue";
        return {absl::StrCat("attribute('color') == '", value, "'"),
                [value](const RandomItem& item) {
                  const auto found = item.facts.attributes.find("color");
                  return found != item.facts.attributes.end() && found->second == value;
                }};
      }
      default: {
        const uint32_t bound = Any(10);
        return {absl::StrCat("number('weight') > ", bound), [bound](const RandomItem& item) {
                  const auto found = item.facts.attributes.find("weight");
                  return found != item.facts.attributes.end() && std::stod(found->second) > bound;
                }};
      }
    }
  }
  std::mt19937& random_;
};

TEST(RecommendFilterTest, RandomExpressionsAgreeWithABruteForceCheck) {
  std::mt19937 random(4711);
  const auto any = [&random](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  ExpressionMaker maker(&random);
  int expressions = 0;
  int short_answers = 0;
  for (int shop_number = 0; shop_number < 10; ++shop_number) {
    TestShop shop;
    std::vector<RandomItem> items;
    const uint32_t size = 20 + any(300);
    for (uint32_t i = 0; i < size; ++i) {
      RandomItem item{absl::StrCat("sku-", i), {}};
      if (any(8) > 0) item.facts.category = absl::StrCat("category-", any(5));
      if (any(8) > 0) item.facts.brand = absl::StrCat("brand-", any(6));
      if (any(8) > 0) {
        item.facts.has_price = true;
        item.facts.price = 1 + any(100) + (any(2) == 0 ? 0.95 : 0.5);
      }
      if (any(3) > 0) item.facts.attributes["color"] = any(2) == 0 ? "red" : "blue";
      if (any(3) > 0) item.facts.attributes["weight"] = absl::StrCat(any(12));
      item.facts.available = any(12) > 0;
      shop.SetItem(item.id, item.facts);
      items.push_back(item);
    }
    for (int visit = 0; visit < 60; ++visit) {
      for (int step = 0; step < 4; ++step) {
        shop.Send(absl::StrCat("v-", visit), "view", items[any(size)].id);
      }
    }
    for (int round = 0; round < 20; ++round, ++expressions) {
      const auto [text, passes] = maker.Make(3);
      std::set<std::string> eligible;
      size_t available = 0;
      for (const RandomItem& item : items) {
        if (item.facts.available) ++available;
        if (item.facts.available && passes(item)) eligible.insert(item.id);
      }
      v1::RecommendRequest request =
          For(absl::StrCat("v-", any(60)), 1 + static_cast<int>(any(60)));
      request.mutable_filter()->set_expression(text);
      if (any(2) == 0) request.set_diversity(any(100) / 100.0);
      SCOPED_TRACE(text);
      const std::vector<std::string> strict = shop.Items(request);
      const size_t count = static_cast<size_t>(request.count());
      EXPECT_EQ(strict.size(), std::min(count, eligible.size()));
      EXPECT_EQ(std::set<std::string>(strict.begin(), strict.end()).size(), strict.size());
      for (const std::string& item : strict) EXPECT_TRUE(eligible.contains(item)) << item;
      if (strict.size() < count) ++short_answers;

      request.mutable_filter()->set_fill_up(true);
      const auto filled = shop.Ask(request);
      ASSERT_TRUE(filled.ok()) << filled.status();
      EXPECT_EQ(static_cast<size_t>(filled->recommendations_size()), std::min(count, available));
      std::set<std::string> seen;
      for (const auto& item : filled->recommendations()) {
        EXPECT_TRUE(seen.insert(item.item_id()).second);
        EXPECT_EQ(item.outside_filter(), !eligible.contains(item.item_id())) << item.item_id();
      }
    }
  }
  EXPECT_EQ(expressions, 200);
  EXPECT_GT(short_answers, 10);  // both kinds were met
}

// --- Likeness by what the catalogue says

CatalogueItem Described(const std::string& title, const std::string& category,
                        const std::string& colour = "") {
  CatalogueItem facts;
  facts.title = title;
  facts.category = category;
  if (!colour.empty()) facts.attributes["colour"] = colour;
  return facts;
}

class RecommendContentTest : public ::testing::Test {
 protected:
  RecommendContentTest() {
    FillShop(&shop_);
    shop_.SetItem("mug-1", Described("Stoneware mug with lid", "mugs", "blue"));
    shop_.SetItem("mug-2", Described("Porcelain mug", "mugs", "white"));
    shop_.SetItem("lamp-1", Described("Stoneware lamp with shade", "lamps", "blue"));
    shop_.CompareItems();
  }
  std::vector<std::string> Similar(const v1::SimilarItemsRequest& request) {
    v1::SimilarItemsResponse response;
    EXPECT_TRUE(shop_.serving.SimilarItems(request, &response).ok());
    std::vector<std::string> items;
    for (const v1::Recommendation& item : response.recommendations()) {
      EXPECT_EQ(item.source(), v1::SOURCE_CONTENT);
      EXPECT_EQ(item.contributions_size(), 1);
      EXPECT_EQ(item.contributions(0).amount(), item.score());
      items.push_back(item.item_id());
    }
    return items;
  }
  TestShop shop_;
};

TEST_F(RecommendContentTest, AnItemThatNobodyMetIsRecommendedToWhoTurnedToItsLike) {
  for (int visit = 0; visit < 3; ++visit) {
    shop_.Send(absl::StrCat("visitor-", visit), "view", "mug-1");
  }
  shop_.Send("me", "view", "mug-1");
  ASSERT_THAT(shop_.Items(For("me")), Contains("mug-2"));
  // Told after the first comparison, with the vector of another world: the text counts.
  shop_.SetItem("mug-9", Described("Mug with lid, stoneware", "mugs", "blue"), {1, 2, 3});
  shop_.CompareItems();
  const auto answer = shop_.Ask(For("me"));
  ASSERT_TRUE(answer.ok());
  const auto found =
      std::find_if(answer->recommendations().begin(), answer->recommendations().end(),
                   [](const auto& item) { return item.item_id() == "mug-9"; });
  ASSERT_NE(found, answer->recommendations().end());
  EXPECT_EQ(found->source(), v1::SOURCE_CONTENT);
  EXPECT_EQ(found->reason(), "Like Stoneware mug with lid");
  ASSERT_GT(found->contributions_size(), 0);
  EXPECT_EQ(found->contributions(0).because_item_id(), "mug-1");
  double sum = 0;
  for (const v1::Contribution& part : found->contributions()) sum += part.amount();
  EXPECT_NEAR(sum, found->score(), 1e-4);
  // It is a page of the catalogue like any other: hidden and removed at once.
  const ItemId mug(shop_.state.shared->items.names().Find("mug-9"));
  shop_.state.shared->index.SetHidden(mug, true);
  EXPECT_THAT(shop_.Items(For("me", 100)), Not(Contains("mug-9")));
  shop_.state.shared->index.SetHidden(mug, false);
  RemoveCatalogueItem(mug, shop_.state.shared.get());
  EXPECT_THAT(shop_.Items(For("me", 100)), Not(Contains("mug-9")));
}

TEST_F(RecommendContentTest, SimilarItemsByContentAreThoseAlikeThatPassTheFilter) {
  v1::SimilarItemsRequest request;
  request.set_item_id("mug-1");
  request.set_method(v1::SIMILARITY_METHOD_CONTENT);
  EXPECT_EQ(Similar(request), (std::vector<std::string>{"mug-2", "lamp-1"}));
  request.mutable_filter()->add_exclude_item_ids("mug-2");
  EXPECT_EQ(Similar(request), std::vector<std::string>{"lamp-1"});
  request.mutable_filter()->set_expression("category == \"mugs\"");
  EXPECT_THAT(Similar(request), IsEmpty());
  // The filter finds what stands behind a hundred others.
  for (int i = 0; i < 300; ++i) {
    CatalogueItem pot = Described("Tea pot", "pots");
    pot.has_price = true;
    pot.price = i;
    shop_.SetItem(absl::StrCat("pot-", i), pot);
  }
  shop_.CompareItems();
  request.set_item_id("pot-1");
  request.mutable_filter()->clear_exclude_item_ids();
  request.mutable_filter()->set_expression("price == 137");
  EXPECT_EQ(Similar(request), std::vector<std::string>{"pot-137"});
  request.set_count(100);
  request.clear_filter();
  EXPECT_THAT(Similar(request), SizeIs(100));
  // An item that only events name has no likeness.
  shop_.Send("me", "view", "stranger");
  request.set_item_id("stranger");
  EXPECT_THAT(Similar(request), IsEmpty());
}

}  // namespace
}  // namespace kindred::node
