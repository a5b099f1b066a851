#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "learn/covariance.h"
#include "learn/ftrl.h"
#include "learn/linear_regression.h"
#include "learn/pca.h"
#include "learn/random.h"

namespace kindred::learn {
namespace {

TEST(LinearRegression, IsExactOnALine) {
  LinearRegression regression(1);
  for (double x : {1.0, 2.0, 3.0}) regression.Add({x}, 2 * x);
  const LinearModel model = regression.Solve();
  EXPECT_NEAR(model.coefficients[0], 2.0, 1e-9);
  EXPECT_NEAR(model.intercept, 0.0, 1e-9);
  EXPECT_NEAR(model.r_squared, 1.0, 1e-9);
  EXPECT_NEAR(model.residual_variance, 0.0, 1e-9);
  EXPECT_NEAR(model.Predict({10.0}), 20.0, 1e-9);
}

TEST(LinearRegression, FindsAPlaneInNoiseWhateverTheUnits) {
  Random random(1);
  LinearRegression all(3);
  LinearRegression halves[2] = {LinearRegression(3), LinearRegression(3)};
  for (int i = 0; i < 20000; ++i) {
    const double x[] = {1e6 + 1e3 * random.Normal(), 1e-4 * random.Normal(), random.Normal()};
    const double y = 5 + 2e-3 * x[0] - 3e4 * x[1] + 0.5 * random.Normal();
    all.Add(x, y);
    halves[i % 2].Add(x, y);
  }
  halves[0].Merge(halves[1]);
  for (const LinearModel& model : {all.Solve(), halves[0].Solve()}) {
    EXPECT_NEAR(model.coefficients[0], 2e-3, 1e-5);
    EXPECT_NEAR(model.coefficients[1], -3e4, 3e2);
    EXPECT_NEAR(model.coefficients[2], 0.0, 0.02);
    EXPECT_NEAR(model.residual_variance, 0.25, 0.01);
    EXPECT_NEAR(model.r_squared, 13.0 / 13.25, 0.002);
  }
}

TEST(LinearRegression, TakesDependentDimensionsAndFewObservations) {
  LinearRegression regression(3);
  EXPECT_EQ(regression.Solve().Predict({1, 2, 3}), 0.0);
  regression.Add({1, 1, 7}, 4);
  EXPECT_NEAR(regression.Solve().Predict({5, 5, 7}), 4.0, 1e-9);
  regression.Add({2, 2, 7}, 6);
  regression.Add({4, 4, 7}, 10);
  const LinearModel model = regression.Solve();
  EXPECT_NEAR(model.coefficients[0], 1.0, 1e-9);
  EXPECT_NEAR(model.coefficients[1], 1.0, 1e-9);
  EXPECT_NEAR(model.Predict({3, 3, 7}), 8.0, 1e-9);
  EXPECT_FALSE(regression.Add({1, 1, 1}, std::numeric_limits<double>::quiet_NaN()));
}

TEST(LinearRegression, RidgeShrinksAndForgettingFollows) {
  LinearRegression regression(1);
  for (double x : {-1.0, 1.0}) regression.Add({x}, 2 * x);
  EXPECT_NEAR(regression.Solve(1.0).coefficients[0], 1.0, 1e-12);
  for (int i = 0; i < 400; ++i) {
    regression.Forget(0.95);
    const double x = i % 2 == 0 ? 1.0 : -1.0;
    regression.Add({x}, -3 * x);
  }
  EXPECT_NEAR(regression.Solve().coefficients[0], -3.0, 1e-6);
}

TEST(LinearRegression, BytesComeBackAndBadBytesAreRefused) {
  LinearRegression regression(2);
  regression.Add({1, 2}, 3);
  regression.Add({2, 1}, 5);
  std::string bytes;
  regression.Append(&bytes);
  const auto parsed = LinearRegression::Parse(bytes, 2);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->Solve().coefficients, regression.Solve().coefficients);
  EXPECT_FALSE(LinearRegression::Parse(bytes, 3).ok());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(LinearRegression::Parse(bytes.substr(0, size), 2).ok());
  }
}

TEST(Ftrl, FollowsTheAlgorithmByHand) {
  // First example: all weights 0, p = 1/2, g = -1/2 x; n = g², z = g, w = -z / ((b + |g|) / a +
  // l2).
  Ftrl ftrl(1, {.alpha = 0.5, .beta = 1.0, .l1 = 0.0, .l2 = 0.5});
  EXPECT_DOUBLE_EQ(ftrl.Learn({2.0}, true), 0.5);
  EXPECT_DOUBLE_EQ(ftrl.Weight(0), 1.0 / ((1.0 + 1.0) / 0.5 + 0.5));
  EXPECT_DOUBLE_EQ(ftrl.Bias(), 0.5 / ((1.0 + 0.5) / 0.5));
  EXPECT_EQ(ftrl.count(), 1u);
}

TEST(Ftrl, RecoversTheModelThatMadeTheOutcomesAndIsCalibrated) {
  Random random(2);
  Ftrl ftrl(3, {.alpha = 0.1, .l1 = 0.0, .l2 = 0.0});
  double predicted[10] = {};
  double happened[10] = {};
  double cases[10] = {};
  for (int i = 0; i < 60000; ++i) {
    const double x[] = {random.Normal(), random.Normal(), random.Normal()};
    const double p = 1 / (1 + std::exp(-(-1 + 1.5 * x[0] - 0.8 * x[1])));
    const bool positive = random.Uniform() < p;
    const double before = ftrl.Learn(x, positive);
    if (i < 20000) continue;
    const int decile = std::min(9, static_cast<int>(before * 10));
    predicted[decile] += before;
    happened[decile] += positive ? 1 : 0;
    cases[decile] += 1;
  }
  EXPECT_NEAR(ftrl.Weight(0), 1.5, 0.1);
  EXPECT_NEAR(ftrl.Weight(1), -0.8, 0.1);
  EXPECT_NEAR(ftrl.Weight(2), 0.0, 0.1);
  EXPECT_NEAR(ftrl.Bias(), -1.0, 0.1);
  for (int d = 0; d < 10; ++d) {
    ASSERT_GT(cases[d], 100);
    EXPECT_NEAR(predicted[d] / cases[d], happened[d] / cases[d], 0.04);
  }
}

TEST(Ftrl, L1MakesUselessWeightsExactlyZero) {
  Random random(3);
  Ftrl ftrl(20, {.alpha = 0.1, .l1 = 60.0, .l2 = 1.0});
  std::vector<double> x(20);
  for (int i = 0; i < 5000; ++i) {
    for (double& value : x) value = random.Normal();
    ftrl.Learn(x, random.Uniform() < 1 / (1 + std::exp(-2 * x[0])));
  }
  EXPECT_GT(ftrl.Weight(0), 0.5);
  int zeros = 0;
  for (size_t d = 1; d < 20; ++d) zeros += ftrl.Weight(d) == 0.0;
  EXPECT_GE(zeros, 17);
}

TEST(Ftrl, HostileValuesDoNoHarmAndBytesComeBack) {
  Ftrl ftrl(2, {});
  ftrl.Learn({std::numeric_limits<double>::infinity(), 1e200}, true);
  ftrl.Learn({1e300, 1e308}, false);
  EXPECT_TRUE(std::isfinite(ftrl.Predict({1, 1})));
  std::string bytes;
  ftrl.Append(&bytes);
  const auto parsed = Ftrl::Parse(bytes, 2, {});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->Predict({0.3, -1}), ftrl.Predict({0.3, -1}));
  EXPECT_FALSE(Ftrl::Parse(bytes, 1, {}).ok());
  EXPECT_FALSE(Ftrl::Parse(bytes + "x", 2, {}).ok());
  EXPECT_FALSE(Ftrl::Parse("", 2, {}).ok());
}

TEST(Covariance, MergeEqualsAddingAll) {
  Random random(4);
  Covariance all(2);
  Covariance halves[2] = {Covariance(2), Covariance(2)};
  for (int i = 0; i < 1000; ++i) {
    const double a = random.Normal();
    const double x[] = {1e5 + a, 2 * a + random.Normal()};
    all.Add(x, 1 + i % 3);
    halves[i % 2].Add(x, 1 + i % 3);
  }
  halves[0].Merge(halves[1]);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(all.Mean(i), halves[0].Mean(i), 1e-9);
    for (size_t j = 0; j < 2; ++j) EXPECT_NEAR(all.At(i, j), halves[0].At(i, j), 1e-9);
  }
  EXPECT_NEAR(all.At(0, 1), 2.0, 0.3);
}

TEST(Pca, FindsTheAxesOfAnEllipse) {
  Random random(5);
  Covariance covariance(2);
  for (int i = 0; i < 50000; ++i) {
    const double along = 3 * random.Normal();
    const double across = random.Normal();
    covariance.Add({10 + 0.6 * along - 0.8 * across, 0.8 * along + 0.6 * across});
  }
  const PrincipalComponents pca = Pca(covariance, 5);
  ASSERT_EQ(pca.directions.rows(), 2u);
  EXPECT_NEAR(pca.variance[0], 9.0, 0.2);
  EXPECT_NEAR(pca.variance[1], 1.0, 0.05);
  EXPECT_NEAR(pca.total_variance, 10.0, 0.2);
  EXPECT_NEAR(pca.directions(0, 0), 0.6, 0.02);
  EXPECT_NEAR(pca.directions(0, 1), 0.8, 0.02);
  const std::vector<double> at = pca.Project({10 + 0.6, 0.8});
  EXPECT_NEAR(at[0], 1.0, 0.05);
  EXPECT_NEAR(at[1], 0.0, 0.05);
}

}  // namespace
}  // namespace kindred::learn
