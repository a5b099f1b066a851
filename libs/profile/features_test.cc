#include "profile/features.h"

#include <cmath>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "profile/test_events.h"

namespace kindred::profile {
namespace {

using event::EventType;

double Value(const FeatureVector& values, FeatureId id) { return values[static_cast<size_t>(id)]; }

TestEvent Make(EventType type, int64_t time_ms, double price = 0) {
  TestEvent event;
  event.type = type;
  event.time_ms = time_ms;
  event.price = price;
  return event;
}

TEST(FeaturesTest, NamesAreDistinctAndFound) {
  std::set<std::string> names;
  for (size_t i = 0; i < kFeatureCount; ++i) {
    const FeatureInfo& info = GetFeatureInfo(i);
    EXPECT_TRUE(names.insert(std::string(info.name)).second);
    EXPECT_EQ(FeatureByName(info.name), static_cast<int>(i));
    EXPECT_FALSE(info.unit.empty());
    EXPECT_FALSE(info.high.empty());
    EXPECT_FALSE(info.low.empty());
    EXPECT_FALSE(info.help.empty());
  }
  EXPECT_EQ(FeatureByName("height"), -1);
  EXPECT_EQ(GetFeatureInfo(static_cast<size_t>(FeatureId::kEveningShare)).name, "evening_share");
}

TEST(FeaturesTest, EmptyProfileIsAllZero) {
  EXPECT_EQ(Features(Profile(), kTestStartMs), FeatureVector{});
}

// Every dimension against a calculation by hand.
TEST(FeaturesTest, ValuesAreInOriginalUnits) {
  TestApplier applier;
  // The start is a Sunday, 15:06 UTC.
  TestEvent view = Make(EventType::kView, kTestStartMs);
  view.category = "tea";
  TestEvent coffee = Make(EventType::kClick, kTestStartMs);
  coffee.category = "coffee";
  const Profile profile = applier.ApplyAll({
      view, coffee, Make(EventType::kAddToCart, kTestStartMs + 60'000),
      Make(EventType::kPurchase, kTestStartMs + kTestDayMs, 10),  // Monday
      Make(EventType::kPurchase, kTestStartMs + kTestDayMs, 20),
      Make(EventType::kPurchase, kTestStartMs + 5 * kTestDayMs, 30),          // Friday
      Make(EventType::kRefund, kTestStartMs + 6 * kTestDayMs, 15),            // Saturday
      Make(EventType::kView, kTestStartMs + 6 * kTestDayMs + 4 * 3'600'000),  // 19:06
  });
  const FeatureVector values = Features(profile, kTestStartMs + 10 * kTestDayMs);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kPurchaseFrequency), 2);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kTotalSpend), 45);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kAverageOrderAmount), 30);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kItemsPerOrder), 1.5);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kMeanGapDays), 4);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kDaysSinceLastPurchase), 5);
  EXPECT_NEAR(Value(values, FeatureId::kDaysSinceLastEvent), 4 - 4.0 / 24, 1e-9);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kTenureDays), 10);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kViews), 3);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kCarts), 1);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kCartToPurchase), 0.75);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kSessions), 5);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kRefundShare), 0.25);
  EXPECT_NEAR(Value(values, FeatureId::kCategoryBreadth), 2, 1e-9);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kWeekendShare), 5.0 / 8);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kEveningShare), 1.0 / 8);
}

TEST(FeaturesTest, WithoutPurchaseRecencyCountsFromTheFirstEvent) {
  TestApplier applier;
  const Profile profile = applier.ApplyAll(
      {Make(EventType::kView, kTestStartMs), Make(EventType::kView, kTestStartMs + kTestDayMs)});
  const FeatureVector values = Features(profile, kTestStartMs + 3 * kTestDayMs);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kDaysSinceLastPurchase), 3);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kDaysSinceLastEvent), 2);
}

TEST(FeaturesTest, AsOfBeforeTheNewestEventIsThatEvent) {
  TestApplier applier;
  const Profile profile = applier.ApplyAll({Make(EventType::kPurchase, kTestStartMs, 1)});
  const FeatureVector values = Features(profile, 0);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kDaysSinceLastPurchase), 0);
  EXPECT_DOUBLE_EQ(Value(values, FeatureId::kTenureDays), 0);
}

TEST(FeaturesTest, TransformGoesBothWays) {
  for (size_t i = 0; i < kFeatureCount; ++i) {
    for (const double value : {-250.0, -0.5, 0.0, 0.3, 1.0, 12345.6}) {
      EXPECT_NEAR(Untransform(i, Transform(i, value)), value, 1e-9 * (1 + std::abs(value)));
    }
  }
  const size_t spend = static_cast<size_t>(FeatureId::kTotalSpend);
  EXPECT_DOUBLE_EQ(Transform(spend, std::exp(1.0) - 1), 1);
  EXPECT_DOUBLE_EQ(Transform(spend, 1 - std::exp(1.0)), -1);
  EXPECT_DOUBLE_EQ(Transform(static_cast<size_t>(FeatureId::kWeekendShare), 0.4), 0.4);
}

}  // namespace
}  // namespace kindred::profile
