#include "learn/kmeans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "learn/mini_batch_kmeans.h"
#include "learn/random.h"

namespace kindred::learn {
namespace {

// `per_blob` points around each of a row of centres that are 10 apart.
Matrix Blobs(size_t blobs, size_t per_blob, uint64_t seed) {
  Random random(seed);
  Matrix points;
  for (size_t i = 0; i < blobs * per_blob; ++i) {
    const double x = 10.0 * static_cast<double>(i % blobs);
    points.AppendRow({x + random.Normal(), random.Normal()});
  }
  return points;
}

TEST(KMeans, OneStepByHand) {
  const Matrix points = Matrix::FromRows(2, {1, 1, 2, 2, 3, 3, 0, 0, 1, 0});
  const Matrix centres = Matrix::FromRows(2, {1, 1, 2, 2});
  const Matrix moved = LloydStep(points, {}, centres);
  EXPECT_DOUBLE_EQ(moved(0, 0), 2.0 / 3);
  EXPECT_DOUBLE_EQ(moved(0, 1), 1.0 / 3);
  EXPECT_DOUBLE_EQ(moved(1, 0), 2.5);
  EXPECT_DOUBLE_EQ(moved(1, 1), 2.5);
}

TEST(KMeans, NearestCentreGivesTiesToTheLowerIndex) {
  const Matrix centres = Matrix::FromRows(1, {0, 2, 4});
  const std::vector<double> points = {1, 3, 3.5, -9};
  std::vector<uint32_t> index(4);
  std::vector<double> distance2(4);
  NearestCentres(points, centres, absl::MakeSpan(index), absl::MakeSpan(distance2));
  EXPECT_EQ(index, (std::vector<uint32_t>{0, 1, 2, 0}));
  EXPECT_EQ(distance2, (std::vector<double>{1, 1, 0.25, 81}));
}

TEST(KMeans, FindsTheBlobs) {
  const Matrix points = Blobs(5, 200, 1);
  const KMeansResult result = KMeans(points, {}, {.k = 5, .restarts = 3, .seed = 2});
  std::vector<double> xs;
  for (size_t c = 0; c < 5; ++c) xs.push_back(result.centres(c, 0));
  std::sort(xs.begin(), xs.end());
  for (size_t c = 0; c < 5; ++c) EXPECT_NEAR(xs[c], 10.0 * static_cast<double>(c), 0.4);
  EXPECT_NEAR(result.inertia, Inertia(points, {}, result.centres), 1e-9);
  EXPECT_NEAR(result.inertia / 1000, 2.0, 0.2);
  for (double size : result.sizes) EXPECT_EQ(size, 200);
}

TEST(KMeans, AWeightEqualsCopiesOfAPoint) {
  const Matrix weighted = Matrix::FromRows(1, {0, 1, 5, 6});
  const std::vector<double> weights = {3, 1, 1, 2};
  const Matrix copies = Matrix::FromRows(1, {0, 0, 0, 1, 5, 6, 6});
  const Matrix start = Matrix::FromRows(1, {0, 6});
  const KMeansResult a = Lloyd(weighted, weights, start);
  const KMeansResult b = Lloyd(copies, {}, start);
  EXPECT_EQ(a.centres, b.centres);
  EXPECT_DOUBLE_EQ(a.inertia, b.inertia);
  EXPECT_EQ(a.sizes, b.sizes);
}

TEST(KMeans, IsDeterministic) {
  const Matrix points = Blobs(7, 50, 5);
  const KMeansOptions options{.k = 4, .restarts = 4, .seed = 11};
  EXPECT_EQ(KMeans(points, {}, options).centres, KMeans(points, {}, options).centres);
}

TEST(KMeans, FewDistinctPointsGiveFewCentres) {
  const Matrix points = Matrix::FromRows(1, {1, 1, 1, 2, 2});
  EXPECT_EQ(KMeans(points, {}, {.k = 8}).centres.rows(), 2u);
  EXPECT_TRUE(KMeans(Matrix(), {}, {.k = 8}).centres.empty());
}

TEST(KMeans, AnEmptyCentreMovesToTheLoneliestPoint) {
  const Matrix points = Matrix::FromRows(1, {0, 1, 10});
  const KMeansResult result = Lloyd(points, {}, Matrix::FromRows(1, {0, 1, -100}));
  EXPECT_DOUBLE_EQ(result.inertia, 0.0);
}

TEST(MiniBatchKMeans, KeepsTheMeanOfWhatItSaw) {
  MiniBatchKMeans learner(Matrix::FromRows(1, {0, 10}), {0, 0}, {});
  learner.Step({1, 2, 9, 12});
  learner.Step({3, 12});
  EXPECT_DOUBLE_EQ(learner.centres()(0, 0), 2.0);
  EXPECT_DOUBLE_EQ(learner.centres()(1, 0), 11.0);
  EXPECT_EQ(learner.weights(), (std::vector<double>{3, 3}));
}

TEST(MiniBatchKMeans, ForgettingFollowsADrift) {
  MiniBatchKMeans learner(Matrix::FromRows(1, {0}), {1e6}, {.keep = 0.9});
  for (int i = 0; i < 300; ++i) learner.Step({7, 7, 7, 7});
  EXPECT_NEAR(learner.centres()(0, 0), 7.0, 1e-3);
}

TEST(MiniBatchKMeans, ADeadCentreIsSeededAnew) {
  MiniBatchKMeans learner(Matrix::FromRows(1, {0, 1000}), {1, 0.001}, {.dead_share = 0.01});
  EXPECT_EQ(learner.Step({0, 0, 0, 5}), (std::vector<size_t>{1}));
  EXPECT_DOUBLE_EQ(learner.centres()(1, 0), 5.0);
  EXPECT_GT(learner.weights()[1], 1.0);
}

TEST(MiniBatchKMeans, ReachesTheInertiaOfLloydOnAStream) {
  const Matrix points = Blobs(4, 5000, 9);
  MiniBatchKMeans learner(Matrix::FromRows(2, {0, 1, 9, 0, 21, 0, 28, 1}), {0, 0, 0, 0}, {});
  for (size_t at = 0; at < points.rows(); at += 1000) {
    learner.Step(absl::MakeConstSpan(points.data()).subspan(at * 2, 2000));
  }
  const double best = KMeans(points, {}, {.k = 4, .restarts = 3}).inertia;
  EXPECT_LT(Inertia(points, {}, learner.centres()), 1.001 * best);
}

}  // namespace
}  // namespace kindred::learn
