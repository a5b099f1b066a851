#include "recommend/rating_table.h"

#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace kindred::recommend {
namespace {

using Rows = std::map<std::string, std::string>;

void Rate(RatingTable* table, uint64_t customer, const std::vector<float>& values) {
  for (uint32_t item = 1; item <= values.size(); ++item) {
    table->Rate(customer, absl::StrCat("u-", customer), ItemId(item), values[item - 1], 1000);
  }
}

void Keep(RatingTable* table, Rows* rows) {
  table->TakeChanges([rows](absl::string_view key, absl::string_view value) {
    if (value.empty()) {
      rows->erase(std::string(key));
    } else {
      (*rows)[std::string(key)] = std::string(value);
    }
  });
}

double Similarity(const RatingTable& table, uint64_t a, uint64_t b) {
  std::vector<SimilarCustomer> similar;
  table.AddSimilarCustomers(table.RatingsOf(a), a, &similar);
  for (const SimilarCustomer& one : similar) {
    if (one.id == absl::StrCat("u-", b)) return one.similarity;
  }
  return std::nan("");
}

double ItemSimilarity(const RatingTable& table, uint32_t a, uint32_t b) {
  absl::flat_hash_map<ItemId, learn::PairSums> pairs;
  table.AddItemPairs(ItemId(a), &pairs);
  return learn::Cosine(pairs[ItemId(b)]);
}

TEST(RatingTableTest, WorkedValues) {
  RatingTable users;
  Rate(&users, 1, {4, 2, 3, 1, 5});
  Rate(&users, 2, {3, 5, 4, 3, 2});
  EXPECT_NEAR(Similarity(users, 1, 2), -0.554700, 5e-7);
  EXPECT_NEAR(Similarity(users, 2, 1), -0.554700, 5e-7);
  RatingTable items;
  Rate(&items, 1, {4, 3, 5, 2, 1});
  Rate(&items, 2, {3, 4, 2, 5, 3});
  Rate(&items, 3, {2, 5, 1, 3, 4});
  EXPECT_NEAR(ItemSimilarity(items, 1, 2), -0.729924, 5e-7);
  EXPECT_NEAR(ItemSimilarity(items, 2, 1), -0.729924, 5e-7);
}

TEST(RatingTableTest, OnlyItemsRatedByBothCount) {
  RatingTable table;
  Rate(&table, 1, {4, 2, 3, 1, 5});
  Rate(&table, 2, {3, 5, 4, 3, 2});
  table.Rate(1, "u-1", ItemId(77), 5, 1000);
  EXPECT_NEAR(Similarity(table, 1, 2), -0.554700, 5e-7);
}

TEST(RatingTableTest, ANewRatingTakesThePlaceOfTheOld) {
  RatingTable table;
  Rate(&table, 1, {4, 2, 3, 1, 5});
  Rate(&table, 2, {1, 5, 4, 3, 2});
  table.Rate(2, "u-2", ItemId(1), 3, 2000);
  table.Rate(2, "u-2", ItemId(1), 5, 1500);  // older: late
  EXPECT_NEAR(Similarity(table, 1, 2), -0.554700, 5e-7);
  EXPECT_EQ(table.ratings(), 10u);
}

TEST(RatingTableTest, TakenBackAndForgotten) {
  RatingTable table;
  Rate(&table, 1, {4, 2, 3, 1, 5});
  Rate(&table, 2, {3, 5, 4, 3, 2});
  table.Rate(2, "u-2", ItemId(9), 1, 3000);
  table.Rate(1, "u-1", ItemId(9), 1, 3000);
  EXPECT_GT(std::abs(Similarity(table, 1, 2) + 0.554700), 1e-3);
  table.Take(2, ItemId(9), 2999);  // not that one
  table.Take(2, ItemId(9), 3000);
  EXPECT_NEAR(Similarity(table, 1, 2), -0.554700, 5e-7);
  table.Forget(2);
  EXPECT_TRUE(std::isnan(Similarity(table, 1, 2)));
  EXPECT_EQ(table.customers(), 1u);
  EXPECT_EQ(table.ratings(), 6u);
}

TEST(RatingTableTest, TheBoundHoldsAndTheOldestLeave) {
  RatingTable table({.max_ratings = 50});
  for (uint64_t customer = 1; customer <= 100; ++customer) Rate(&table, customer, {1, 2, 3});
  EXPECT_LE(table.ratings(), 50u);
  EXPECT_TRUE(table.RatingsOf(1).empty());
  EXPECT_EQ(table.RatingsOf(100).size(), 3u);
  RatingTable one;
  for (uint32_t item = 1; item <= 300; ++item) one.Rate(1, "u-1", ItemId(item), 3, item);
  EXPECT_EQ(one.RatingsOf(1).size(), RatingTable::kMaxRatings);
}

// After any history: what is restored goes on exactly as what was kept.
TEST(RatingTableTest, RestoredTablesGoOnAlike) {
  std::mt19937 random(3);
  const auto any = [&random](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  RatingTable table({.max_ratings = 200});
  Rows rows;
  const auto step = [&](RatingTable* one, uint32_t seed) {
    std::mt19937 local(seed);
    const uint64_t customer = 1 + local() % 40;
    const ItemId item(1 + local() % 20);
    const int64_t time_ms = static_cast<int64_t>(local() % 1000);
    switch (local() % 10) {
      case 0:
        return one->Take(customer, item, time_ms);
      case 1:
        return one->Forget(customer);
      default:
        one->Rate(customer, absl::StrCat("u-", customer), item, 1 + local() % 5, time_ms);
    }
  };
  for (int i = 0; i < 3000; ++i) {
    step(&table, any(1'000'000));
    if (any(50) == 0) Keep(&table, &rows);
  }
  Keep(&table, &rows);
  RatingTable restored({.max_ratings = 200});
  for (const auto& [key, value] : rows) ASSERT_TRUE(restored.RestoreRow(key, value).ok());
  ASSERT_TRUE(restored.FinishRestore().ok());
  Rows other = rows;
  for (int i = 0; i < 3000; ++i) {
    const uint32_t seed = any(1'000'000);
    step(&table, seed);
    step(&restored, seed);
  }
  Keep(&table, &rows);
  Keep(&restored, &other);
  EXPECT_EQ(rows, other);
  EXPECT_EQ(table.ratings(), restored.ratings());
}

TEST(RatingTableTest, DamagedRowsAreRefused) {
  RatingTable table;
  Rate(&table, 1, {4, 2});
  Rows rows;
  Keep(&table, &rows);
  const auto& [key, value] = *rows.begin();  // of the customer: digits come before "head"
  for (size_t size = 0; size < value.size(); ++size) {
    RatingTable damaged;
    EXPECT_FALSE(damaged.RestoreRow(key, value.substr(0, size)).ok()) << size;
  }
  RatingTable damaged;
  EXPECT_FALSE(damaged.RestoreRow("x", value).ok());
  EXPECT_TRUE(damaged.RestoreRow(key, value).ok());
  EXPECT_FALSE(damaged.RestoreRow(key, value).ok());
}

}  // namespace
}  // namespace kindred::recommend
