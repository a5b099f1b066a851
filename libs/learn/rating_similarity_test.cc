#include "learn/rating_similarity.h"

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"
#include "learn/proportion.h"

namespace kindred::learn {
namespace {

PairSums Sums(const std::vector<double>& a, const std::vector<double>& b) {
  PairSums sums;
  for (size_t i = 0; i < a.size(); ++i) sums.Add(a[i], b[i]);
  return sums;
}

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TEST(RatingSimilarityTest, PearsonOfTwoUsers) {
  EXPECT_NEAR(Pearson(Sums({4, 2, 3, 1, 5}, {3, 5, 4, 3, 2})), -0.554700, 5e-7);
}

TEST(RatingSimilarityTest, AdjustedCosineOfTwoItems) {
  const std::vector<std::vector<double>> users = {
      {4, 3, 5, 2, 1}, {3, 4, 2, 5, 3}, {2, 5, 1, 3, 4}};
  PairSums sums;
  for (const std::vector<double>& user : users) {
    sums.Add(user[0] - Mean(user), user[1] - Mean(user));
  }
  EXPECT_NEAR(Cosine(sums), -0.729924, 5e-7);
}

TEST(RatingSimilarityTest, WhatDoesNotVaryHasNoCorrelation) {
  EXPECT_TRUE(std::isnan(Pearson(Sums({3, 3, 3}, {1, 2, 3}))));
  EXPECT_TRUE(std::isnan(Pearson(Sums({3}, {1}))));
  EXPECT_TRUE(std::isnan(Cosine(Sums({0, 0}, {1, 2}))));
}

TEST(RatingSimilarityTest, APairTakenOutIsAsIfItHadNotBeen) {
  PairSums sums = Sums({4, 2, 3, 1, 5}, {3, 5, 4, 3, 2});
  sums.Add(5, 1);
  sums.Add(5, 1, -1);
  EXPECT_NEAR(Pearson(sums), -0.554700, 5e-7);
}

// scipy.stats.binomtest(k, n).proportion_ci(method="wilson")
TEST(ProportionTest, Wilson) {
  const Interval some = WilsonInterval(20, 100);
  EXPECT_NEAR(some.low, 0.133367, 1e-6);
  EXPECT_NEAR(some.high, 0.288829, 1e-6);
  const Interval none = WilsonInterval(0, 10);
  EXPECT_NEAR(none.low, 0, 1e-12);
  EXPECT_NEAR(none.high, 0.277533, 1e-6);
  EXPECT_EQ(WilsonInterval(0, 0).high, 1);
  EXPECT_NEAR(WilsonInterval(5, 4).high, 1, 1e-12);
}

// The interval of 95 % holds the true share 95 times of 100, also where the share is small.
TEST(ProportionTest, HoldsTheTruthAsOftenAsItSays) {
  uint64_t state = 20261126;
  const auto uniform = [&state] {
    state = state * 6364136223846793005 + 1442695040888963407;
    return static_cast<double>(state >> 11) * 0x1p-53;
  };
  for (const double share : {0.02, 0.06, 0.09, 0.5}) {
    int held = 0;
    for (int round = 0; round < 2000; ++round) {
      int successes = 0;
      for (int trial = 0; trial < 1000; ++trial) successes += uniform() < share ? 1 : 0;
      const Interval interval = WilsonInterval(successes, 1000);
      held += interval.low <= share && share <= interval.high ? 1 : 0;
    }
    EXPECT_NEAR(held / 2000.0, 0.95, 0.02) << share;
  }
}

}  // namespace
}  // namespace kindred::learn
