#include "node/attribution.h"

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "node/experiment.h"
#include "node/test_state.h"
#include "store/environment.h"

namespace kindred::node {
namespace {

using Cells = std::map<AttributionCell, AttributionCounts>;

AttributionToken Token(const std::string& variant, const std::vector<std::string>& items,
                       uint8_t source = 2) {
  AttributionToken token;
  token.customer_hash = 7;
  token.time_ms = kTestTimeMs;
  token.variant = variant;
  token.placement = "home";
  for (const std::string& item : items) token.items.push_back({AttributionMark(item), source});
  return token;
}

std::string WithToken(const AttributionToken& token, const std::string& more) {
  return absl::StrCat(more, more.empty() ? "" : ",", "\"properties\":{\"attribution_token\":\"",
                      EncodeAttributionToken(token), "\"}");
}

TEST(AttributionTokenTest, ComesBackAsItWas) {
  AttributionToken token = Token("b", {"sku-1", "sku-2"}, 3);
  token.items.push_back({65535, 255});
  const std::string text = EncodeAttributionToken(token);
  const absl::StatusOr<AttributionToken> read = DecodeAttributionToken(text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, token);
  EXPECT_EQ(read->SourceOf("sku-2"), 3);
  EXPECT_EQ(read->SourceOf("other"), 0);
}

TEST(AttributionTokenTest, RefusesWhatItDidNotMake) {
  const std::string good = EncodeAttributionToken(Token("b", {"sku-1"}));
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(DecodeAttributionToken(good.substr(0, size)).ok()) << size;
  }
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    const absl::StatusOr<AttributionToken> read = DecodeAttributionToken(bad);
    // The last character of base64 may hold bits that say nothing.
    EXPECT_TRUE(!read.ok() || *read == Token("b", {"sku-1"})) << i;
  }
  EXPECT_FALSE(DecodeAttributionToken("not a token").ok());
}

class AttributionTest : public ::testing::Test {
 protected:
  AttributionTest() : state_(SharedOptions(), environment_) {}
  void Feed(const std::string& type, const std::string& more, int64_t time_ms = kTestTimeMs,
            const std::string& user = "u") {
    Send(absl::StrCat("e-", next_++), type, more, time_ms, user);
  }
  void Send(const std::string& id, const std::string& type, const std::string& more,
            int64_t time_ms = kTestTimeMs, const std::string& user = "u") {
    state_.Feed(user, TestEvent(id, user, type, time_ms, more), 0, time_ms + 1000);
  }
  AttributionCounts At(const std::string& variant, uint8_t source = 2) {
    const Cells cells = state_.partition().attribution();
    const auto found = cells.find({variant, "home", source});
    return found == cells.end() ? AttributionCounts() : found->second;
  }

  std::shared_ptr<store::Environment> environment_ = store::NewMemoryEnvironment();
  TestState state_;
  int next_ = 0;
};

constexpr char kItem[] = "\"item_id\":\"sku-1\"";
constexpr char kSale[] = "\"item_id\":\"sku-1\",\"price\":4.5,\"currency\":\"USD\",\"quantity\":2";

TEST_F(AttributionTest, ImpressionsOfAnItemAndOfAList) {
  const AttributionToken token = Token("a", {"sku-1", "sku-2", "sku-3"});
  Feed("impression", WithToken(token, kItem));
  EXPECT_EQ(At("a").impressions, 1);
  Feed("impression", WithToken(token, ""));
  EXPECT_EQ(At("a").impressions, 4);
  Feed("impression", kItem);  // of something else
  EXPECT_EQ(At("a").impressions, 4);
}

TEST_F(AttributionTest, AClickAndTheViewAfterItAreOneClick) {
  const AttributionToken token = Token("a", {"sku-1"});
  Feed("click", WithToken(token, kItem));
  Feed("view", WithToken(token, kItem));
  EXPECT_EQ(At("a").clicks, 1);
  AttributionToken later = token;
  later.time_ms += 1;
  Feed("view", WithToken(later, kItem));
  EXPECT_EQ(At("a").clicks, 2);
}

TEST_F(AttributionTest, APurchaseJoinsTheNewestClickOnItsItemWithinTheWindow) {
  Feed("click", WithToken(Token("a", {"sku-1"}), kItem));
  Feed("click", WithToken(Token("b", {"sku-1"}), kItem), kTestTimeMs + 1000);
  Feed("purchase", kSale, kTestTimeMs + 2000);
  EXPECT_EQ(At("a").purchases, 0);
  EXPECT_EQ(At("b").purchases, 1);
  EXPECT_EQ(At("b").converted, 1);
  EXPECT_EQ(At("b").revenue_micros, 9'000'000);
  Feed("purchase", kSale, kTestTimeMs + 8 * 86'400'000LL);
  EXPECT_EQ(At("b").purchases, 1);
  Feed("purchase", kSale, kTestTimeMs + 2000, "somebody else");
  EXPECT_EQ(At("b").purchases, 1);
}

TEST_F(AttributionTest, APurchaseThatCarriesATokenCountsOnce) {
  const AttributionToken token = Token("a", {"sku-1"});
  Feed("click", WithToken(token, kItem));
  Send("p-1", "purchase", WithToken(token, kSale), kTestTimeMs + 1000);
  Send("p-1", "purchase", WithToken(token, kSale), kTestTimeMs + 1000);  // a copy
  EXPECT_EQ(At("a").purchases, 1);
  EXPECT_EQ(At("a").converted, 1);
  EXPECT_EQ(At("a").revenue_micros, 9'000'000);
}

TEST_F(AttributionTest, AnUndoneEventDoesNotCount) {
  const AttributionToken token = Token("a", {"sku-1"});
  Send("c-1", "click", WithToken(token, kItem));
  Send("p-1", "purchase", kSale, kTestTimeMs + 1000);
  EXPECT_EQ(At("a").purchases, 1);
  Send("p-1", "purchase", absl::StrCat(kSale, ",\"properties\":{\"undo\":true}"),
       kTestTimeMs + 1000);
  EXPECT_EQ(At("a").purchases, 0);
  EXPECT_EQ(At("a").converted, 0);
  EXPECT_EQ(At("a").revenue_micros, 0);
  EXPECT_EQ(At("a").clicks, 1);
}

constexpr char kRefund[] = "\"item_id\":\"sku-1\",\"price\":2,\"currency\":\"USD\",\"quantity\":2";

TEST_F(AttributionTest, ARefundTakesRevenueBackButNeverMoreThanThePurchaseBrought) {
  Feed("click", WithToken(Token("a", {"sku-1"}), kItem));
  Feed("refund", kRefund, kTestTimeMs + 500);  // of something bought before
  Feed("purchase", kSale, kTestTimeMs + 1000);
  Feed("click", WithToken(Token("b", {"sku-1"}), kItem), kTestTimeMs + 2000);
  EXPECT_EQ(At("a").revenue_micros, 9'000'000);
  Send("r-1", "refund", kRefund, kTestTimeMs + 3000);
  EXPECT_EQ(At("a").revenue_micros, 5'000'000);
  EXPECT_EQ(At("a").purchases, 1);
  Send("r-1", "refund", kRefund, kTestTimeMs + 3000);  // a copy
  EXPECT_EQ(At("a").revenue_micros, 5'000'000);
  Send("r-1", "refund", absl::StrCat(kRefund, ",\"properties\":{\"undo\":true}"),
       kTestTimeMs + 3000);
  EXPECT_EQ(At("a").revenue_micros, 9'000'000);
  for (int i = 0; i < 2; ++i) Feed("refund", kRefund, kTestTimeMs + 4000 + i);
  EXPECT_EQ(At("a").revenue_micros, 1'000'000);
  Send("r-2", "refund", kRefund, kTestTimeMs + 4500);
  EXPECT_EQ(At("a").revenue_micros, 0);
  // Takes back what that one took, not what it said.
  Send("r-2", "refund", absl::StrCat(kRefund, ",\"properties\":{\"undo\":true}"),
       kTestTimeMs + 4500);
  EXPECT_EQ(At("a").revenue_micros, 1'000'000);
  Feed("refund", kRefund, kTestTimeMs + 5000, "somebody else");
  EXPECT_EQ(At("b").revenue_micros, 0);
}

TEST_F(AttributionTest, ARefundFindsThePurchaseByItsToken) {
  const AttributionToken token = Token("a", {"sku-1"});
  Feed("purchase", WithToken(token, kSale));
  EXPECT_EQ(At("a").revenue_micros, 9'000'000);
  Feed("refund", kRefund, kTestTimeMs + 1000);
  EXPECT_EQ(At("a").revenue_micros, 9'000'000) << "nothing tells which";
  Feed("refund", WithToken(token, kRefund), kTestTimeMs + 2000);
  EXPECT_EQ(At("a").revenue_micros, 5'000'000);
}

TEST_F(AttributionTest, DamagedTokensCountNothingAndTheEventStands) {
  Feed("click", absl::StrCat(kItem, ",\"properties\":{\"attribution_token\":\"x\"}"));
  EXPECT_TRUE(state_.partition().attribution().empty());
  EXPECT_EQ(state_.quality().accepted, 1u);
}

TEST_F(AttributionTest, CellsAreBounded) {
  for (int i = 0; i < 1500; ++i) {
    Feed("impression", WithToken(Token(absl::StrCat("v", i), {"sku-1"}), kItem));
  }
  const Cells cells = state_.partition().attribution();
  EXPECT_LE(cells.size(), Attribution::kMaxCells + 1);
  int64_t sum = 0;
  for (const auto& [cell, counts] : cells) sum += counts.impressions;
  EXPECT_EQ(sum, 1500);
}

TEST_F(AttributionTest, ACrashLosesAndDoublesNothing) {
  const AttributionToken token = Token("a", {"sku-1", "sku-2"});
  Feed("impression", WithToken(token, ""));
  Feed("click", WithToken(token, kItem));
  Feed("rating", absl::StrCat(kItem, ",\"rating\":4"));
  ASSERT_TRUE(state_.Checkpoint());
  const Cells stored = state_.partition().attribution();
  Feed("click", WithToken(token, "\"item_id\":\"sku-2\""));  // lost with the crash
  EXPECT_NE(state_.partition().attribution(), stored);
  state_.store.reset();
  TestState again(SharedOptions(), environment_);
  EXPECT_EQ(again.partition().attribution(), stored);
  again.partition().VisitRatings([](const recommend::RatingTable& ratings) {
    EXPECT_EQ(ratings.ratings(), 1u);
    EXPECT_EQ(ratings.RatingsOf(profile::CustomerMap::Hash("u")).size(), 1u);
  });
  // The click is still there to be joined, once.
  const std::string sale = TestEvent("p-9", "u", "purchase", kTestTimeMs + 1000, kSale);
  again.Feed("u", sale, 0, kTestTimeMs + 86'400'000);
  again.Feed("u", sale, 0, kTestTimeMs + 86'400'000);
  const Cells after = again.partition().attribution();
  EXPECT_EQ(after.at({"a", "home", 2}).purchases, 1);
  EXPECT_EQ(after.at({"a", "home", 2}).converted, 1);
  EXPECT_EQ(after.at({"a", "home", 2}).revenue_micros, 9'000'000);
}

TEST(AttributionRowsTest, RefuseWhatWasNotWritten) {
  Attribution attribution;
  EXPECT_FALSE(attribution.RestoreRow("cells", "").ok());
  EXPECT_FALSE(attribution.RestoreRow("nonsense", "\x01").ok());
  EXPECT_FALSE(attribution.RestoreRow("00000000000000ff", "\x01\x01\x7f").ok());
}

std::shared_ptr<const Experiment> TwoVariants(const std::string& name) {
  const auto made =
      Experiment::Make(name, {{"control", "share=1"}, {"bold", "share=3 next_weight=0.9"}}, {});
  EXPECT_TRUE(made.ok()) << made.status();
  return *made;
}

TEST(ExperimentTest, AssignsByShareAndAlwaysTheSame) {
  const auto experiment = TwoVariants("autumn");
  const auto other = TwoVariants("winter");
  const size_t bold = experiment->Find("bold");
  EXPECT_EQ(experiment->variants()[bold].blend.next_weight, 0.9);
  int bolds = 0, both = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string customer = absl::StrCat("customer-", i);
    const bool is_bold = experiment->Assign(customer) == bold;
    if (i < 100) {
      EXPECT_EQ(TwoVariants("autumn")->Assign(customer) == bold, is_bold);
    }
    bolds += is_bold ? 1 : 0;
    both += is_bold && other->Assign(customer) == bold ? 1 : 0;
  }
  EXPECT_NEAR(bolds / 20'000.0, 0.75, 0.015);
  EXPECT_NEAR(both / 20'000.0, 0.75 * 0.75, 0.02);  // independent of each other
}

TEST(ExperimentTest, RefusesWhatItCannotUse) {
  const auto make = [](const std::string& text) {
    return Experiment::Make("e", {{"a", text}}, {}).status();
  };
  EXPECT_TRUE(make("").ok());
  EXPECT_FALSE(make("share=x").ok());
  EXPECT_FALSE(make("share=0").ok());
  EXPECT_FALSE(make("shares=1").ok());
  EXPECT_FALSE(make("next_weight=2").ok());
  EXPECT_FALSE(make("next_weight").ok());
}

}  // namespace
}  // namespace kindred::node
