#include "event/event_time.h"

#include <chrono>
#include <string>

#include "absl/strings/str_cat.h"
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

// What the quick way for the usual spelling makes of it, and what the way for all others does.
std::optional<int64_t> InOtherSpelling(absl::string_view text) {
  return ParseTime(absl::StrCat(text.substr(0, text.size() - 1), "+00:00"));
}

TEST(EventTimeTest, EveryDateAndNoOther) {
  std::string text = "0000-00-00T01:02:03Z";
  const auto write = [&text](size_t at, int number) {
    text[at] = static_cast<char>('0' + number / 10);
    text[at + 1] = static_cast<char>('0' + number % 10);
  };
  constexpr int64_t kClock = 3'723'000;
  // All of 400 years, which then repeat, and every month's ends of all others.
  for (int year = 0; year < 10'000; ++year) {
    write(0, year / 100);
    write(2, year % 100);
    const bool all = year >= 1800 && year < 2200;
    for (int month = 0; month < 100; month += month < 13 ? 1 : 43) {
      write(5, month);
      for (int day = 0; day < 100; day += all || day == 0 || (day >= 27 && day < 32) ? 1 : 26) {
        write(8, day);
        const std::chrono::year_month_day date{std::chrono::year(year),
                                               std::chrono::month(static_cast<unsigned>(month)),
                                               std::chrono::day(static_cast<unsigned>(day))};
        std::optional<int64_t> expected;
        if (date.ok()) {
          expected = std::chrono::sys_days(date).time_since_epoch().count() * 86'400'000 + kClock;
        }
        ASSERT_EQ(ParseTime(text), expected) << text;
      }
    }
  }
}

TEST(EventTimeTest, EveryByteAtEveryPlace) {
  for (const char* const usual :
       {"2026-11-22T10:00:00Z", "2026-11-22T10:00:00.250Z", "2024-02-29T23:59:60.999Z"}) {
    std::string text = usual;
    ASSERT_EQ(ParseTime(text), InOtherSpelling(text)) << text;
    for (size_t at = 0; at + 1 < text.size(); ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        text[at] = static_cast<char>(byte);
        EXPECT_EQ(ParseTime(text), InOtherSpelling(text)) << text;
      }
      text[at] = usual[at];
    }
    for (int byte = 0; byte < 256; ++byte) {
      text.back() = static_cast<char>(byte);
      // A fourth digit of the fraction, and no zone.
      const bool digit = text.size() == 24 && byte >= '0' && byte <= '9';
      EXPECT_EQ(ParseTime(text),
                byte == 'Z' || byte == 'z' || digit ? ParseTime(usual) : std::nullopt)
          << text;
    }
  }
}

TEST(EventTimeTest, EveryTimeOfDay) {
  for (int ms = 0; ms < 86'400'000; ms += 7'919) {
    const std::string text = FormatTime(1795305600000 + ms);
    ASSERT_EQ(ParseTime(text), 1795305600000 + ms) << text;
  }
  for (const char* const clock : {"24:00:00", "23:60:00", "23:59:61", "99:99:99"}) {
    for (const char* const end : {"Z", ".000Z"}) {
      const std::string text = absl::StrCat("2026-11-22T", clock, end);
      EXPECT_EQ(ParseTime(text), std::nullopt) << text;
    }
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
