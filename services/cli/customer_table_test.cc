#include "cli/customer_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/next_amount.h"
#include "cli/plot_customers.h"

namespace kindred::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr size_t kFrequency = static_cast<size_t>(profile::FeatureId::kPurchaseFrequency);
constexpr size_t kSpend = static_cast<size_t>(profile::FeatureId::kTotalSpend);

std::string FileOf(const std::string& text) {
  // Tests of one file run at the same time.
  static int count = 0;
  const std::string path = absl::StrCat(
      ::testing::TempDir(), "/customers-",
      ::testing::UnitTest::GetInstance()->current_test_info()->name(), "-", ++count, ".csv");
  std::ofstream(path) << text;
  return path;
}

// Three kinds of customers, ten of each: 2 purchases of 10, 10 of 20, 40 of 100.
std::string ThreeKinds() {
  std::string csv = "user_id,item_id,purchase_time,amount\n";
  for (int c = 0; c < 30; ++c) {
    const int kind = c % 3;
    const int times[] = {2, 10, 40};
    const int amounts[] = {10, 20, 100};
    for (int i = 0; i < times[kind] + c % 2; ++i) {
      absl::StrAppend(&csv, "u-", c, ",sku-", i % 4, ",2026-01-", 1 + i % 28 < 10 ? "0" : "",
                      1 + i % 28, " ", 10 + i / 28, ":00:00,", amounts[kind] + i % 3, "\n");
    }
  }
  return csv;
}

TEST(CustomerTable, PurchasesBecomeFrequencyAndSpend) {
  const auto file = ReadPurchases(
      FileOf("user_id,item_id,purchase_time,amount\n"
             "b,x,2026-01-01 10:00:00,5\nb,y,2026-01-01 10:00:00,7.5\n"
             "b,x,2026-01-09 10:00:00,10\na,x,2026-01-02 10:00:00,3\n"
             ",x,2026-01-02 10:00:00,3\na,x,no time,3\na,x,2026-01-02 10:00:00,-1e99\n"),
      {});
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_THAT(file->table.rows, SizeIs(2));
  EXPECT_EQ(file->table.rows[0].id, "a");
  EXPECT_EQ(file->table.rows[0].features[kFrequency], 1);
  EXPECT_EQ(file->table.rows[1].features[kFrequency], 2);
  EXPECT_DOUBLE_EQ(file->table.rows[1].features[kSpend], 22.5);
  EXPECT_EQ(file->rows, 7u);
  EXPECT_EQ(file->rejected, 3u);
  ASSERT_THAT(file->occasions[1], SizeIs(2));
  EXPECT_DOUBLE_EQ(file->occasions[1][0].amount, 12.5);
}

TEST(CustomerTable, ChineseHeadersMeanTheSame) {
  const std::string english = ThreeKinds();
  const std::string chinese = absl::StrReplaceAll(
      english, {{"user_id,item_id,purchase_time,amount", "用户ID,商品ID,购买时间,购买金额"}});
  const auto a = ReadPurchases(FileOf(english), {});
  const auto b = ReadPurchases(FileOf(chinese), {});
  ASSERT_TRUE(a.ok() && b.ok()) << a.status() << b.status();
  ASSERT_EQ(a->table.rows.size(), b->table.rows.size());
  for (size_t i = 0; i < a->table.rows.size(); ++i) {
    EXPECT_EQ(a->table.rows[i].id, b->table.rows[i].id);
    EXPECT_EQ(a->table.rows[i].features, b->table.rows[i].features);
  }
}

TEST(CustomerTable, KMeansFindsTheKinds) {
  auto file = ReadPurchases(FileOf(ThreeKinds()), {});
  ASSERT_TRUE(file.ok()) << file.status();
  const auto dimensions = FeatureDimensions({"purchase_frequency", "total_spend"});
  ASSERT_TRUE(dimensions.ok());
  GroupByKMeans(*dimensions, 3, &file->table);
  ASSERT_THAT(file->table.groups, SizeIs(3));
  for (const CustomerGroup& group : file->table.groups) {
    EXPECT_EQ(group.size, 10);
    EXPECT_FALSE(group.name.empty());
  }
  for (const CustomerRow& row : file->table.rows) {
    for (const CustomerRow& other : file->table.rows) {
      const bool alike = std::abs(std::log(row.features[kSpend] / other.features[kSpend])) < 1;
      EXPECT_EQ(row.group == other.group, alike) << row.id << " " << other.id;
    }
  }
  EXPECT_THAT(FrequencySpendChart(file->table).groups, SizeIs(3));
  const ScatterChart components = ComponentsChart(file->table, *FeatureDimensions({}));
  EXPECT_THAT(components.x_title, HasSubstr("component 1 ("));
  EXPECT_THAT(GroupsChart(file->table).columns, SizeIs(3));
  EXPECT_EQ(HierarchyChart(file->table, *dimensions, 3).tree.points, 30u);
}

TEST(CustomerTable, RefusesWhatIsNoTable) {
  EXPECT_TRUE(absl::IsNotFound(ReadPurchases("no such file", {}).status()));
  EXPECT_FALSE(ReadPurchases(FileOf(""), {}).ok());
  EXPECT_FALSE(ReadPurchases(FileOf("a,b\n1,2\n"), {}).ok());
  EXPECT_FALSE(ReadPurchases(FileOf("user_id,time\nu,2026-01-01\n"), {}).ok());
  EXPECT_FALSE(ReadPurchases(FileOf("user_id,time,amount\nu,2026-01-01,0\n"), {}).ok());
  EXPECT_FALSE(FeatureDimensions({"no_such_feature"}).ok());
  EXPECT_FALSE(ReadProfiles(FileOf("not json\n")).ok());
  EXPECT_FALSE(ReadProfiles(FileOf("")).ok());
}

TEST(CustomerTable, ExportedProfilesBringTheirSegments) {
  const auto table = ReadProfiles(FileOf(
      R"({"customer_id":"a","features":[{"name":"total_spend","value":5}],"segment":{"segment":"segments/2","label":"low spend"}})"
      "\n"
      R"({"customer_id":"b","features":[{"name":"total_spend","value":50}],"segment":{"segment":"segments/7","label":"high spend"}})"
      "\n"
      R"({"customer_id":"c","features":[{"name":"total_spend","value":70}],"segment":{"segment":"segments/7","label":"high spend"}})"
      "\n{\"customer_id\":\"d\"}\n"));
  ASSERT_TRUE(table.ok()) << table.status();
  ASSERT_THAT(table->rows, SizeIs(3));
  ASSERT_THAT(table->groups, SizeIs(2));
  EXPECT_EQ(table->groups[0].name, "high spend");
  EXPECT_EQ(table->groups[0].size, 2);
  EXPECT_EQ(table->rows[0].group, 1);
}

TEST(NextAmount, ACustomersOwnMeanIsWithinTheModel) {
  // Everybody always spends the same: the answer is total / frequency.
  std::vector<std::vector<PurchaseOccasion>> customers;
  for (int c = 1; c <= 20; ++c) {
    auto& occasions = customers.emplace_back();
    for (int i = 0; i < 3 + c; ++i) occasions.push_back({i * 86'400'000LL + c, 5.0 * c});
  }
  const auto model = LearnNextAmount(customers);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_NEAR(model->Predict(10, 500), 50, 1e-6);
  EXPECT_NEAR(model->regression.coefficients[0], -1, 1e-9);
  EXPECT_NEAR(model->regression.coefficients[1], 1, 1e-9);
  EXPECT_NEAR(model->error, 0, 1e-6);
  EXPECT_GT(model->population_mean_error, 1);
  EXPECT_FALSE(LearnNextAmount({{{1, 5}, {2, 5}}}).ok());
}

}  // namespace
}  // namespace kindred::cli
