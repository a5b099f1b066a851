#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "learn/decayed_sum.h"
#include "learn/forward_decay.h"
#include "learn/random.h"

namespace kindred::learn {
namespace {

constexpr int64_t kDay = ForwardDecay::kDayMs;
constexpr int64_t kNow = 1'800'000'000'000;

TEST(ForwardDecay, HalvesWithEveryHalfLife) {
  const ForwardDecay decay(30 * kDay);
  const double sum = 3.0 * decay.Weight(kNow);
  EXPECT_NEAR(decay.ValueAt(sum, kNow), 3.0, 1e-12);
  EXPECT_NEAR(decay.ValueAt(sum, kNow + 30 * kDay), 1.5, 1e-12);
  EXPECT_NEAR(decay.ValueAt(sum, kNow + 90 * kDay), 0.375, 1e-12);
}

TEST(ForwardDecay, DoesNotDependOnTheOrderOfArrivalAndMergesByAdding) {
  const ForwardDecay decay(14 * kDay);
  Random random(7);
  std::vector<int64_t> times;
  for (int i = 0; i < 200; ++i)
    times.push_back(kNow - static_cast<int64_t>(random.Below(400)) * kDay);
  double forwards = 0;
  for (int64_t t : times) forwards += decay.Weight(t);
  double first = 0;
  double second = 0;
  for (size_t i = times.size(); i-- > 0;) (i % 3 == 0 ? first : second) += decay.Weight(times[i]);
  double direct = 0;
  for (int64_t t : times) direct += std::exp2(-static_cast<double>(kNow - t) / (14.0 * kDay));
  EXPECT_NEAR(decay.ValueAt(forwards, kNow), direct, 1e-9);
  EXPECT_NEAR(decay.ValueAt(first + second, kNow), direct, 1e-9);
}

TEST(ForwardDecay, StaysFiniteAndAboveZeroForEveryTime) {
  const ForwardDecay decay(ForwardDecay::kMinHalfLifeMs);
  for (int64_t t :
       {std::numeric_limits<int64_t>::min(), int64_t{0}, ForwardDecay::kEpochMs,
        ForwardDecay::kEpochMs + 35 * 365 * kDay, std::numeric_limits<int64_t>::max()}) {
    EXPECT_GT(decay.Weight(t), 0.0);
    EXPECT_TRUE(std::isnormal(1e30 * decay.Weight(t)));
    EXPECT_NEAR(decay.ValueAt(1e30 * decay.Weight(t), t), 1e30, 1e18);
    EXPECT_TRUE(std::isfinite(decay.ValueAt(1e30 * decay.Weight(t), 0)));
  }
}

TEST(DecayedSum, HalvesWithEveryHalfLife) {
  DecayedSum sum;
  EXPECT_EQ(sum.ValueAt(kNow, 1000), 0.0);
  sum.Add(8.0, kNow, 1000);
  sum.Add(1.0, kNow + 2000, 1000);
  EXPECT_DOUBLE_EQ(sum.ValueAt(kNow + 2000, 1000), 3.0);
  EXPECT_DOUBLE_EQ(sum.ValueAt(kNow + 3000, 1000), 1.5);
}

TEST(DecayedSum, DoesNotDependOnTheOrderOfArrivalAndMerges) {
  constexpr int64_t kHalfLife = 3'600'000;
  Random random(3);
  std::vector<int64_t> times;
  for (int i = 0; i < 100; ++i)
    times.push_back(kNow + static_cast<int64_t>(random.Below(36'000'000)));
  DecayedSum shuffled;
  for (int64_t t : times) shuffled.Add(1.0, t, kHalfLife);
  DecayedSum halves[2];
  std::sort(times.begin(), times.end());
  for (size_t i = 0; i < times.size(); ++i) halves[i % 2].Add(1.0, times[i], kHalfLife);
  DecayedSum merged = halves[0];
  merged.Merge(halves[1], kHalfLife);
  merged.Merge(DecayedSum(), kHalfLife);
  EXPECT_EQ(merged.time_ms, shuffled.time_ms);
  EXPECT_NEAR(merged.value, shuffled.value, 1e-9);
}

TEST(DecayedSum, SurvivesTheEndsOfTime) {
  DecayedSum sum;
  sum.Add(1.0, std::numeric_limits<int64_t>::max(), 1000);
  sum.Add(1.0, std::numeric_limits<int64_t>::min() + 1, 1000);
  EXPECT_EQ(sum.value, 1.0);
}

}  // namespace
}  // namespace kindred::learn
