#include "expression/program.h"
#include "expression/test_record.h"
#include "gtest/gtest.h"

namespace kindred::expression {
namespace {

TEST(ExplainTest, EveryClauseWithWhatMadeItSo) {
  const auto program = Compile(
      "views(category: \"tea\",\n      within: 7d) >= 3 and (country == \"DE\" or has(geo.city)) "
      "and "
      "now - last_purchase between 1d and gap and not unsaid",
      TestSchema());
  ASSERT_TRUE(program.ok()) << program.status();
  const Clause clause = program->Explain(TestRecord(), kTestNowMs);
  EXPECT_FALSE(clause.value);
  ASSERT_EQ(clause.parts.size(), 4u);

  const Clause& views = clause.parts[0];
  EXPECT_EQ(views.text, "views(category: \"tea\", within: 7d) >= 3");
  EXPECT_FALSE(views.value);
  ASSERT_EQ(views.operands.size(), 1u);
  EXPECT_EQ(views.operands[0].text, "views(category: \"tea\", within: 7d)");
  EXPECT_EQ(views.operands[0].value, "2");

  const Clause& either = clause.parts[1];
  EXPECT_EQ(either.text, "(country == \"DE\" or has(geo.city))");
  EXPECT_TRUE(either.value);
  ASSERT_EQ(either.parts.size(), 2u);
  EXPECT_TRUE(either.parts[0].value);
  EXPECT_FALSE(either.parts[1].value);
  EXPECT_EQ(either.parts[1].operands[0].value, "absent");

  const Clause& range = clause.parts[2];
  EXPECT_TRUE(range.value);
  ASSERT_EQ(range.operands.size(), 3u);
  EXPECT_EQ(range.operands[1].text, "last_purchase");
  EXPECT_EQ(range.operands[2].value, "20d");

  const Clause& negation = clause.parts[3];
  EXPECT_EQ(negation.text, "not unsaid");
  EXPECT_TRUE(negation.value);
  ASSERT_EQ(negation.parts.size(), 1u);
  EXPECT_FALSE(negation.parts[0].value);
}

TEST(ExplainTest, NegatedComparisonsAreOneClause) {
  const auto program =
      Compile("country not in [\"FR\"] and trait(\"plan\") != \"x\"", TestSchema());
  ASSERT_TRUE(program.ok()) << program.status();
  const Clause clause = program->Explain(TestRecord(), kTestNowMs);
  ASSERT_EQ(clause.parts.size(), 2u);
  EXPECT_EQ(clause.parts[0].text, "country not in [\"FR\"]");
  EXPECT_TRUE(clause.parts[0].value);
  ASSERT_EQ(clause.parts[0].operands.size(), 1u);
  EXPECT_EQ(clause.parts[0].operands[0].value, "\"DE\"");
  EXPECT_EQ(clause.parts[1].operands[0].value, "\"Pro\"");
}

}  // namespace
}  // namespace kindred::expression
