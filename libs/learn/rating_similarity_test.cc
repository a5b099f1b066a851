#include "learn/rating_similarity.h"

#include <cmath>
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

}  // namespace
}  // namespace kindred::learn
