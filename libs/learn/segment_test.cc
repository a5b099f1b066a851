#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "learn/kmeans.h"
#include "learn/random.h"
#include "learn/segment_label.h"
#include "learn/segment_learner.h"
#include "learn/segment_model.h"

namespace kindred::learn {
namespace {

using ::testing::ElementsAre;

// A population without clear clusters: skewed and correlated, as shoppers are.
std::vector<double> Shoppers(size_t n, uint64_t seed) {
  Random random(seed);
  std::vector<double> vectors;
  for (size_t i = 0; i < n; ++i) {
    const double taste = random.Normal();
    const double visits = std::exp(0.7 * taste + 0.3 * random.Normal());
    const double spend = 5 + taste + 0.5 * random.Normal();
    vectors.insert(vectors.end(), {visits, spend, random.Uniform(), 3.0});
  }
  return vectors;
}

void Walk(SegmentLearner& learner, const std::vector<double>& vectors, int passes,
          size_t cut = 4 * 100) {
  for (int p = 0; p < passes; ++p) {
    learner.BeginPass();
    for (size_t at = 0; at < vectors.size(); at += cut) {
      learner.AddBatch(absl::MakeConstSpan(vectors).subspan(at, cut));
    }
    learner.EndPass();
  }
}

// Inertia of the model with every vector counted once, over that of the best of ten full fits.
double AgainstFullFit(const SegmentModel& model, const std::vector<double>& vectors) {
  const size_t dims = model.dims();
  Matrix z(vectors.size() / dims, dims);
  for (size_t i = 0; i < z.rows(); ++i) {
    model.scaler.Standardise(absl::MakeConstSpan(vectors).subspan(i * dims, dims), z.Row(i));
  }
  const KMeansOptions options{.k = model.size(), .restarts = 10, .seed = 99};
  return Inertia(z, {}, model.centres) / KMeans(z, {}, options).inertia;
}

TEST(SegmentLearner, ReachesTheFullFitWhenTheSampleHoldsAll) {
  const std::vector<double> vectors = Shoppers(3000, 1);
  SegmentLearner learner(4, {.segments = 6});
  Walk(learner, vectors, 20);
  EXPECT_TRUE(learner.settled());
  EXPECT_EQ(learner.model().size(), 6u);
  EXPECT_EQ(learner.model().population, 3000);
  EXPECT_EQ(learner.last_sample().data(), vectors);
  EXPECT_LT(AgainstFullFit(learner.model(), vectors), 1.02);
}

TEST(SegmentLearner, ReachesTheFullFitWhenTheSampleIsSmall) {
  const std::vector<double> vectors = Shoppers(20000, 2);
  SegmentLearner learner(
      4, {.segments = 6, .start_size = 200, .sample_size = 1000, .batch_size = 250});
  Walk(learner, vectors, 15);
  EXPECT_LT(AgainstFullFit(learner.model(), vectors), 1.03);
}

TEST(SegmentLearner, HasAModelLongBeforeTheFirstPassEnds) {
  const std::vector<double> vectors = Shoppers(8000, 3);
  SegmentLearner learner(
      4, {.segments = 6, .start_size = 200, .sample_size = 1000, .batch_size = 250});
  learner.AddBatch(absl::MakeConstSpan(vectors).first(4 * 199));
  EXPECT_TRUE(learner.model().empty());
  learner.AddBatch(absl::MakeConstSpan(vectors).subspan(4 * 199, 4 * 5801));
  EXPECT_EQ(learner.model().passes, 0u);
  EXPECT_LT(AgainstFullFit(learner.model(), vectors), 1.05);
}

TEST(SegmentLearner, DoesNotDependOnHowVectorsAreCutIntoBatches) {
  const std::vector<double> vectors = Shoppers(5000, 4);
  const SegmentLearnerOptions options{
      .segments = 5, .start_size = 300, .sample_size = 900, .batch_size = 128};
  SegmentLearner a(4, options);
  SegmentLearner b(4, options);
  Walk(a, vectors, 3, 4);
  Walk(b, vectors, 3, 4 * 777);
  EXPECT_EQ(a.model(), b.model());
}

TEST(SegmentLearner, IdsStayWhileThePopulationDrifts) {
  std::vector<double> vectors;
  Random random(5);
  for (int i = 0; i < 2000; ++i) {
    vectors.insert(vectors.end(), {10.0 * (i % 4) + random.Normal(), random.Normal()});
  }
  SegmentLearner learner(2, {.segments = 4});
  Walk(learner, vectors, 2);
  const SegmentModel before = learner.model();
  for (int step = 0; step < 10; ++step) {
    for (size_t i = 0; i < vectors.size(); i += 2) vectors[i] += 1.0 + 0.01 * vectors[i];
    Walk(learner, vectors, 2);
  }
  EXPECT_EQ(learner.model().ids, before.ids);
  for (size_t i = 0; i < 4; ++i) {
    const std::vector<double> now = learner.model().OriginalCentre(i);
    EXPECT_GT(now[0], before.OriginalCentre(i)[0] + 9);
  }
}

TEST(SegmentLearner, ASegmentThatLosesItsMembersMakesRoomForANewOne) {
  Random random(6);
  const auto around = [&](std::vector<double> centres) {
    std::vector<double> vectors;
    for (int i = 0; i < 1500; ++i) {
      vectors.push_back(centres[static_cast<size_t>(i) % centres.size()] + random.Normal());
    }
    return vectors;
  };
  SegmentLearner learner(1, {.segments = 3});
  Walk(learner, around({0, 20, 40}), 2, 100);
  std::vector<uint32_t> before = learner.model().ids;
  Walk(learner, around({0, 20, 90}), 8, 100);
  std::vector<uint32_t> after = learner.model().ids;
  std::sort(before.begin(), before.end());
  std::sort(after.begin(), after.end());
  EXPECT_EQ(before, (std::vector<uint32_t>{1, 2, 3}));
  ASSERT_EQ(after.size(), 3u);
  EXPECT_EQ(learner.model().size(), 3u);
  std::vector<double> centres;
  for (size_t i = 0; i < 3; ++i) centres.push_back(learner.model().OriginalCentre(i)[0]);
  std::sort(centres.begin(), centres.end());
  EXPECT_NEAR(centres[0], 0, 1);
  EXPECT_NEAR(centres[1], 20, 1);
  EXPECT_NEAR(centres[2], 90, 1);
}

TEST(SegmentLearner, TakesOddPopulations) {
  SegmentLearner learner(2, {.segments = 8});
  learner.EndPass();
  EXPECT_TRUE(learner.model().empty());
  learner.AddBatch({1, 1, std::numeric_limits<double>::quiet_NaN(), 0});
  learner.EndPass();
  EXPECT_EQ(learner.model().size(), 1u);
  EXPECT_EQ(learner.model().population, 1);
  for (int p = 0; p < 3; ++p) {
    learner.AddBatch({1, 1, 1e300, -1e300, 2, 2});
    learner.EndPass();
  }
  EXPECT_LE(learner.model().size(), 3u);
  EXPECT_TRUE(std::isfinite(learner.model().inertia));
}

TEST(SegmentLearner, ContinuesFromAStoredModel) {
  const std::vector<double> vectors = Shoppers(2000, 7);
  SegmentLearner learner(4, {.segments = 4});
  Walk(learner, vectors, 10);
  const SegmentModel stored = learner.model();
  SegmentLearner resumed(4, {.segments = 4}, stored);
  EXPECT_EQ(resumed.model(), stored);
  Walk(resumed, vectors, 2);
  EXPECT_EQ(resumed.model().ids, stored.ids);
  EXPECT_GT(resumed.model().version, stored.version);
  SegmentLearner fewer(4, {.segments = 3}, stored);
  Walk(fewer, vectors, 2);
  EXPECT_EQ(fewer.model().size(), 3u);
  SegmentLearner other_dims(2, {.segments = 3}, stored);
  Walk(other_dims, vectors, 1);
  EXPECT_THAT(other_dims.model().ids, testing::Each(testing::Ge(stored.next_id)));
}

TEST(SegmentModel, AssignGivesTheSegmentAndItsRunnerUp) {
  SegmentModel model;
  model.scaler = {.mean = {10, 0}, .deviation = {2, 1}};
  model.centres = Matrix::FromRows(2, {0, 0, 3, 0, 0, 4});
  model.ids = {4, 2, 9};
  std::vector<double> z;
  const SegmentAssignment near = Assign(model, {14, 0}, &z);
  EXPECT_THAT(z, ElementsAre(2, 0));
  EXPECT_EQ(near.segment_id, 2u);
  EXPECT_EQ(near.index, 1u);
  EXPECT_DOUBLE_EQ(near.distance, 1.0);
  EXPECT_EQ(near.runner_up_id, 4u);
  EXPECT_DOUBLE_EQ(near.runner_up_distance, 2.0);
  EXPECT_EQ(Assign(model, {10, 3.5}).segment_id, 9u);
  EXPECT_EQ(Assign(model, {10, 3.5}).runner_up_id, 4u);
  EXPECT_EQ(Assign(SegmentModel(), {}).segment_id, 0u);
}

TEST(SegmentModel, IdsFollowTheMembers) {
  const Matrix points = Matrix::FromRows(1, {0, 0.1, 0.2, 5, 5.1, 9, 9.1, 9.2});
  uint32_t next_id = 4;
  EXPECT_THAT(MatchSegmentIds(points, Matrix::FromRows(1, {0, 5, 9}), {1, 2, 3},
                              Matrix::FromRows(1, {9, 0.1, 5}), &next_id),
              ElementsAre(3, 1, 2));
  EXPECT_EQ(next_id, 4u);
  // The one that is split keeps its id in its larger half; the other half is new.
  EXPECT_THAT(MatchSegmentIds(points, Matrix::FromRows(1, {0.1, 7.5}), {1, 2},
                              Matrix::FromRows(1, {0, 5, 9.1}), &next_id),
              ElementsAre(1, 4, 2));
  EXPECT_EQ(next_id, 5u);
}

TEST(SegmentModel, BytesComeBackAndBadBytesAreRefused) {
  SegmentLearner learner(4, {.segments = 5});
  Walk(learner, Shoppers(1000, 8), 3);
  std::string bytes;
  AppendSegmentModel(learner.model(), &bytes);
  const auto parsed = ParseSegmentModel(bytes);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, learner.model());
  std::string empty;
  AppendSegmentModel(SegmentModel(), &empty);
  EXPECT_EQ(ParseSegmentModel(empty).value(), SegmentModel());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ParseSegmentModel(absl::string_view(bytes).substr(0, size)).ok());
  }
  EXPECT_FALSE(ParseSegmentModel(bytes + "x").ok());
  Random random(1);
  for (int i = 0; i < 5000; ++i) {
    std::string bad = bytes;
    bad[random.Below(bad.size())] = static_cast<char>(random.Below(256));
    const auto model = ParseSegmentModel(bad);
    if (model.ok()) Assign(*model, std::vector<double>(model->dims(), 0.0));
  }
}

TEST(SegmentLabel, NamesTheMostUnusualDimensions) {
  const std::vector<DimensionWords> words = {{"spend", "high spend", "low spend"},
                                             {"orders", "frequent", "rare"},
                                             {"recency", "long gone", "recent"},
                                             {"returns", "returns much", ""}};
  EXPECT_EQ(LabelCentre({2.4, 1.5, -0.8, 0.1}, words), "very high spend, frequent, recent");
  EXPECT_EQ(LabelCentre({0.1, -0.2, 0.3, -3.0}, words), "average");
  const auto unusual = MostUnusual({0.1, -1.2, 0.5}, 2);
  ASSERT_EQ(unusual.size(), 2u);
  EXPECT_EQ(unusual[0].dim, 1u);
  EXPECT_EQ(unusual[0].z, -1.2);
  EXPECT_EQ(unusual[1].dim, 2u);
}

TEST(SegmentLabel, NoTwoSegmentsHaveTheSameLabel) {
  const std::vector<DimensionWords> words = {{"spend", "high spend", "low spend"},
                                             {"orders", "frequent", "rare"},
                                             {"web", "web", "store"}};
  SegmentModel model;
  model.scaler = {.mean = {0, 0, 0}, .deviation = {1, 1, 1}};
  model.centres = Matrix::FromRows(3, {1, 0, 0.3, 1.2, 0, -0.3, -1, 0, 0, -1, 0, 0});
  model.ids = {1, 2, 3, 4};
  EXPECT_THAT(LabelSegments(model, words),
              ElementsAre("high spend, rather web", "high spend, rather store", "low spend",
                          "low spend (2)"));
}

}  // namespace
}  // namespace kindred::learn
