#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "expression/program.h"
#include "expression/test_record.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::expression {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string ErrorOf(absl::string_view source, const Origin& origin = {}) {
  return std::string(Compile(source, TestSchema(), Type::kBool, origin).status().message());
}

TEST(CompileTest, PositionsAreLinesAndCharacters) {
  EXPECT_THAT(ErrorOf("consent and\n  purchse > 3"), HasSubstr("2:3: unknown field \"purchse\""));
  EXPECT_THAT(ErrorOf("country == \"中文\" and x"), HasSubstr("1:21: "));
  EXPECT_THAT(ErrorOf("consent and\nx", Origin{"rules.yaml", 12, 7, 5}),
              HasSubstr("rules.yaml:13:5: unknown field"));
  EXPECT_THAT(ErrorOf("x", Origin{"rules.yaml", 12, 7, 5}), HasSubstr("rules.yaml:12:7: "));
  EXPECT_THAT(ErrorOf("consent and"), HasSubstr("1:12: expected a field"));
}

TEST(CompileTest, NearNamesAreSuggested) {
  EXPECT_THAT(ErrorOf("contry == \"DE\""), HasSubstr("did you mean \"country\"?"));
  EXPECT_THAT(ErrorOf("Country == \"DE\""), HasSubstr("did you mean \"country\"?"));
  EXPECT_THAT(ErrorOf("vews() > 1"), HasSubstr("did you mean \"views\"?"));
  EXPECT_THAT(ErrorOf("views(witin: 7d) > 1"), HasSubstr("did you mean \"within\"?"));
  EXPECT_THAT(ErrorOf("zzzzzz"), Not(HasSubstr("did you mean")));
}

TEST(CompileTest, BoundsAreErrors) {
  const auto nested = [](int depth) {
    return std::string(depth, '(') + "consent" + std::string(depth, ')');
  };
  EXPECT_TRUE(Compile(nested(kMaxDepth - 1), TestSchema()).ok());
  EXPECT_THAT(ErrorOf(nested(kMaxDepth)), HasSubstr("nested too deep"));
  EXPECT_THAT(ErrorOf(nested(5'000)), HasSubstr("nested too deep"));
  EXPECT_THAT(ErrorOf(std::string(4'000, '-')), HasSubstr("nested too deep"));
  EXPECT_THAT(ErrorOf(std::string(kMaxSourceBytes + 1, ' ')), HasSubstr("bytes, at most"));
  std::string nots = "consent";
  for (int i = 0; i < 100; ++i) nots = "not " + nots;
  EXPECT_THAT(ErrorOf(nots), HasSubstr("nested too deep"));

  std::string chain = "consent";
  while (chain.size() + 10 < kMaxSourceBytes) chain += " or unsaid";
  EXPECT_THAT(ErrorOf(chain), HasSubstr("the expression is too long"));
  std::string longest = "refused";
  for (int i = 0; i < 990; ++i) longest += " or unsaid";
  const auto program = Compile(longest, TestSchema());
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_FALSE(program->Test(TestRecord(), kTestNowMs).value);
  EXPECT_EQ(program->Explain(TestRecord(), kTestNowMs).parts.size(), 991u);

  std::string list = "purchases in [0";
  for (size_t i = 1; i < kMaxListEntries; ++i) absl::StrAppend(&list, ",", i);
  EXPECT_TRUE(Compile(list + "]", TestSchema()).ok());
  EXPECT_THAT(ErrorOf(list + ",1]"), HasSubstr("a list has at most"));
}

TEST(CompileTest, ProgramSaysWhatItSpeaksOf) {
  const auto program = Compile(
      "views('tea', 7d) > 1 and purchases > 1 and views(within: 7d, category: \"tea\") < 9 and "
      "purchases < 9 and views('coffee') == 0",
      TestSchema());
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_THAT(program->fields(), ElementsAre(kTestPurchases));
  ASSERT_EQ(program->calls().size(), 2u);  // the same call twice is one
  EXPECT_EQ(program->calls()[1].index, 1);
  EXPECT_EQ(program->calls()[1].arguments[0].text(), "coffee");
  EXPECT_FALSE(program->calls()[1].arguments[1].present);
  EXPECT_FALSE(program->uses_now());
  EXPECT_TRUE(Compile("now > last_purchase", TestSchema())->uses_now());
}

TEST(CompileTest, TheDefaultProgramIsFalse) {
  EXPECT_FALSE(Program().Test(TestRecord(), 0).value);
  EXPECT_EQ(Program().source(), "false");
}

TEST(CompileTest, ARecordThatBreaksItsWordGivesNothing) {
  class Liar : public Record {
    Value Field(int) const override { return Value::Text("text"); }
    Value Call(const CallSite&) const override { return Value::Number(1); }
  };
  EXPECT_FALSE(Compile("purchases > 0", TestSchema())->Test(Liar(), 0).value);
  EXPECT_FALSE(Compile("has(trait('x'))", TestSchema())->Test(Liar(), 0).value);
}

TEST(CompileTest, SchemaDescribesItself) {
  const std::string text = TestSchema().Describe();
  EXPECT_THAT(text, HasSubstr("geo.city  text  Last city."));
  EXPECT_THAT(text, HasSubstr("trait(name: text)  text  A trait as text"));
  EXPECT_THAT(text, HasSubstr("within: duration?"));
}

// Takes expressions apart and puts them together wrongly.
class Spoiler {
 public:
  std::string Next() {
    std::string text = kSources[random_() % std::size(kSources)];
    for (int changes = 1 + random_() % 3; changes > 0; --changes) Change(&text);
    return text;
  }

 private:
  void Change(std::string* text) {
    const size_t at = text->empty() ? 0 : random_() % text->size();
    switch (random_() % 5) {
      case 0:
        text->erase(at, 1 + random_() % 4);
        return;
      case 1:
        text->insert(at, 1, static_cast<char>(random_() % 256));
        return;
      case 2:
        text->insert(at, kPieces[random_() % std::size(kPieces)]);
        return;
      case 3:
        text->resize(at);
        return;
      default:
        text->insert(at, text->substr(random_() % (text->size() + 1), 12));
    }
  }

  static constexpr const char* kSources[] = {
      "country in ['DE', 'AT'] and purchases >= 3",
      "views(category: \"tea\", within: 7d) >= 3 and not consent",
      "now - last_purchase > 30d or has(geo.city)",
      "purchases between 1 and 3 and \"tea\" in tags\n  and lower(trait(\"plan\")) == 'pro'",
      "spend / max(purchases, 1) * 2 > -3.5e2 and last_purchase < date('2026-01-01')"};
  static constexpr const char* kPieces[] = {"(",   ")",  " and ", " not ", "[", "]",  ",",  "\"",
                                            "now", "7d", "99",    "==",    "-", "in", "\\", "\xff"};
  std::mt19937 random_{7};
};

TEST(CompileTest, AThousandMalformedInputsGiveErrorsWithPositions) {
  Spoiler spoiler;
  const TestRecord record;
  int wrong = 0;
  for (int tries = 0; wrong < 1'000; ++tries) {
    ASSERT_LT(tries, 10'000);
    const std::string source = spoiler.Next();
    const auto program = Compile(source, TestSchema());
    if (program.ok()) {
      program->Explain(record, kTestNowMs);
      continue;
    }
    ++wrong;
    EXPECT_EQ(program.status().code(), absl::StatusCode::kInvalidArgument);
    const std::vector<std::string> parts =
        absl::StrSplit(program.status().message(), absl::MaxSplits(':', 2));
    ASSERT_EQ(parts.size(), 3u) << program.status();
    const std::vector<std::string> lines = absl::StrSplit(source, '\n');
    int line = 0;
    int column = 0;
    ASSERT_TRUE(absl::SimpleAtoi(parts[0], &line) && absl::SimpleAtoi(parts[1], &column));
    ASSERT_TRUE(line >= 1 && line <= static_cast<int>(lines.size())) << program.status();
    EXPECT_TRUE(column >= 1 && column <= static_cast<int>(lines[line - 1].size()) + 1) << source;
    EXPECT_GT(parts[2].size(), 10u);
  }
}

}  // namespace
}  // namespace kindred::expression
