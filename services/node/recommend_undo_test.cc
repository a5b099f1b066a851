// Recommend, from events in to messages out: how soon it tells, what is taken back, what a customer
// does not want.
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/test_shop.h"

namespace kindred::node {
namespace {

using ::testing::Contains;
using ::testing::Not;

TEST(RecommendFreshnessTest, ANewItemComesAfterItsFirstTwoCoOccurrences) {
  TestShop shop;
  FillShop(&shop);
  shop.Send("me", "view", "sku-1");
  EXPECT_THAT(shop.Items(For("me")), Not(Contains("new")));
  for (const char* user : {"a", "b"}) {
    shop.Send(user, "view", "sku-1");
    shop.Send(user, "view", "new");
  }
  EXPECT_THAT(shop.Items(For("me")), Contains("new"));
  shop.state.shared->index.SetHidden(ItemId(shop.state.shared->items.names().Find("new")), true);
  EXPECT_THAT(shop.Items(For("me", 100)), Not(Contains("new")));
  // What the catalogue says later does not show it again.
  shop.SetItem("new", CatalogueItem());
  EXPECT_THAT(shop.Items(For("me", 100)), Not(Contains("new")));
  shop.state.shared->index.SetHidden(ItemId(shop.state.shared->items.names().Find("new")), false);
  EXPECT_THAT(shop.Items(For("me")), Contains("new"));
}

void ExpectSameAnswer(const v1::RecommendResponse& a, const v1::RecommendResponse& b) {
  ASSERT_EQ(a.recommendations_size(), b.recommendations_size());
  for (int i = 0; i < a.recommendations_size(); ++i) {
    EXPECT_EQ(a.recommendations(i).item_id(), b.recommendations(i).item_id()) << i;
    EXPECT_NEAR(a.recommendations(i).score(), b.recommendations(i).score(), 1e-5) << i;
    EXPECT_EQ(a.recommendations(i).reason(), b.recommendations(i).reason()) << i;
  }
}

TEST(RecommendUndoTest, AnUndoneEventRestoresTheFormerAnswer) {
  TestShop shop;
  FillShop(&shop);
  shop.Send("me", "view", "sku-2");
  shop.Send("me", "view", "sku-9");
  v1::RecommendRequest request = For("me", 12);
  request.mutable_as_of_time()->set_seconds(kTestTimeMs / 1000 + 100'000);
  for (const char* type : {"view", "add_to_cart", "purchase", "remove_from_cart", "dislike"}) {
    for (const char* item : {"sku-9", "sku-17", "sku-4"}) {
      const auto before = shop.Ask(request);
      ASSERT_TRUE(before.ok()) << before.status();
      const std::string sale =
          std::string(type) == "purchase" ? ",\"price\":4,\"currency\":\"USD\"" : "";
      const std::string id = shop.Send("me", type, item, sale);
      const int64_t time_ms = shop.Now();
      const auto changed = shop.Ask(request);
      ASSERT_TRUE(changed.ok());
      EXPECT_NE(before->SerializeAsString(), changed->SerializeAsString());
      const std::string undo = absl::StrCat("\"item_id\":\"", item, "\"", sale, ",\"undo\":true");
      shop.Send(id, "me", type, undo, time_ms);
      shop.Send(id, "me", type, undo, time_ms);  // a copy of the undo
      const auto after = shop.Ask(request);
      ASSERT_TRUE(after.ok());
      SCOPED_TRACE(absl::StrCat(type, " ", item));
      ExpectSameAnswer(*before, *after);
    }
  }
}

TEST(RecommendUndoTest, AnItemThatOnlyAnUndoneEventNamedIsUnknownAgain) {
  TestShop shop;
  FillShop(&shop);
  shop.Send("me", "view", "sku-2");
  const v1::RecommendRequest request = For("me", 100);
  const auto before = shop.Ask(request);
  ASSERT_TRUE(before.ok());
  const std::string id =
      shop.Send("me", "add_to_cart", "new", ",\"category\":\"tea\",\"title\":\"N\"");
  const int64_t time_ms = shop.Now();
  EXPECT_THAT(shop.Items(request), Contains("new"));
  shop.Send(id, "me", "add_to_cart", "\"item_id\":\"new\",\"undo\":true", time_ms);
  const auto after = shop.Ask(request);
  ASSERT_TRUE(after.ok());
  ExpectSameAnswer(*before, *after);
  // Turned to again it is back, as soon as that.
  shop.Send("me", "view", "new");
  EXPECT_THAT(shop.Items(request), Contains("new"));
}

TEST(RecommendUndoTest, AnEventBetweenOthersLeavesThemAsIfItHadNotBeen) {
  TestShop with, without;
  for (TestShop* shop : {&with, &without}) FillShop(shop);
  std::string id;
  int64_t time_ms = 0;
  for (const char* item : {"sku-2", "sku-8", "sku-20", "sku-5"}) {
    if (std::string(item) == "sku-20") {
      id = with.Send("me", "view", item);
      time_ms = with.Now();
      ++without.clock;
      continue;
    }
    with.Send("me", "view", item);
    without.Send("me", "view", item);
  }
  with.Send(id, "me", "view", "\"item_id\":\"sku-20\",\"undo\":true", time_ms);
  const auto a = with.Ask(For("me", 20));
  const auto b = without.Ask(For("me", 20));
  ASSERT_TRUE(a.ok() && b.ok());
  ExpectSameAnswer(*a, *b);
  // For others too: the pairs are gone.
  v1::RecommendRequest other;
  other.add_session_item_ids("sku-8");
  const auto c = with.Ask(other);
  const auto d = without.Ask(other);
  ASSERT_TRUE(c.ok() && d.ok());
  ExpectSameAnswer(*c, *d);
}

TEST(RecommendUndoTest, AnUndoThatComesFirstTakesTheEventsPlace) {
  TestShop shop;
  FillShop(&shop);
  const std::string view = "\"item_id\":\"sku-7\"";
  shop.Send("x-1", "new", "view", absl::StrCat(view, ",\"undo\":true"), kTestTimeMs);
  shop.Send("x-1", "new", "view", view, kTestTimeMs);
  v1::GetProfileRequest request;
  request.set_name("profiles/new");
  v1::Profile profile;
  EXPECT_EQ(shop.serving.GetProfile(request, &profile).code(), absl::StatusCode::kNotFound);
}

TEST(RecommendFeedbackTest, ANoIsHeardUntilTheCustomerTurnsToTheItemAgain) {
  for (const char* type : {"remove_from_cart", "refund"}) {
    TestShop shop;
    FillShop(&shop);
    shop.Send("me", "view", "sku-1");
    shop.Send("me", "add_to_cart", "sku-3");
    ASSERT_THAT(shop.Items(For("me", 30)), Contains("sku-3"));
    shop.Send("me", type, "sku-3", ",\"price\":4,\"currency\":\"USD\"");
    EXPECT_THAT(shop.Items(For("me", 30)), Not(Contains("sku-3"))) << type;
    shop.Send("me", "view", "sku-3");
    EXPECT_THAT(shop.Items(For("me", 30)), Contains("sku-3")) << type;
  }
}

TEST(RecommendFeedbackTest, ADislikeOutlastsALookButNotAPurchase) {
  TestShop shop;
  FillShop(&shop);
  shop.Send("me", "view", "sku-1");
  ASSERT_THAT(shop.Items(For("me", 30)), Contains("sku-3"));
  shop.Send("me", "dislike", "sku-3");
  EXPECT_THAT(shop.Items(For("me", 30)), Not(Contains("sku-3")));
  EXPECT_THAT(shop.Items(For("you", 30)), Contains("sku-3")) << "for others it is as good as ever";
  // However much comes after it.
  for (int i = 0; i < 60; ++i) shop.Send("me", "view", absl::StrCat("sku-", 3 + i % 6));
  EXPECT_THAT(shop.Items(For("me", 30)), Not(Contains("sku-3")));
  shop.Send("me", "purchase", "sku-3", ",\"price\":4,\"currency\":\"USD\"");
  EXPECT_THAT(shop.Items(For("me", 30)), Contains("sku-3"));
}

}  // namespace
}  // namespace kindred::node
