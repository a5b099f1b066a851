#include "event/event_time.h"

#include "gtest/gtest.h"

namespace kindred::event {
namespace {

TEST(EventTimeTest, ReadsWhatProducersWrite) {
  constexpr int64_t kTen = 1795341600000;  // 2026-11-22T10:00:00Z
  const std::pair<const char*, int64_t> cases[] = {
      {"2026-11-22T10:00:00Z", kTen},
      {"2026-11-22t10:00:00z", kTen},
      {"2026-11-22 10:00:00", kTen},
      {"2026-11-22T10:00Z", kTen},
      {"2026-11-22T11:30:00+01:30", kTen},
      {"2026-11-22T05:00:00-0500", kTen},
      {"2026-11-22T10:00:00.2Z", kTen + 200},
      {"2026-11-22T10:00:00.250Z", kTen + 250},
      {"2026-11-22T10:00:00.250999999Z", kTen + 250},
      {"2026-11-22T10:00:60Z", kTen + 60'000},
      {"2026-11-22", kTen - 36'000'000},
      {"1970-01-01T00:00:00Z", 0},
      {"9999-12-31T23:59:59.999Z", 253402300799999},
      {"0000-01-01T00:00:00Z", -62167219200000},
      {"2024-02-29T00:00:00Z", 1709164800000},
      {"1795341600000", kTen},
      {"-5", -5},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(ParseTime(text), expected) << text;
  }
}

TEST(EventTimeTest, RefusesEverythingElse) {
  for (const char* text :
       {"", "now", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-11-22T24:00:00Z",
        "2026-11-22T10:60:00Z", "2026-11-22T10:00:61Z", "2026-11-22T10:00:00.Z",
        "2026-11-22T10:00:00Zx", "2026-11-22T10:00:00+", "2026-11-22T10:00:00+24:00", "2026-11-22T",
        "2026-11-2 10:00:00", "26-11-22T10:00:00Z", "99999999999999999999", "1795341600000.5",
        " 2026-11-22T10:00:00Z"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
}

TEST(EventTimeTest, FormatsWhatItReads) {
  for (const int64_t time_ms : {int64_t{0}, int64_t{1795341600250}, int64_t{-1},
                                int64_t{253402300799999}, int64_t{-62167219200000}}) {
    EXPECT_EQ(ParseTime(FormatTime(time_ms)), time_ms) << FormatTime(time_ms);
  }
  EXPECT_EQ(FormatTime(1795341600000), "2026-11-22T10:00:00Z");
  EXPECT_EQ(FormatTime(INT64_MAX), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(FormatTime(INT64_MIN), "0000-01-01T00:00:00Z");
}

}  // namespace
}  // namespace kindred::event
