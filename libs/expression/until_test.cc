// Outcome::until_ms: nothing changes before it.
#include <algorithm>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "expression/program.h"
#include "expression/test_record.h"
#include "gtest/gtest.h"

namespace kindred::expression {
namespace {

Outcome At(absl::string_view source, int64_t now_ms) {
  const auto program = Compile(source, TestSchema());
  EXPECT_TRUE(program.ok()) << program.status();
  TestRecord record;
  record.now_ms = now_ms;
  return program.ok() ? program->Test(record, now_ms) : Outcome{};
}

TEST(UntilTest, ComparisonsWithNow) {
  const int64_t bought_ms = kTestNowMs - 10 * kTestDayMs;
  Outcome outcome = At("now - last_purchase > 30d", kTestNowMs);
  EXPECT_FALSE(outcome.value);
  EXPECT_EQ(outcome.until_ms, bought_ms + 30 * kTestDayMs);
  outcome = At("now - last_purchase > 30d", outcome.until_ms);  // not yet: > and not >=
  EXPECT_FALSE(outcome.value);
  EXPECT_EQ(outcome.until_ms, bought_ms + 30 * kTestDayMs + 1);
  outcome = At("now - last_purchase > 30d", outcome.until_ms);
  EXPECT_TRUE(outcome.value);
  EXPECT_EQ(outcome.until_ms, kForever);

  EXPECT_EQ(At("last_purchase > now - 30d", kTestNowMs).until_ms, bought_ms + 30 * kTestDayMs);
  EXPECT_EQ(At("purchases > 3", kTestNowMs).until_ms, kForever);
  EXPECT_EQ(At("now > date('2026-11-23')", kTestNowMs).until_ms, kTestNowMs + kTestDayMs / 2);
  // What is false already does not wait for the rest.
  EXPECT_EQ(At("purchases > 9 and now - last_purchase > 30d", kTestNowMs).until_ms, kForever);
}

TEST(UntilTest, WindowsOfTheRecord) {
  const Outcome outcome = At("views('tea', 7d) >= 2", kTestNowMs);
  EXPECT_TRUE(outcome.value);
  EXPECT_EQ(outcome.until_ms, kTestNowMs + 4 * kTestDayMs);
  EXPECT_FALSE(At("views('tea', 7d) >= 2", outcome.until_ms).value);
}

class Grower {
 public:
  explicit Grower(uint32_t seed) : random_(seed) {}
  std::string Bool(int depth) {
    if (depth > 0) {
      switch (random_() % 4) {
        case 0:
          return absl::StrCat("(", Bool(depth - 1), " and ", Bool(depth - 1), ")");
        case 1:
          return absl::StrCat("(", Bool(depth - 1), " or ", Bool(depth - 1), ")");
        case 2:
          return absl::StrCat("not ", Bool(depth - 1));
        default:
          break;
      }
    }
    const std::string order[] = {" < ", " <= ", " > ", " >= ", " == ", " != "};
    switch (random_() % 5) {
      case 0:
        return absl::StrCat(Time(), order[random_() % 6], Time());
      case 1:
        return absl::StrCat(Duration(2), order[random_() % 6], Duration(2));
      case 2:
        return absl::StrCat(Number(), order[random_() % 6], random_() % 40);
      case 3:
        return absl::StrCat(Duration(1), " between ", Duration(0), " and ", Duration(0));
      default:
        return absl::StrCat("views('tea', ", Days(), ") >= ", random_() % 4);
    }
  }

 private:
  std::string Days() { return absl::StrCat(random_() % 60, "d"); }
  std::string Time() {
    const std::string times[] = {"now", "last_purchase", "first_seen", "now - 3d",
                                 "last_purchase + gap * 1.5"};
    return times[random_() % 5];
  }
  std::string Duration(int depth) {
    if (depth > 0) {
      switch (random_() % 6) {
        case 0:
          return absl::StrCat(Duration(depth - 1), " * 0.3");
        case 1:
          return absl::StrCat("abs(", Duration(depth - 1), " - ", Duration(depth - 1), ")");
        case 2:
          return absl::StrCat("min(", Duration(depth - 1), ", ", Duration(depth - 1), ")");
        case 3:
          return absl::StrCat("max(", Duration(depth - 1), ", -", Days(), ")");
        default:
          break;
      }
    }
    return random_() % 2 == 0 ? absl::StrCat("(", Time(), " - ", Time(), ")") : Days();
  }
  std::string Number() {
    return random_() % 2 == 0 ? absl::StrCat(Duration(2), " / 1d")
                              : absl::StrCat("purchases * ", Duration(1), " / 7d - 1");
  }

  std::mt19937 random_;
};

TEST(UntilTest, NothingChangesBeforeIt) {
  TestRecord record;
  int changes = 0;
  for (uint32_t seed = 0; seed < 2'000; ++seed) {
    Grower grower(seed);
    const std::string source = grower.Bool(3);
    const auto program = Compile(source, TestSchema());
    ASSERT_TRUE(program.ok()) << source << ": " << program.status();
    std::mt19937 random(seed);
    record.now_ms = kTestNowMs;
    for (int step = 0; step < 40; ++step) {
      const int64_t now_ms = record.now_ms;
      const Outcome before = program->Test(record, now_ms);
      ASSERT_GT(before.until_ms, now_ms) << source;
      const int64_t last_ms = std::min(before.until_ms, now_ms + 200 * kTestDayMs);
      for (int probe = 0; probe < 8; ++probe) {
        // Near both ends, and anywhere between them.
        const int64_t span = last_ms - now_ms;
        record.now_ms = probe == 0   ? last_ms - 1
                        : probe == 1 ? std::min(last_ms - 1, now_ms + 1)
                                     : now_ms + static_cast<int64_t>(random() % span);
        ASSERT_EQ(program->Test(record, record.now_ms).value, before.value)
            << source << " from " << now_ms << " at " << record.now_ms << " until "
            << before.until_ms;
      }
      if (before.until_ms == kForever) break;
      record.now_ms = before.until_ms;
      changes += program->Test(record, record.now_ms).value != before.value;
    }
  }
  EXPECT_GT(changes, 500);  // or nothing was tested
}

}  // namespace
}  // namespace kindred::expression
