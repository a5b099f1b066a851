#include "series/unusual_hour.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "learn/random.h"

namespace kindred::series {
namespace {

// Days of events: few at night, many at noon, with the randomness that counts have.
std::vector<double> Hours(size_t n, double level, uint64_t seed) {
  learn::Random random(seed);
  std::vector<double> hours;
  for (size_t i = 0; i < n; ++i) {
    const double wave = 1 - std::cos(2 * std::numbers::pi * static_cast<double>(i % 24) / 24);
    const double mean = level * (0.1 + wave);
    hours.push_back(std::max(0.0, std::round(mean + std::sqrt(mean) * random.Normal())));
  }
  return hours;
}

TEST(UnusualHour, OrdinaryHoursAreOrdinary) {
  int unusual = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const std::vector<double> hours = Hours(200 + seed, seed % 2 == 0 ? 500 : 3, seed);
    unusual += std::abs(JudgeLastHour(hours, true).score) > kUnusualScore;
  }
  EXPECT_LE(unusual, 1);
}

TEST(UnusualHour, AnOutageAndARushAreUnusual) {
  std::vector<double> hours = Hours(12 * 24 + 13, 500, 7);  // ends with the hour of noon
  HourJudgement judged = JudgeLastHour(hours, true);
  EXPECT_LT(std::abs(judged.score), kUnusualScore);
  EXPECT_NEAR(judged.expected, judged.actual, 150);
  hours.back() = 0;
  judged = JudgeLastHour(hours, true);
  EXPECT_LT(judged.score, -kUnusualScore);
  EXPECT_EQ(judged.actual, 0);
  hours.back() = 5000;
  EXPECT_GT(JudgeLastHour(hours, true).score, kUnusualScore);
}

TEST(UnusualHour, ChanceAmongFewIsNotUnusual) {
  // A quiet shop: nothing for a week, then three events.
  std::vector<double> hours(24 * 8, 0.0);
  hours.back() = 3;
  EXPECT_LE(JudgeLastHour(hours, true).score, 3);
  EXPECT_GT(JudgeLastHour(hours, false).score, kUnusualScore) << "amounts have no such floor";
}

TEST(UnusualHour, NeedsThreeDays) {
  EXPECT_EQ(JudgeLastHour({}, true).score, 0);
  std::vector<double> hours(kHoursToJudge, 5.0);
  hours.back() = 1e9;
  EXPECT_EQ(JudgeLastHour(hours, true).score, 0);
  hours.insert(hours.begin(), 5.0);
  EXPECT_GT(JudgeLastHour(hours, true).score, kUnusualScore);
}

}  // namespace
}  // namespace kindred::series
