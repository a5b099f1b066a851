#include "cli/import_table.h"

#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::cli {
namespace {

using ::testing::HasSubstr;

int64_t Utc(int year, int month, int day, int hour = 0, int minute = 0) {
  return absl::ToUnixMillis(
      absl::FromCivil(absl::CivilMinute(year, month, day, hour, minute), absl::UTCTimeZone()));
}

TEST(ImportTableTest, TimesOfEveryCommonForm) {
  EXPECT_EQ(ParseTableTime("2010-12-01 08:26:00"), Utc(2010, 12, 1, 8, 26));
  EXPECT_EQ(ParseTableTime("12/1/2010 8:26"), Utc(2010, 12, 1, 8, 26));
  EXPECT_EQ(ParseTableTime("2010-12-01T08:26:00Z"), Utc(2010, 12, 1, 8, 26));
  EXPECT_EQ(ParseTableTime("2010/12/01"), Utc(2010, 12, 1));
  EXPECT_EQ(ParseTableTime("19970101"), Utc(1997, 1, 1));
  EXPECT_EQ(ParseTableTime("1291191960"), Utc(2010, 12, 1, 8, 26));
  EXPECT_EQ(ParseTableTime("1291191960000"), Utc(2010, 12, 1, 8, 26));
  EXPECT_EQ(ParseTableTime("yesterday"), std::nullopt);
  EXPECT_EQ(ParseTableTime(""), std::nullopt);
}

TEST(ImportTableTest, ColumnsAreGuessedInEnglishAndChinese) {
  const std::vector<std::string> english = {"InvoiceNo",   "StockCode", "Quantity",
                                            "InvoiceDate", "UnitPrice", "CustomerID"};
  const auto columns = ImportColumns::Find(english, {}, {"user", "item", "time"});
  ASSERT_TRUE(columns.ok()) << columns.status();
  EXPECT_EQ(columns->Get({"536365", "85123A", "6", "2010", "2.55", " 17850 "}, "user"), "17850");
  const std::vector<std::string> chinese = {"用户ID", "商品ID", "购买时间", "购买金额"};
  const auto guessed = ImportColumns::Find(chinese, {}, {"user", "item", "time", "amount"});
  ASSERT_TRUE(guessed.ok()) << guessed.status();
  EXPECT_EQ(guessed->Get({"u", "i", "t", "9.5"}, "amount"), "9.5");
}

TEST(ImportTableTest, MissingColumnsAreNamed) {
  const std::vector<std::string> header = {"who", "what"};
  EXPECT_THAT(ImportColumns::Find(header, {}, {"user"}).status().message(),
              HasSubstr("no column for the user; name it with --user. The file has: who, what"));
  EXPECT_THAT(ImportColumns::Find(header, {{"user", "whom"}}, {}).status().message(),
              HasSubstr("--user names the column \"whom\""));
  EXPECT_TRUE(ImportColumns::Find(header, {{"user", "who"}}, {"user"}).ok());
}

TEST(ImportTableTest, EqualRowsAreTwoEventsAndTheSameTwoAgain) {
  const std::vector<std::string> header = {"user", "item", "time", "amount"};
  const std::vector<std::string> row = {"u", "i", "2020-01-01", "5"};
  const auto ids = [&] {
    RowEvents events(*ImportColumns::Find(header, {}, {}), event::EventType::kPurchase, {});
    std::vector<std::string> out;
    for (int i = 0; i < 2; ++i) out.emplace_back(events.Next("u,i,2020-01-01,5", row).event_id);
    return out;
  };
  const std::vector<std::string> first = ids();
  EXPECT_NE(first[0], first[1]);
  EXPECT_EQ(first, ids());
}

TEST(ImportTableTest, RowBecomesAnEventWithConstants) {
  const std::vector<std::string> header = {"CustomerID", "StockCode", "InvoiceDate", "Quantity",
                                           "UnitPrice"};
  RowEvents events(*ImportColumns::Find(header, {}, {}), event::EventType::kPurchase,
                   {{"currency", "GBP"}, {"channel", "import"}});
  const std::vector<std::string> row = {"u-1", "85123A", "2010-12-01 08:26:00", "-6", "2.55"};
  const event::Event& event = events.Next("x", row);
  EXPECT_EQ(events.key(), "u-1");
  EXPECT_EQ(event.item_id, "85123A");
  EXPECT_EQ(event.quantity, -6);
  EXPECT_EQ(event.price, 2.55);
  EXPECT_EQ(event.currency, "GBP");
  EXPECT_EQ(event.type, event::EventType::kPurchase);
}

TEST(ImportTableTest, ItemsKeepOtherColumnsAsAttributes) {
  const std::vector<std::string> header = {"product_id", "product_type", "brand", "package_size"};
  const auto columns = ImportColumns::Find(header, {}, {"item"});
  ASSERT_TRUE(columns.ok());
  const event::Item item = RowItem(*columns, header, {"7", "BREAD", "Private", "20 OZ"});
  EXPECT_EQ(item.item_id, "7");
  EXPECT_EQ(item.title, "BREAD");
  EXPECT_EQ(item.brand, "Private");
  EXPECT_THAT(item.attributes, testing::ElementsAre(testing::Pair("package_size", "20 OZ")));
  EXPECT_EQ(GuessDelimiter("a;b;c"), ';');
}

}  // namespace
}  // namespace kindred::cli
