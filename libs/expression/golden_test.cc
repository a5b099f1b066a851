// tests/golden/expression: what expressions are worth, and what is said of wrong ones. The values
// are written by hand. After a change of messages run this with KINDRED_UPDATE_GOLDEN=1 and look at
// the difference in wrong.txt.
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/testing/source_tree.h"
#include "expression/program.h"
#include "expression/test_record.h"
#include "gtest/gtest.h"

namespace kindred::expression {
namespace {

std::vector<std::string> Lines(absl::string_view name) {
  std::ifstream file(base::SourceTreePath(absl::StrCat("tests/golden/expression/", name)));
  std::stringstream text;
  text << file.rdbuf();
  return absl::StrSplit(text.str(), '\n', absl::SkipEmpty());
}

TEST(ExpressionGoldenTest, ValuesOfEveryOperatorAndType) {
  const TestRecord record;
  int cases = 0;
  for (const std::string& line : Lines("values.txt")) {
    if (absl::StartsWith(line, "#")) continue;
    const std::vector<std::string> parts = absl::StrSplit(line, "=> ");
    ASSERT_EQ(parts.size(), 2u) << line;
    ++cases;
    // Of all types but one, the compiler says which it is.
    bool compiled = false;
    for (const Type type :
         {Type::kBool, Type::kNumber, Type::kText, Type::kTime, Type::kDuration, Type::kTextSet}) {
      const auto program = Compile(parts[0], TestSchema(), type);
      if (!program.ok()) {
        EXPECT_TRUE(absl::StrContains(program.status().message(), "as the whole expression"))
            << program.status();
        continue;
      }
      compiled = true;
      EXPECT_EQ(program->Evaluate(record, kTestNowMs).ToString(), parts[1]) << line;
      if (type == Type::kBool) {
        EXPECT_EQ(program->Test(record, kTestNowMs).value, parts[1] == "true") << line;
        EXPECT_EQ(program->Explain(record, kTestNowMs).value, parts[1] == "true") << line;
      }
    }
    EXPECT_TRUE(compiled) << line;
  }
  EXPECT_GE(cases, 140);
}

TEST(ExpressionGoldenTest, MessagesOfWrongExpressions) {
  std::string out;
  for (const std::string& line : Lines("wrong.txt")) {
    if (absl::StartsWith(line, "    ")) continue;
    const auto program = Compile(line, TestSchema());
    EXPECT_EQ(program.status().code(), absl::StatusCode::kInvalidArgument) << line;
    absl::StrAppend(&out, line, "\n    ", program.status().message(), "\n");
  }
  const std::string path = base::SourceTreePath("tests/golden/expression/wrong.txt");
  if (std::getenv("KINDRED_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << out;
  EXPECT_EQ(absl::StrJoin(Lines("wrong.txt"), "\n") + "\n", out);
}

}  // namespace
}  // namespace kindred::expression
