#include "learn/moments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "learn/random.h"

namespace kindred::learn {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

TEST(Moments, AgreesWithTheDefinitionByHand) {
  Moments moments(2);
  for (double x : {2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) moments.Add({x, 3.0});
  EXPECT_DOUBLE_EQ(moments.Mean(0), 5.0);
  EXPECT_NEAR(moments.Variance(0), 4.0, 1e-12);
  EXPECT_NEAR(moments.Deviation(0), 2.0, 1e-12);
  EXPECT_EQ(moments.Deviation(1), 0.0);
}

TEST(Moments, MergeEqualsAddingAll) {
  Random random(1);
  Moments all(3);
  Moments parts[3] = {Moments(3), Moments(3), Moments(3)};
  for (int i = 0; i < 1000; ++i) {
    const std::vector<double> x = {1e6 + random.Normal(), 5 * random.Normal(), random.Uniform()};
    all.Add(x);
    parts[i % 3].Add(x);
  }
  Moments merged(3);
  for (const Moments& part : parts) merged.Merge(part);
  merged.Merge(Moments(3));
  EXPECT_EQ(merged.weight(), 1000);
  for (size_t d = 0; d < 3; ++d) {
    EXPECT_NEAR(merged.Mean(d), all.Mean(d), 1e-8);
    EXPECT_NEAR(merged.Variance(d), all.Variance(d), 1e-9 * all.Variance(d) + 1e-9);
  }
}

TEST(Moments, ForgettingFollowsADrift) {
  Moments moments(1);
  for (int i = 0; i < 1000; ++i) moments.Add({0.0});
  for (int i = 0; i < 200; ++i) {
    moments.Forget(0.9);
    moments.Add({10.0});
  }
  EXPECT_NEAR(moments.Mean(0), 10.0, 1e-5);
  EXPECT_NEAR(moments.weight(), 10.0, 1e-5);
}

TEST(Moments, RefusesValuesThatAreNotFinite) {
  Moments moments(2);
  EXPECT_FALSE(moments.Add({1.0, std::numeric_limits<double>::quiet_NaN()}));
  EXPECT_FALSE(moments.Add({std::numeric_limits<double>::infinity(), 1.0}));
  EXPECT_EQ(moments.weight(), 0.0);
}

TEST(Scaler, StandardisesClipsAndMapsConstantsToZero) {
  Moments moments(3);
  moments.Add({1.0, 7.1, -2.0});
  moments.Add({3.0, 7.1, 2.0});
  const Scaler scaler = Scaler::FromMoments(moments);
  std::vector<double> z(3);
  scaler.Standardise({4.0, 9.0, -1.0}, absl::MakeSpan(z));
  EXPECT_THAT(z, ElementsAre(DoubleNear(2.0, 1e-12), 0.0, DoubleNear(-0.5, 1e-12)));
  EXPECT_NEAR(scaler.Original(0, z[0]), 4.0, 1e-12);
  scaler.Standardise({1e300, 0.0, std::numeric_limits<double>::quiet_NaN()}, absl::MakeSpan(z));
  EXPECT_THAT(z, ElementsAre(5.0, 0.0, 0.0));
}

}  // namespace
}  // namespace kindred::learn
