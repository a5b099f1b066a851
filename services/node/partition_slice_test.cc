// Records that are applied in slices leave what they leave one by one.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/partition.h"
#include "node/prepared_record.h"
#include "node/test_state.h"

namespace kindred::node {
namespace {

constexpr int kRecords = 1500;
constexpr int kCustomers = 17;

std::string Item(int i) { return absl::StrCat("sku-", i * 5 % 23); }

// The i-th record: views, purchases, ratings, orders of several lines, long records, copies, undos,
// deletions, rejections and what is no event, of few customers, so that slices hold several of one.
std::string Value(int i) {
  const std::string user = absl::StrCat("u-", i * 7 % kCustomers);
  const std::string id = absl::StrCat("e-", i);
  const int64_t time = kTestTimeMs + i * 61'000;
  const std::string item = absl::StrCat("\"item_id\":\"", Item(i), "\",\"category\":\"c", i % 4,
                                        "\",\"brand\":\"b", i % 3, "\"");
  const std::string sale = absl::StrCat(
      item, ",\"quantity\":1,\"currency\":\"USD\",\"price\":", i % 39 == 0 ? 900 : 10 + i % 3);
  switch (i % 16) {
    case 3:
      return "not json";
    case 5:
      return TestEvent(absl::StrCat("e-", i - 4), user, "view", time, item);  // a copy
    case 7:  // takes back the purchase of six records before
      return TestEvent(absl::StrCat("e-", i - 6), absl::StrCat("u-", (i - 6) * 7 % kCustomers),
                       "purchase", kTestTimeMs + (i - 6) * 61'000,
                       absl::StrCat("\"item_id\":\"", Item(i - 6),
                                    "\",\"quantity\":1,\"currency\":\"USD\",\"price\":10,"
                                    "\"properties\":{\"undo\":true}"));
    case 8:
      return TestEvent(id, user, "rating", time, absl::StrCat(item, ",\"rating\":", i % 5 + 1));
    case 9:
      return absl::StrCat(R"({"type":"track","event":"Order Completed","messageId":"m-)", i,
                          R"(","userId":")", user,
                          R"(","timestamp":"2025-10-09T08:00:00Z","properties":{"order_id":"o-)", i,
                          R"(","currency":"USD","products":[{"product_id":"a","price":0,)",
                          R"("quantity":1},{"product_id":"b","price":2,"quantity":1},)",
                          R"({"product_id":"c","price":3,"quantity":2}]}})");
    case 11:
      return TestEvent(id, user, "view", time,
                       absl::StrCat(item, ",\"properties\":{\"note\":\"",
                                    std::string(PreparedRecord::kMaxBytes, 'x'), "\"}"));
    case 13:
      return i % 64 == 13 ? TestEvent(id, user, "delete", time, "")
                          : TestEvent(id, "", "view", time, item);
    case 1:
    case 14:
      return TestEvent(id, user, "purchase", time, sale);
    default:
      return TestEvent(id, user, "view", time, item);
  }
}

// Applies all records, `batch` at a time, and returns what a checkpoint stores.
std::map<std::string, std::string> StateAfter(size_t batch, clean::QualityCounts* quality) {
  SharedOptions options;
  options.partition_count = 1;
  TestState state(options, store::NewMemoryEnvironment());
  std::vector<stream::RawRecord> records;
  for (int i = 0; i < kRecords; ++i) {
    records.push_back(TestRecord(0, i, "key", Value(i), kTestTimeMs + i * 61'000));
    if (records.size() < batch && i + 1 < kRecords) continue;
    EXPECT_TRUE(state.Apply(records).ok());
    EXPECT_EQ(state.partition().next_offset().value(), i + 1);
    records.clear();
  }
  EXPECT_TRUE(state.Checkpoint());
  *quality = state.quality();
  std::map<std::string, std::string> stored;
  for (const store::Table table : store::kAllTables) {
    if (table == store::Table::kStore) continue;
    for (const PartitionId scope : {PartitionId(0), store::kNodeScope}) {
      const bool of_node = scope == store::kNodeScope;
      const store::Scope allowed = store::ScopeOf(table);
      if (allowed == (of_node ? store::Scope::kPartition : store::Scope::kNode)) continue;
      EXPECT_TRUE(state.store
                      ->ForEach(table, scope,
                                [&](absl::string_view id, absl::string_view value) {
                                  stored[absl::StrCat(store::TableName(table), "/", id)] =
                                      std::string(value);
                                  return absl::OkStatus();
                                })
                      .ok());
    }
  }
  return stored;
}

TEST(PartitionSliceTest, LeavesWhatRecordByRecordLeaves) {
  clean::QualityCounts one_by_one;
  const auto expected = StateAfter(1, &one_by_one);
  EXPECT_GT(one_by_one.accepted, 900u);
  EXPECT_GT(one_by_one.duplicates, 50u);
  EXPECT_GT(one_by_one.rejected_total(), 100u);
  for (const size_t batch : {7, 32, 33, 500, kRecords}) {
    clean::QualityCounts quality;
    const auto actual = StateAfter(batch, &quality);
    EXPECT_EQ(quality, one_by_one) << batch;
    ASSERT_EQ(actual.size(), expected.size()) << batch;
    for (const auto& [key, value] : expected) {
      const auto found = actual.find(key);
      ASSERT_NE(found, actual.end()) << key;
      EXPECT_TRUE(found->second == value) << key << " of batches of " << batch;
    }
  }
}

// What was applied before the failure has taught all it has to teach, and the rest is applied once.
TEST(PartitionSliceTest, AFailureInTheMiddleLosesNothing) {
  SharedOptions options;
  options.partition_count = 1;
  TestState state(options, store::NewMemoryEnvironment());
  state.Feed("k", TestEvent("e-0", "evicted", "view", kTestTimeMs, "\"item_id\":\"tea\""));
  state.Checkpoint();
  state.partition().Evict(0);
  std::vector<stream::RawRecord> records;
  for (int i = 1; i < 5; ++i) {
    records.push_back(
        TestRecord(0, i, "k",
                   TestEvent(absl::StrCat("e-", i), "u-1", "view", kTestTimeMs + i * 1000,
                             absl::StrCat("\"item_id\":\"sku-", i, "\""))));
  }
  records.push_back(
      TestRecord(0, 5, "other key",
                 TestEvent("e-5", "evicted", "view", kTestTimeMs, "\"item_id\":\"sku-1\"")));
  records.push_back(TestRecord(
      0, 6, "k", TestEvent("e-6", "u-1", "view", kTestTimeMs + 6000, "\"item_id\":\"sku-6\"")));
  state.cold->failure = absl::UnavailableError("disk");
  EXPECT_FALSE(state.Apply(records).ok());
  EXPECT_EQ(state.partition().next_offset().value(), 5);
  EXPECT_EQ(state.quality().accepted, 5u);
  state.cold->failure = absl::OkStatus();
  EXPECT_TRUE(state.Apply(records).ok());
  EXPECT_EQ(state.partition().next_offset().value(), 7);
  EXPECT_EQ(state.quality().accepted, 7u);
  uint64_t views = 0;
  state.partition().ReadSeries([&views](const series::SeriesBook& book) {
    std::vector<series::SeriesPoint> points(3);
    const int64_t day = kTestTimeMs / series::StepMs(series::Step::kDay);
    book.AddTo({series::SeriesKind::kAll, 0}, series::Step::kDay, day - 1, &points);
    for (const series::SeriesPoint& point : points) views += point.events;
  });
  EXPECT_EQ(views, 7u);
}

}  // namespace
}  // namespace kindred::node
