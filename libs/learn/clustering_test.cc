#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "learn/agglomerative.h"
#include "learn/cluster_quality.h"
#include "learn/dbscan.h"
#include "learn/kmeans.h"
#include "learn/random.h"

namespace kindred::learn {
namespace {

using ::testing::ElementsAre;

TEST(Ward, JoinsByHand) {
  // 0 and 1 join at 1, 9 and 11 at 2, then means 0.5 and 10 with 2 points each:
  // adds 2·2/4 · 9.5² = 90.25, height sqrt(180.5).
  const Dendrogram tree = Ward(Matrix::FromRows(1, {0, 9, 1, 11}));
  ASSERT_EQ(tree.joins.size(), 3u);
  EXPECT_EQ(tree.joins[0].left, 0u);
  EXPECT_EQ(tree.joins[0].right, 2u);
  EXPECT_DOUBLE_EQ(tree.joins[0].height, 1.0);
  EXPECT_EQ(tree.joins[1].left, 1u);
  EXPECT_EQ(tree.joins[1].right, 3u);
  EXPECT_DOUBLE_EQ(tree.joins[1].height, 2.0);
  EXPECT_EQ(tree.joins[2].left, 4u);
  EXPECT_EQ(tree.joins[2].right, 5u);
  EXPECT_NEAR(tree.joins[2].height, std::sqrt(180.5), 1e-12);
  EXPECT_EQ(tree.joins[2].weight, 4);
  EXPECT_THAT(Cut(tree, 2), ElementsAre(0, 1, 0, 1));
  EXPECT_THAT(Cut(tree, 3), ElementsAre(0, 1, 0, 2));
  EXPECT_THAT(Cut(tree, 4), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Cut(tree, 1), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(Cut(tree, 99), ElementsAre(0, 1, 2, 3));
}

TEST(Ward, AWeightEqualsCopiesOfAPoint) {
  Random random(1);
  Matrix points;
  Matrix copies;
  std::vector<double> weights;
  for (int i = 0; i < 40; ++i) {
    const double x[] = {random.Normal(), random.Normal()};
    points.AppendRow(x);
    weights.push_back(1 + i % 3);
    for (int c = 0; c < 1 + i % 3; ++c) copies.AppendRow(x);
  }
  const Dendrogram a = Ward(points, weights);
  const Dendrogram b = Ward(copies);
  const size_t joins_of_copies = b.joins.size() - a.joins.size();
  for (size_t i = 0; i < a.joins.size(); ++i) {
    EXPECT_NEAR(a.joins[i].height, b.joins[joins_of_copies + i].height, 1e-9);
    EXPECT_NEAR(a.joins[i].weight, b.joins[joins_of_copies + i].weight, 1e-9);
  }
}

TEST(Ward, TakesOddInput) {
  EXPECT_TRUE(Ward(Matrix()).joins.empty());
  EXPECT_TRUE(Cut(Ward(Matrix()), 3).empty());
  EXPECT_THAT(Cut(Ward(Matrix::FromRows(1, {5})), 3), ElementsAre(0));
  EXPECT_EQ(Ward(Matrix::FromRows(1, {5, 5, 5, 5})).joins.size(), 3u);
}

// Two half circles that reach into each other, as labels 0 and 1.
Matrix Moons(size_t n, std::vector<int32_t>* labels) {
  Random random(2);
  Matrix points;
  for (size_t i = 0; i < n; ++i) {
    const double angle = std::numbers::pi * random.Uniform();
    const bool upper = i % 2 == 0;
    points.AppendRow({(upper ? std::cos(angle) : 1 - std::cos(angle)) + 0.05 * random.Normal(),
                      (upper ? std::sin(angle) : 0.5 - std::sin(angle)) + 0.05 * random.Normal()});
    labels->push_back(upper ? 0 : 1);
  }
  return points;
}

TEST(Dbscan, TellsTwoMoonsApart) {
  std::vector<int32_t> truth;
  const Matrix points = Moons(1000, &truth);
  const auto labels = Dbscan(points, {}, {.radius = 0.15, .least_weight = 8});
  EXPECT_GE(AdjustedRandIndex(labels, truth), 0.95);
}

TEST(Dbscan, TellsTwoMoonsApartOnSummaries) {
  std::vector<int32_t> truth;
  const Matrix points = Moons(4000, &truth);
  const KMeansResult micro = KMeans(points, {}, {.k = 150, .restarts = 1, .seed = 3});
  const auto of_micro = Dbscan(micro.centres, micro.sizes, {.radius = 0.2, .least_weight = 30});
  std::vector<int32_t> labels;
  for (uint32_t c : micro.assignment) labels.push_back(of_micro[c]);
  EXPECT_GE(AdjustedRandIndex(labels, truth), 0.95);
}

TEST(Dbscan, NoiseBordersAndWeightsByHand) {
  const Matrix points = Matrix::FromRows(1, {0, 1, 2, 3, 10, 20, 20.5});
  EXPECT_THAT(Dbscan(points, {}, {.radius = 1, .least_weight = 3}),
              ElementsAre(0, 0, 0, 0, kNoise, kNoise, kNoise));
  const std::vector<double> weights = {1, 1, 1, 1, 3, 1, 1};
  EXPECT_THAT(Dbscan(points, weights, {.radius = 1, .least_weight = 3}),
              ElementsAre(0, 0, 0, 0, 1, kNoise, kNoise));
  EXPECT_TRUE(Dbscan(Matrix(), {}, {}).empty());
}

TEST(ClusterQuality, SilhouetteByHand) {
  // Points 0, 1 | 5: a(0) = 1, b(0) = 5: 0.8; a(1) = 1, b(1) = 4: 0.75; alone: 0.
  const Matrix points = Matrix::FromRows(1, {0, 1, 5, 99});
  const std::vector<int32_t> labels = {0, 0, 1, -1};
  EXPECT_NEAR(Silhouette(points, {}, labels), (0.8 + 0.75) / 3, 1e-12);
  EXPECT_EQ(Silhouette(points, {}, std::vector<int32_t>{0, 0, 0, -1}), 0.0);
}

TEST(ClusterQuality, AdjustedRandIndexByHand) {
  const std::vector<int32_t> a = {0, 0, 0, 1, 1, 1};
  const std::vector<int32_t> renamed = {7, 7, 7, -1, -1, -1};
  const std::vector<int32_t> other = {0, 0, 1, 1, 2, 2};
  EXPECT_DOUBLE_EQ(AdjustedRandIndex(a, renamed), 1.0);
  // Pairs together: both 2, a 6, other 3, of 15: (2 - 1.2) / (4.5 - 1.2).
  EXPECT_NEAR(AdjustedRandIndex(a, other), 0.8 / 3.3, 1e-12);
}

}  // namespace
}  // namespace kindred::learn
