// From an answer to what it led to and back: attribution and experiments.
#include <cstdint>
#include <map>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/attribution_token.h"
#include "node/test_shop.h"

namespace kindred::node {
namespace {

using ::testing::SizeIs;

void ExpectSameBySource(TestShop* shop, int64_t expected) {
  v1::QueryPerformanceRequest request;
  request.add_group_by(v1::PERFORMANCE_DIMENSION_SOURCE);
  v1::QueryPerformanceResponse by_source;
  ASSERT_TRUE(shop->serving.QueryPerformance(request, &by_source).ok());
  int64_t clicks = 0;
  for (const v1::PerformanceRow& row : by_source.rows()) {
    EXPECT_NE(row.source(), v1::SOURCE_UNSPECIFIED);
    clicks += row.clicks();
  }
  EXPECT_EQ(clicks, expected);
}

TEST(RecommendLoopTest, ASimulatedAudienceIsReportedAsItIs) {
  SharedOptions options;
  const auto experiment =
      Experiment::Make("autumn", {{"control", "share=1"}, {"bold", "share=1 next_weight=0.9"}}, {});
  ASSERT_TRUE(experiment.ok()) << experiment.status();
  options.experiment = *experiment;
  TestShop shop(options);
  FillShop(&shop);
  const std::map<std::string, double> click_probability = {{"control", 0.06}, {"bold", 0.09}};
  const double buy_probability = 0.2;
  std::mt19937 random(2026);
  std::uniform_real_distribution<double> chance(0, 1);
  std::map<std::string, int64_t> shown, clicked, bought;
  for (int i = 0; i < 4000; ++i) {
    const std::string user = absl::StrCat("audience-", i);
    v1::RecommendRequest request = For(user, 8);
    request.set_placement("home");
    const auto answer = shop.Ask(request);
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_EQ(shop.Ask(request)->variant(), answer->variant());
    const std::string token = absl::StrCat("\"properties\":{\"attribution_token\":\"",
                                           answer->attribution_token(), "\"}");
    shop.Send(absl::StrCat("i-", i), user, "impression", token, shop.Now());
    shown[answer->variant()] += answer->recommendations_size();
    for (const v1::Recommendation& item : answer->recommendations()) {
      if (chance(random) >= click_probability.at(answer->variant())) continue;
      ++clicked[answer->variant()];
      shop.Send(user, "click", item.item_id(), absl::StrCat(",", token));
      if (chance(random) >= buy_probability) continue;
      ++bought[answer->variant()];
      // Half of the purchases carry the token, half are joined; some are sent twice.
      std::string sale = absl::StrCat("\"item_id\":\"", item.item_id(),
                                      "\",\"price\":10,\"currency\":\"USD\",\"quantity\":1");
      if (chance(random) < 0.5) absl::StrAppend(&sale, ",", token);
      ++shop.clock;
      const std::string id = absl::StrCat("p-", shop.clock);
      shop.Send(id, user, "purchase", sale, shop.Now());
      if (chance(random) < 0.3) shop.Send(id, user, "purchase", sale, shop.Now());
    }
  }
  // What is bought without a recommendation is nobody's.
  shop.Send("passer-by", "purchase", "sku-1", ",\"price\":10,\"currency\":\"USD\"");

  v1::QueryPerformanceRequest request;
  request.add_group_by(v1::PERFORMANCE_DIMENSION_VARIANT);
  v1::QueryPerformanceResponse response;
  ASSERT_TRUE(shop.serving.QueryPerformance(request, &response).ok());
  ASSERT_THAT(response.rows(), SizeIs(2));
  EXPECT_EQ(response.experiment(), "autumn");
  for (const v1::PerformanceRow& row : response.rows()) {
    SCOPED_TRACE(row.ShortDebugString());
    EXPECT_EQ(row.impressions(), shown[row.variant()]);
    EXPECT_EQ(row.clicks(), clicked[row.variant()]);
    EXPECT_EQ(row.purchases(), bought[row.variant()]);
    EXPECT_DOUBLE_EQ(row.revenue(), 10.0 * static_cast<double>(bought[row.variant()]));
    EXPECT_LE(row.click_through_rate().low(), click_probability.at(row.variant()));
    EXPECT_GE(row.click_through_rate().high(), click_probability.at(row.variant()));
    EXPECT_DOUBLE_EQ(
        row.conversion_rate().value(),
        static_cast<double>(bought[row.variant()]) / static_cast<double>(clicked[row.variant()]));
  }
  ExpectSameBySource(&shop, clicked["control"] + clicked["bold"]);
}

TEST(RecommendLoopTest, AVariantCanBeAskedFor) {
  SharedOptions options;
  options.experiment = *Experiment::Make("e", {{"a", ""}, {"b", ""}}, {});
  TestShop shop(options);
  FillShop(&shop);
  for (const char* variant : {"a", "b"}) {
    v1::RecommendRequest request = For("me");
    request.set_variant(variant);
    const auto answer = shop.Ask(request);
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->variant(), variant);
    EXPECT_EQ(DecodeAttributionToken(answer->attribution_token())->variant, variant);
  }
}

}  // namespace
}  // namespace kindred::node
