#include "profile/feature_drift.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "clean/stability_index.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learn/random.h"
#include "profile/test_events.h"

namespace kindred::profile {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kDayMs = FeatureDays::kDayMs;
constexpr int64_t kMondayMs = kTestStartMs / kDayMs * kDayMs + kDayMs;

// A shop that opened on a Monday: some new customers each day, who come back now and then, more on
// weekends, and look at things or buy.
class Shop {
 public:
  explicit Shop(uint64_t seed) : random_(seed) {}

  struct Habits {
    double price = 20;
    uint64_t most_views = 6;
    double robots = 0;  // share of visits that look at 300 things
  };

  // Events of a day; then what a walk at its end sees.
  void Live(const Habits& habits) {
    const bool weekend = day_ % 7 >= 5;
    for (int i = 0; i < 80; ++i) customers_.emplace_back();
    for (Profile& customer : customers_) {
      const bool fresh = customer.empty();
      if (!fresh && random_.Below(100) >= (weekend ? 35 : 25)) continue;
      Visit(habits, weekend, &customer);
    }
    ++day_;
  }

  void Visit(const Habits& habits, bool weekend, Profile* customer) {
    const bool robot = random_.Uniform() < habits.robots;
    const uint64_t views = robot ? 300 : 1 + random_.Below(habits.most_views);
    TestEvent event;
    const int64_t hour = static_cast<int64_t>(weekend ? 14 + random_.Below(8) : random_.Below(22));
    event.time_ms = kMondayMs + day_ * kDayMs + hour * 3'600'000;
    event.category = "c" + std::to_string(random_.Below(6));
    for (uint64_t i = 0; i < views; ++i) {
      event.time_ms += 10'000;
      applier_.Apply(event, customer);
    }
    if (robot || random_.Below(3) != 0) return;
    event.type = event::EventType::kPurchase;
    event.price = habits.price * (0.5 + random_.Uniform());
    applier_.Apply(event, customer);
  }

  int64_t now_ms() const { return kMondayMs + day_ * kDayMs - 1; }
  FeatureHistogram Seen() const {
    FeatureHistogram seen;
    for (const Profile& customer : customers_) {
      if (FeatureDays::Counts(customer, now_ms())) seen.Add(Features(customer, now_ms()));
    }
    return seen;
  }

 private:
  learn::Random random_;
  TestApplier applier_;
  std::vector<Profile> customers_;
  int64_t day_ = 0;
};

std::vector<clean::QualityMeasure> Measures(const FeatureDays& days) {
  clean::QualityReport report;
  days.Judge(&report);
  return report.measures;
}

const clean::QualityMeasure& Of(const std::vector<clean::QualityMeasure>& measures,
                                const std::string& field) {
  for (const clean::QualityMeasure& one : measures) {
    if (one.field == field) return one;
  }
  ADD_FAILURE() << field;
  return measures.front();
}

TEST(FeatureDriftTest, BinsAreDoublingsAndTenths) {
  const auto bin = [](const char* name, double value) {
    return FeatureBin(static_cast<size_t>(FeatureByName(name)), value);
  };
  EXPECT_EQ(bin("views", 0), 0);
  EXPECT_EQ(bin("views", 1), 1);
  EXPECT_EQ(bin("views", 2.99), 1);
  EXPECT_EQ(bin("views", 3), 2);
  EXPECT_EQ(bin("total_spend", -50), 0);
  EXPECT_EQ(bin("total_spend", 32766), 14);
  EXPECT_EQ(bin("total_spend", 32767), 15);
  EXPECT_EQ(bin("total_spend", 1e300), 15);
  EXPECT_EQ(bin("refund_share", 0), 0);
  EXPECT_EQ(bin("refund_share", 0.01), 1);
  EXPECT_EQ(bin("refund_share", 0.95), 10);
  EXPECT_EQ(bin("refund_share", 1), 10);
  EXPECT_EQ(bin("refund_share", 7), 10);
  for (const double value : {std::numeric_limits<double>::infinity(), std::nan("")}) {
    EXPECT_EQ(bin("views", value), 0);
    EXPECT_EQ(bin("refund_share", value), 0);
  }
}

TEST(FeatureDriftTest, ASteadyShopDoesNotDrift) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    Shop shop(seed);
    FeatureDays days;
    for (int day = 0; day < 35; ++day) {
      shop.Live({});
      days.Take(shop.now_ms(), shop.Seen());
      const std::vector<clean::QualityMeasure> measures = Measures(days);
      ASSERT_EQ(measures.size(), kFeatureCount - 3);
      for (const clean::QualityMeasure& one : measures) {
        EXPECT_FALSE(one.alert) << "day " << day << ": " << one.reason;
        EXPECT_EQ(one.source, clean::kAllSources);
        EXPECT_EQ(one.measure, "customer_drift");
        EXPECT_EQ(one.to_ms - one.from_ms, kDayMs);
      }
      EXPECT_TRUE(day < 20 || measures.front().has_baseline) << day;
    }
  }
}

// Why the nearest day counts, and not all together.
TEST(FeatureDriftTest, AgainstAllDaysTogetherASteadyShopDriftsOnMostDays) {
  Shop shop(1);
  std::vector<FeatureHistogram> looks;
  int drifts = 0;
  for (int day = 0; day < 35; ++day) {
    shop.Live({});
    looks.push_back(shop.Seen());
    if (day < 20) continue;
    bool drift = false;
    for (size_t d = 0; d < kFeatureCount; ++d) {
      std::array<uint32_t, kFeatureBins> before{};
      for (size_t back = 2; back <= 14; ++back) {
        const FeatureHistogram& look = looks[looks.size() - 1 - back];
        for (size_t bin = 0; bin < kFeatureBins; ++bin) before[bin] += look.counts[d][bin];
      }
      const double index = clean::StabilityIndexOf(looks.back().counts[d], before).value;
      drift |= DriftIsJudged(d) && index > clean::kAlertPsi;
    }
    drifts += drift ? 1 : 0;
  }
  EXPECT_GT(drifts, 8) << "of fifteen";
}

TEST(FeatureDriftTest, ChangedCustomersAreNoticedAndWhy) {
  struct Change {
    Shop::Habits habits;
    const char* field;
    const char* reason;
  };
  const Change changes[] = {
      {{.price = 2000}, "total_spend", "currency"},
      {{.price = 2000}, "average_order_amount", "currency"},
      {{.robots = 0.3}, "views", "views: the "},
      {{.most_views = 60}, "views", "events"},
  };
  for (const Change& change : changes) {
    Shop shop(7);
    FeatureDays days;
    for (int day = 0; day < 25; ++day) {
      shop.Live({});
      days.Take(shop.now_ms(), shop.Seen());
    }
    shop.Live(change.habits);
    days.Take(shop.now_ms(), shop.Seen());
    const std::vector<clean::QualityMeasure> measures = Measures(days);
    const clean::QualityMeasure& one = Of(measures, change.field);
    EXPECT_TRUE(one.alert) << change.field << " " << one.value;
    EXPECT_GT(one.score, 1);
    EXPECT_GT(one.events, 200);
    EXPECT_THAT(one.reason, HasSubstr(change.reason));
    EXPECT_THAT(one.reason, HasSubstr("look at"));
    EXPECT_FALSE(Of(measures, "refund_share").alert) << "nobody gives back";
  }
}

TEST(FeatureDriftTest, WhatStaysBecomesUsual) {
  Shop shop(9);
  FeatureDays days;
  std::string alerts;
  for (int day = 0; day < 32; ++day) {
    shop.Live(day < 22 ? Shop::Habits() : Shop::Habits{.robots = 0.3});
    days.Take(shop.now_ms(), shop.Seen());
    alerts += Of(Measures(days), "views").alert ? '!' : '.';
  }
  EXPECT_EQ(alerts.substr(0, 22), std::string(22, '.'));
  EXPECT_EQ(alerts[22], '!');
  EXPECT_EQ(alerts.back(), '.') << alerts;
}

TEST(FeatureDriftTest, TooFewCustomersOrDaysSayNothing) {
  FeatureVector values{};
  FeatureHistogram few;
  for (int i = 0; i < 199; ++i) few.Add(values);
  FeatureHistogram enough = few;
  enough.Add(values);
  FeatureHistogram others;
  values.fill(100);
  for (int i = 0; i < 300; ++i) others.Add(values);
  FeatureDays days;
  EXPECT_TRUE(Measures(days).empty());
  days.Take(-5, enough);
  EXPECT_TRUE(Measures(days).empty()) << "no time";
  const auto take = [&days](int day, const FeatureHistogram& seen) {
    days.Take(kMondayMs + day * kDayMs, seen);
    return Measures(days).front();
  };
  for (int day = 1; day <= 3; ++day) take(day, few);
  for (int day = 4; day <= 13; ++day) EXPECT_FALSE(take(day, enough).has_baseline);
  EXPECT_FALSE(take(14, others).has_baseline) << "nine days: the look at the tenth is in this one";
  EXPECT_TRUE(take(15, others).has_baseline);
  EXPECT_TRUE(take(15, others).alert);
  EXPECT_FALSE(take(15, few).has_baseline);
  EXPECT_FALSE(take(16, others).alert) << "as on the fourteenth";
  EXPECT_FALSE(take(60, others).has_baseline) << "what was is too long ago";
}

TEST(FeatureDriftTest, BytesBringEverythingBack) {
  Shop shop(3);
  FeatureDays days;
  for (int day = 0; day < 20; ++day) {
    std::string bytes;
    days.Append(&bytes);
    const absl::StatusOr<FeatureDays> parsed = FeatureDays::Parse(bytes);
    ASSERT_TRUE(parsed.ok()) << day << parsed.status();
    EXPECT_TRUE(*parsed == days);
    for (size_t cut = 0; cut < bytes.size(); cut += 1 + bytes.size() / 50) {
      EXPECT_FALSE(FeatureDays::Parse(absl::string_view(bytes).substr(0, cut)).ok());
    }
    EXPECT_FALSE(FeatureDays::Parse(bytes + '\0').ok());
    shop.Live({});
    days.Take(shop.now_ms(), shop.Seen());
  }
  // A customer who is in a feature's bins twice, a bin that shares do not have.
  std::string bytes;
  days.Append(&bytes);
  bytes[0] = 2;
  EXPECT_FALSE(FeatureDays::Parse(bytes).ok());
}

}  // namespace
}  // namespace kindred::profile
