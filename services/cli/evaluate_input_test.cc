#include "cli/evaluate_input.h"

#include <zlib.h>

#include <cstdio>
#include <string>
#include <vector>

#include "cli/text_lines.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string WriteFile(const std::string& name, const std::string& text, bool gzip = false) {
  const std::string path = ::testing::TempDir() + "/" + name;
  gzFile file = gzopen(path.c_str(), gzip ? "wb" : "wbT");  // T: as it is
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  return path;
}

TEST(SplitDelimitedTest, QuotesHoldDelimiters) {
  std::vector<std::string> fields;
  SplitDelimited(R"(a,"b,""c""",,d)", ',', &fields);
  EXPECT_THAT(fields, ElementsAre("a", "b,\"c\"", "", "d"));
  SplitDelimited("", ',', &fields);
  EXPECT_THAT(fields, ElementsAre(""));
  SplitDelimited("\"open,", ',', &fields);
  EXPECT_THAT(fields, ElementsAre("open,"));
}

TEST(ReadSessionsTest, PlainAndGzipAreTheSame) {
  for (bool gzip : {false, true}) {
    InputNames names;
    const auto sessions = ReadSessions(WriteFile("train", "10 20 10\n\n30\r\n", gzip), &names);
    ASSERT_TRUE(sessions.ok()) << sessions.status();
    EXPECT_THAT(*sessions, ElementsAre(ElementsAre(1, 2, 1), ElementsAre(3)));
    const auto queries = ReadPrefixTargets(WriteFile("test", "10 30\t20\n30\t99", gzip), &names);
    ASSERT_TRUE(queries.ok()) << queries.status();
    ASSERT_THAT(*queries, SizeIs(2));
    EXPECT_THAT((*queries)[0].prefix, ElementsAre(1, 3));
    EXPECT_EQ((*queries)[0].target, 2u);
    EXPECT_EQ((*queries)[1].target, 4u);
  }
}

TEST(ReadSessionsTest, FaultsNameFileAndLine) {
  InputNames names;
  EXPECT_EQ(ReadSessions("/no/such/file", &names).status().code(), absl::StatusCode::kNotFound);
  const auto queries = ReadPrefixTargets(WriteFile("bad", "1 2\t3\n4 5\n"), &names);
  EXPECT_EQ(queries.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(queries.status().message()), HasSubstr("bad:2"));
}

TEST(ReadEventLogTest, ColumnsAreGuessed) {
  InputNames names;
  const auto clicks = ReadEventLog(
      {WriteFile("clicks", "SessionId\tItemId\tTime\n7\ta\t1396860669.277\n7\tb\t1396860600\n")},
      &names);
  ASSERT_TRUE(clicks.ok()) << clicks.status();
  ASSERT_THAT(clicks->events, SizeIs(2));
  EXPECT_EQ(clicks->events[0].touch.time_ms, 1396860600000) << "in order of time";
  EXPECT_EQ(clicks->events[1].touch.time_ms, 1396860669277);
  EXPECT_EQ(clicks->events[0].touch.kind, recommend::Interaction::kView);

  const auto invoices =
      ReadEventLog({WriteFile("invoices",
                              "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
                              "1,tea,6,2010-12-01 08:26:00,2.55,17850\n"
                              "1,tea,0,2010-12-01 08:26:00,2.55,17850\n"
                              "C2,tea,-6,2010-12-02 08:26:00,2.55,17850\n"
                              "3,tea,1,2010-12-03 08:26:00,0,17850\n"
                              "4,tea,1,2010-12-03 08:26:00,1,\n")},
                   &names);
  ASSERT_TRUE(invoices.ok()) << invoices.status();
  ASSERT_THAT(invoices->events, SizeIs(1));
  EXPECT_EQ(invoices->rows, 5u);
  EXPECT_EQ(invoices->skipped, 4u);
  EXPECT_EQ(invoices->events[0].touch.kind, recommend::Interaction::kPurchase);
  EXPECT_NE(invoices->events[0].order, 0u);
  EXPECT_EQ(invoices->events[0].touch.time_ms, 1291191960000);

  const auto nothing = ReadEventLog({WriteFile("odd", "colour;shape\nred;round\n")}, &names);
  EXPECT_THAT(std::string(nothing.status().message()), HasSubstr("no column for the customer"));
}

TEST(ReadEventLogTest, JsonLinesAreTheNodesEvents) {
  InputNames names;
  const auto log = ReadEventLog(
      {WriteFile(
          "log.jsonl",
          R"({"event_id":"e1","user_id":"u","type":"purchase","event_time":"2026-01-01T10:00:00Z","item_id":"i","order_id":"o","quantity":1,"price":2,"currency":"EUR"})"
          "\n{broken\n"
          R"({"event_id":"e2","user_id":"u","type":"view","event_time":"2026-01-01T09:00:00Z","item_id":"j"})"
          "\n")},
      &names);
  ASSERT_TRUE(log.ok()) << log.status();
  ASSERT_THAT(log->events, SizeIs(2));
  EXPECT_EQ(log->skipped, 1u);
  EXPECT_EQ(log->events[0].touch.kind, recommend::Interaction::kView);
  EXPECT_EQ(log->events[1].touch.kind, recommend::Interaction::kPurchase);
}

}  // namespace
}  // namespace kindred::cli
