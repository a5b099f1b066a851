#include "base/log.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::base {
namespace {

TEST(LogTest, LineIsOneJsonObject) {
  std::vector<std::string> lines;
  SetLogSink([&lines](absl::string_view line) { lines.emplace_back(line); });
  LogWarning("store", "disk \"full\"", {{"partition", 3}, {"path", "/a\nb"}, {"free", 0.5}});
  Log(LogLevel::kDebug, "store", "not shown");
  SetLogSink(nullptr);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], testing::HasSubstr("\"level\":\"warning\",\"component\":\"store\",\"msg\":"
                                           "\"disk \\\"full\\\"\",\"partition\":3,\"path\":"
                                           "\"/a\\nb\",\"free\":0.5}"));
}

TEST(LogTest, InvalidUtf8IsReplaced) {
  EXPECT_EQ(JsonQuote("a\xff z\xc3\xa9"), "\"a\xef\xbf\xbd z\xc3\xa9\"");
}

TEST(LogTest, LimiterLetsOneThroughAndCounts) {
  LogLimiter limiter(absl::Seconds(10));
  const absl::Time start = absl::FromUnixSeconds(1000);
  EXPECT_TRUE(limiter.Allow(start));
  EXPECT_FALSE(limiter.Allow(start + absl::Seconds(1)));
  EXPECT_FALSE(limiter.Allow(start + absl::Seconds(9)));
  EXPECT_TRUE(limiter.Allow(start + absl::Seconds(10)));
  EXPECT_EQ(limiter.suppressed(), 2);
}

}  // namespace
}  // namespace kindred::base
