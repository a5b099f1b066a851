#include "learn/explore.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "learn/cluster_quality.h"
#include "learn/micro_clusters.h"
#include "learn/moments.h"
#include "learn/random.h"

namespace kindred::learn {
namespace {

// Two half circles that reach into one another.
Matrix Moons(int count, double noise, std::vector<int32_t>* truth) {
  Random random(3);
  Matrix points;
  for (int i = 0; i < count; ++i) {
    const double angle = 3.14159265358979 * random.Uniform();
    const bool upper = i % 2 == 0;
    const double x = upper ? std::cos(angle) : 1 - std::cos(angle);
    const double y = upper ? std::sin(angle) : 0.5 - std::sin(angle);
    const double row[] = {x + noise * random.Normal(), y + noise * random.Normal()};
    points.AppendRow(row);
    truth->push_back(upper ? 0 : 1);
  }
  return points;
}

Matrix Blobs(int count, std::vector<int32_t>* truth) {
  constexpr double kCentres[3][2] = {{0, 0}, {6, 0}, {0, 6}};
  Random random(5);
  Matrix points;
  for (int i = 0; i < count; ++i) {
    const int blob = i % 6 < 3 ? 0 : (i % 6 < 5 ? 1 : 2);
    const double row[] = {kCentres[blob][0] + random.Normal(), kCentres[blob][1] + random.Normal()};
    points.AppendRow(row);
    truth->push_back(blob);
  }
  return points;
}

Scaler Unit(size_t dims) {
  Scaler scaler;
  scaler.mean.assign(dims, 0.0);
  scaler.deviation.assign(dims, 1.0);
  return scaler;
}

// What the micro-clusters of a population look like after some passes.
MicroClusterSet Passes(const Matrix& points, size_t count, int passes) {
  MicroClusters micro(count);
  const Scaler scaler = Unit(points.cols());
  Matrix sample;
  for (size_t i = 0; i < points.rows(); i += 5) sample.AppendRow(points.Row(i));
  MicroClusterSet set;
  for (int pass = 0; pass < passes; ++pass) {
    micro.BeginPass(scaler, sample);
    micro.AddBatch(points.data());
    set = micro.EndPass();
  }
  return set;
}

// The label of each point by the micro-cluster it is nearest to.
std::vector<int32_t> Spread(const Matrix& points, const MicroClusterSet& set,
                            const std::vector<int32_t>& labels) {
  std::vector<int32_t> spread;
  for (size_t i = 0; i < points.rows(); ++i) {
    size_t best = 0;
    double nearest = INFINITY;
    for (size_t c = 0; c < set.centres.rows(); ++c) {
      double distance = 0;
      for (size_t d = 0; d < points.cols(); ++d) {
        distance += std::pow(points(i, d) - set.centres(c, d), 2);
      }
      if (distance < nearest) {
        nearest = distance;
        best = c;
      }
    }
    spread.push_back(labels[best]);
  }
  return spread;
}

TEST(Explore, FindsBlobsWithEveryMethodAndKnowsThatTheyAreReal) {
  std::vector<int32_t> truth;
  const Matrix points = Blobs(600, &truth);
  for (const ExploreMethod method :
       {ExploreMethod::kKMeans, ExploreMethod::kWard, ExploreMethod::kDbscan}) {
    ExploreOptions options;
    options.method = method;
    options.clusters = 3;
    options.radius = 0.9;
    options.least_weight = 10;
    const auto found = Explore(points, {}, options);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_GT(AdjustedRandIndex(found->labels, truth), 0.9);
    EXPECT_GT(found->silhouette, 0.5);
    EXPECT_GT(found->stability, 0.85);
    EXPECT_EQ(found->dendrogram.joins.size(), method == ExploreMethod::kWard ? 599u : 0u);
    double sum = found->noise;
    for (size_t c = 0; c < found->sizes.size(); ++c) {
      sum += found->sizes[c];
      EXPECT_LE(found->sizes[c], found->sizes[c == 0 ? 0 : c - 1]);
    }
    EXPECT_DOUBLE_EQ(sum, 600);
  }
}

TEST(Explore, StabilityTellsClustersFromCloth) {
  std::vector<int32_t> truth;
  const Matrix points = Blobs(600, &truth);
  ExploreOptions options;
  options.clusters = 3;
  const auto three = Explore(points, {}, options);
  options.clusters = 14;
  const auto many = Explore(points, {}, options);
  ASSERT_TRUE(three.ok() && many.ok());
  EXPECT_GT(three->stability, many->stability + 0.1);
}

TEST(Explore, DbscanOnMicroClustersFindsMoons) {
  std::vector<int32_t> truth;
  const Matrix points = Moons(20000, 0.06, &truth);
  const MicroClusterSet set = Passes(points, 300, 3);
  double sum = 0;
  for (double weight : set.weights) sum += weight;
  EXPECT_DOUBLE_EQ(sum, 20000);
  ExploreOptions options;
  options.method = ExploreMethod::kDbscan;
  options.radius = 0.12;
  options.least_weight = 150;
  const auto found = Explore(set.centres, set.weights, options);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_GT(AdjustedRandIndex(Spread(points, set, found->labels), truth), 0.95);
}

TEST(Explore, KMeansOnMicroClustersIsKMeansOnAll) {
  std::vector<int32_t> truth;
  const Matrix points = Blobs(12000, &truth);
  const MicroClusterSet set = Passes(points, 200, 3);
  ExploreOptions options;
  options.clusters = 3;
  const auto all = Explore(points, {}, options);
  const auto some = Explore(set.centres, set.weights, options);
  ASSERT_TRUE(all.ok() && some.ok());
  EXPECT_GT(AdjustedRandIndex(Spread(points, set, some->labels), all->labels), 0.98);
}

TEST(MicroClusters, FollowTheScaleAndSeedTheDeadAnew) {
  std::vector<int32_t> truth;
  const Matrix points = Blobs(3000, &truth);
  MicroClusters micro(50);
  Scaler scaler = Unit(2);
  micro.BeginPass(scaler, points);
  micro.AddBatch(points.data());
  const MicroClusterSet before = micro.EndPass();
  EXPECT_EQ(before.weights.size(), 50u);
  scaler.deviation = {2.0, 2.0};
  micro.BeginPass(scaler, points);
  micro.AddBatch(points.data());
  const MicroClusterSet after = micro.EndPass();
  EXPECT_EQ(after.weights.size(), 50u);
  double far = 0;
  for (size_t c = 0; c < after.centres.rows(); ++c) far = std::max(far, after.centres(c, 0));
  EXPECT_LT(far, 5);
  // A population that moved away leaves centres behind; they come along at the next pass.
  Matrix moved = points;
  for (double& value : moved.data()) value += 100;
  for (int pass = 0; pass < 3; ++pass) {
    micro.BeginPass(scaler, moved);
    micro.AddBatch(moved.data());
    EXPECT_FALSE(micro.EndPass().empty());
  }
}

TEST(Explore, RefusesWhatMakesNoSense) {
  EXPECT_FALSE(Explore(Matrix(), {}, {}).ok());
  const Matrix one = Matrix::FromRows(1, {1.0});
  ExploreOptions options;
  options.clusters = 2;
  EXPECT_FALSE(Explore(one, {}, options).ok());
  options.method = ExploreMethod::kDbscan;
  options.radius = NAN;
  EXPECT_FALSE(Explore(one, {}, options).ok());
  options.radius = 0;
  EXPECT_TRUE(Explore(one, {}, options).ok());
}

}  // namespace
}  // namespace kindred::learn
