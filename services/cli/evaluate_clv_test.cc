#include <fstream>
#include <string>

#include "cli/evaluate_clv_command.h"
#include "gtest/gtest.h"

namespace kindred::cli {
namespace {

absl::StatusOr<TransactionFile> Read(const std::string& text) {
  const std::string path = testing::TempDir() + "/transactions.txt";
  std::ofstream(path) << text;
  return ReadTransactions(path);
}

TEST(ReadTransactions, EveryShapeGivesTheSame) {
  for (const char* text :
       {"CustomerID,InvoiceDate,Amount\na,1997-01-02,11.5\nb,1997-01-03,7\n",
        "date;who;customer;amount\n1997-01-02;x;a;11.5\n1997-01-03;x;b;7\n",
        "who,day,sales\r\na,1997-01-02,11.5\r\nb,1997-01-03,7\r\n",
        "user_id\tdate\tquantity\tunit_price\na\t19970102\t2\t5.75\nb\t19970103\t1\t7\n",
        " customer_id  date number_of_cds  dollar_value\r\n a 19970102  1   11.50\r\n"
        " b 19970103 3 7\r\n",
        " 0004 a 19970102 2 11.5\n 0009 b 19970103 1 7\n", "a 19970102 11.5\n\nb 19970103 7\n"}) {
    const absl::StatusOr<TransactionFile> file = Read(text);
    ASSERT_TRUE(file.ok()) << file.status() << text;
    ASSERT_EQ(file->transactions.size(), 2u) << text;
    EXPECT_EQ(file->skipped, 0u) << text;
    EXPECT_NE(file->transactions[0].customer, file->transactions[1].customer);
    EXPECT_EQ(file->transactions[0].day, 9863) << text;
    EXPECT_EQ(file->transactions[1].day, 9864);
    EXPECT_EQ(file->transactions[0].amount, 11.5);
    EXPECT_EQ(file->transactions[1].amount, 7);
  }
}

TEST(ReadTransactions, PassesOverWhatCannotBeRead) {
  const absl::StatusOr<TransactionFile> file =
      Read("a,1997-01-02,3\na,never,3\na,1997-01-02,nan\na\n,1997-01-02,3\n");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->rows, 5u);
  EXPECT_EQ(file->skipped, 4u);
  EXPECT_TRUE(absl::IsInvalidArgument(Read("one two three four\n").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Read("").status()));
}

}  // namespace
}  // namespace kindred::cli
