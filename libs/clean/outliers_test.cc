#include "clean/outliers.h"

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace kindred::clean {
namespace {

constexpr int64_t kNow = 1763805600000;

TEST(AmountHistoryTest, FlagsWhatIsFarAboveTheUsual) {
  const OutlierRules rules;
  AmountHistory history;
  for (int i = 0; i < 7; ++i) history.Update(20);
  EXPECT_FALSE(history.IsOutlier(20000, rules)) << "too few to judge";
  history.Update(20);
  EXPECT_TRUE(history.IsOutlier(20000, rules));
  EXPECT_FALSE(history.IsOutlier(150, rules));
  EXPECT_FALSE(history.IsOutlier(0.01, rules));
}

TEST(AmountHistoryTest, AWideSpreadIsTolerated) {
  const OutlierRules rules;
  AmountHistory history;
  for (const double amount : {1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 30.0, 10.0}) {
    history.Update(amount);
  }
  EXPECT_FALSE(history.IsOutlier(3000, rules));
  EXPECT_TRUE(history.IsOutlier(1e9, rules));
}

TEST(AmountHistoryTest, OutliersDoNotMakeThemselvesUsual) {
  const OutlierRules rules;
  AmountHistory history;
  for (int i = 0; i < 100; ++i) history.Update(i % 4 == 0 ? 100000 : 20);
  EXPECT_TRUE(history.IsOutlier(100000, rules));
}

TEST(AmountHistoryTest, AddsWhateverTheOrder) {
  std::mt19937_64 random(5);
  std::lognormal_distribution<double> amounts(3, 1);
  AmountHistory whole;
  AmountHistory first;
  AmountHistory second;
  for (int i = 0; i < 150; ++i) {
    const double amount = amounts(random);
    whole.Update(amount);
    (random() % 2 == 0 ? first : second).Update(amount);
  }
  AmountHistory sum = first;
  sum.Add(second);
  EXPECT_EQ(sum, whole);
  second.Add(first);
  EXPECT_EQ(second, whole);
}

TEST(AmountHistoryTest, KeepsItsShapeWhenItIsFull) {
  const OutlierRules rules;
  AmountHistory history;
  for (int i = 0; i < 100000; ++i) history.Update(i % 2 == 0 ? 20 : 40);
  EXPECT_TRUE(history.IsOutlier(5000, rules));
  AmountHistory doubled = history;
  for (int i = 0; i < 100; ++i) doubled.Add(history);
  EXPECT_TRUE(doubled.IsOutlier(5000, rules));
  EXPECT_FALSE(doubled.IsOutlier(80, rules));
}

TEST(AmountHistoryTest, SurvivesStorageAndHostileNumbers) {
  AmountHistory history;
  std::string bytes;
  base::ByteWriter empty_writer(&bytes);
  history.Encode(&empty_writer);
  EXPECT_EQ(bytes.size(), 1u);
  for (const double amount : {20.0, 0.0, -1.0, 1e300, std::numeric_limits<double>::infinity(),
                              std::numeric_limits<double>::quiet_NaN()}) {
    history.Update(amount);
  }
  bytes.clear();
  base::ByteWriter writer(&bytes);
  history.Encode(&writer);
  base::ByteReader reader(bytes);
  EXPECT_EQ(AmountHistory::Decode(&reader), history);
  EXPECT_TRUE(reader.Done());
}

// A person clicks now and then; a machine every 100 milliseconds.
TEST(RateHistoryTest, TellsAMachineFromAPerson) {
  const OutlierRules rules;
  RateHistory person;
  RateHistory machine;
  int person_flags = 0;
  int machine_flags = 0;
  for (int i = 0; i < 3000; ++i) {
    person_flags += person.IsOutlier(kNow + i * 600, rules);
    person.Update(kNow + i * 600, rules);
    machine_flags += machine.IsOutlier(kNow + i * 100, rules);
    machine.Update(kNow + i * 100, rules);
  }
  EXPECT_EQ(person_flags, 0);
  EXPECT_GT(machine_flags, 2500);
  EXPECT_FALSE(machine.IsOutlier(kNow + 3000 * 100 + 3600 * 1000, rules));
}

TEST(RateHistoryTest, OrdersAndHistoryAreNoMachines) {
  const OutlierRules rules;
  RateHistory order;
  for (int i = 0; i < 700; ++i) {
    EXPECT_FALSE(order.IsOutlier(kNow, rules));
    order.Update(kNow, rules);
  }
  RateHistory backfill;
  backfill.Update(kNow, rules);
  for (int i = 0; i < 5000; ++i) {
    const int64_t time_ms = kNow - 365LL * 24 * 3600 * 1000 + (i * 7919 % 5000) * 1000;
    EXPECT_FALSE(backfill.IsOutlier(time_ms, rules));
    backfill.Update(time_ms, rules);
  }
}

TEST(RateHistoryTest, AddsAndSurvivesStorage) {
  const OutlierRules rules;
  RateHistory one;
  RateHistory two;
  for (int i = 0; i < 150; ++i) one.Update(kNow + i, rules);
  for (int i = 0; i < 150; ++i) two.Update(kNow + 1000 + i, rules);
  EXPECT_FALSE(one.IsOutlier(kNow + 2000, rules));
  RateHistory sum = one;
  sum.Add(two, rules);
  EXPECT_TRUE(sum.IsOutlier(kNow + 2000, rules));
  two.Add(one, rules);
  EXPECT_EQ(sum, two);
  sum.Add(RateHistory(), rules);
  EXPECT_EQ(sum, two);
  std::string bytes;
  base::ByteWriter writer(&bytes);
  sum.Encode(&writer);
  RateHistory().Encode(&writer);
  base::ByteReader reader(bytes);
  EXPECT_EQ(RateHistory::Decode(&reader), sum);
  EXPECT_EQ(RateHistory::Decode(&reader), RateHistory());
  EXPECT_TRUE(reader.Done());
}

TEST(PriceBookTest, FlagsATypoButNotASale) {
  const OutlierRules rules;
  PriceBook book;
  std::mt19937_64 random(3);
  std::lognormal_distribution<double> noise(0, 0.1);
  int flagged = 0;
  for (int i = 0; i < 200; ++i) flagged += book.Observe("i", "EUR", 20 * noise(random), rules);
  EXPECT_EQ(flagged, 0);
  EXPECT_FALSE(book.IsOutlier("i", "EUR", 10, rules));
  EXPECT_TRUE(book.IsOutlier("i", "EUR", 2000, rules));
  EXPECT_TRUE(book.IsOutlier("i", "EUR", 0.2, rules));
  EXPECT_FALSE(book.IsOutlier("i", "JPY", 2000, rules)) << "another currency";
  EXPECT_FALSE(book.IsOutlier("other", "EUR", 2000, rules));
}

TEST(PriceBookTest, APriceMayChangeForGood) {
  const OutlierRules rules;
  PriceBook book;
  for (int i = 0; i < 100; ++i) book.Observe("i", "EUR", 20, rules);
  int flagged = 0;
  for (int i = 0; i < 100; ++i) flagged += book.Observe("i", "EUR", 200, rules);
  EXPECT_EQ(flagged, 10);
  EXPECT_TRUE(book.IsOutlier("i", "EUR", 20, rules));
}

TEST(PriceBookTest, APlaceholderNowAndThenStaysAnOutlier) {
  const OutlierRules rules;
  PriceBook book;
  int flagged = 0;
  for (int i = 0; i < 1000; ++i) {
    flagged += book.Observe("i", "EUR", i % 5 == 4 ? 99999 : 20 + i % 3, rules);
  }
  EXPECT_GT(flagged, 190);
}

// The estimate comes close to median and MAD of a lognormal price.
TEST(PriceBookTest, FindsThreeInAThousandOfHeavyTails) {
  const OutlierRules rules;
  PriceBook book;
  std::mt19937_64 random(11);
  std::lognormal_distribution<double> prices(2, 0.3);
  int false_alarms = 0;
  int found = 0;
  int odd = 0;
  for (int i = 0; i < 100000; ++i) {
    const bool is_odd = i > 100 && random() % 300 == 0;
    const double price = prices(random) * (is_odd ? 50 : 1);
    const bool flagged = book.Observe("i", "EUR", price, rules);
    odd += is_odd;
    found += is_odd && flagged;
    false_alarms += !is_odd && flagged;
  }
  EXPECT_GE(found, odd * 99 / 100);
  EXPECT_LE(false_alarms, 5);
}

TEST(PriceBookTest, GoesOnExactlyAfterARestart) {
  const OutlierRules rules;
  PriceBook steady;
  PriceBook restarted;
  std::map<std::string, std::string> stored;
  std::mt19937_64 random(9);
  std::lognormal_distribution<double> prices(2, 1.5);
  for (int i = 0; i < 50000; ++i) {
    const std::string item = std::to_string(random() % 3000);
    const double price = prices(random);
    ASSERT_EQ(steady.Observe(item, "EUR", price, rules),
              restarted.Observe(item, "EUR", price, rules));
    if (random() % 10000 != 0) continue;
    for (StoredRow& row : restarted.TakeChanges().puts) stored[row.key] = std::move(row.value);
    PriceBook fresh;
    for (const auto& [key, value] : stored) ASSERT_TRUE(fresh.RestoreRow(key, value).ok());
    EXPECT_EQ(fresh.size(), steady.size());
    EXPECT_TRUE(fresh.TakeChanges().puts.empty());
    restarted = std::move(fresh);
  }
}

TEST(PriceBookTest, IsBounded) {
  const OutlierRules rules;
  PriceBook book(100);
  for (int i = 0; i < 1000; ++i) book.Observe(std::to_string(i), "EUR", 1, rules);
  EXPECT_EQ(book.size(), 100u);
  EXPECT_EQ(book.untracked(), 900u);
  EXPECT_FALSE(book.Observe("hostile", "EUR", 0, rules));
  EXPECT_FALSE(book.Observe("0", "EUR", std::numeric_limits<double>::denorm_min(), rules));
}

TEST(PriceBookTest, RefusesRowsThatItDidNotWrite) {
  const OutlierRules rules;
  PriceBook book;
  for (int i = 0; i < 20000; ++i) book.Observe(std::to_string(i), "EUR", 1 + i, rules);
  const StoredRow row = book.TakeChanges().puts[17];
  ASSERT_GT(row.value.size(), 20u);
  EXPECT_FALSE(PriceBook().RestoreRow("x", row.value).ok());
  EXPECT_FALSE(PriceBook().RestoreRow("\xFF\xFF", row.value).ok());
  EXPECT_FALSE(PriceBook().RestoreRow(std::string("\0\1", 2), row.value).ok());
  EXPECT_FALSE(PriceBook().RestoreRow(row.key, "").ok());
  EXPECT_FALSE(PriceBook().RestoreRow(row.key, row.value + "x").ok());
  EXPECT_FALSE(PriceBook().RestoreRow(row.key, "\x02" + row.value.substr(1)).ok());
  PriceBook twice;
  EXPECT_TRUE(twice.RestoreRow(row.key, row.value).ok());
  EXPECT_FALSE(twice.RestoreRow(row.key, row.value).ok());
}

}  // namespace
}  // namespace kindred::clean
