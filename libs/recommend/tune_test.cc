#include "recommend/tune.h"

#include <cmath>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::recommend {
namespace {

using ::testing::HasSubstr;

// Better the nearer the two parameters are to their best values; the other half of the queries
// agrees or not.
struct Landscape {
  double best_shrink = 100, best_next = 0.8, shift = 0;
  Metrics operator()(const EvaluateOptions& options) const {
    const double shrink = std::log(options.blend.shrink / best_shrink);
    const double next = options.blend.next_weight - best_next;
    const double sign = options.sample_phase == 0 ? 1 : 1 - 2 * shift;
    return {.queries = 100, .ndcg = 0.5 - sign * (0.01 * shrink * shrink + 0.1 * next * next)};
  }
};

TEST(TuneTest, FindsWhatIsBetterAndSaysHowMuch) {
  const TuneResult result = Tune(EvaluateOptions(), Landscape(), TuneOptions());
  ASSERT_TRUE(result.improved());
  EXPECT_NEAR(result.options.blend.shrink, 100, 60);
  EXPECT_NEAR(result.options.blend.next_weight, 0.8, 0.1);
  EXPECT_GT(result.after.ndcg, result.before.ndcg + 0.01);
  EXPECT_EQ(result.options.blend.repeat_weight, BlendOptions().repeat_weight) << "no effect there";
  const std::string yaml = TunedYaml(result);
  EXPECT_THAT(yaml, HasSubstr("recommend:\n  relation_half_life_days: 90\n"));
  EXPECT_THAT(yaml, HasSubstr("  blend:\n    reminder_weight: 0.6\n"));
}

TEST(TuneTest, WhatOnlyHelpsTheQueriesItWasChosenOnIsDropped) {
  const TuneResult result = Tune(EvaluateOptions(), Landscape{.shift = 1}, TuneOptions());
  EXPECT_FALSE(result.improved());
  EXPECT_EQ(result.options.blend.shrink, BlendOptions().shrink);
}

TEST(TuneTest, TriesOnlyWhatIsValid) {
  uint64_t asked = 0;
  const auto evaluate = [&asked](const EvaluateOptions& options) {
    EXPECT_TRUE(Validate(options).ok()) << Validate(options);
    EXPECT_LE(options.sample, 0.5);
    // Ever better for larger values: the search must end all the same.
    return Metrics{.queries = 1, .ndcg = 0.001 * static_cast<double>(++asked)};
  };
  const TuneResult result = Tune(EvaluateOptions(), evaluate, {.passes = 3});
  EXPECT_LT(result.evaluations, 1000u);
}

TEST(TuneTest, ParametersByName) {
  EvaluateOptions options;
  EXPECT_TRUE(SetByName("shrink", 7, &options).ok());
  EXPECT_EQ(options.blend.shrink, 7);
  EXPECT_TRUE(SetByName("max_seeds", 3, &options).ok());
  EXPECT_EQ(options.blend.max_seeds, 3u);
  EXPECT_EQ(*GetByName("max_seeds", options), 3);
  EXPECT_THAT(SetByName("shrunk", 7, &options).message(), HasSubstr("known: reminder_weight"));
  EXPECT_FALSE(SetByName("max_seeds", -1, &options).ok());
  EXPECT_FALSE(GetByName("shrunk", options).ok());
}

// Real evaluations: a shop where only the last item counts, and in order.
TEST(TuneTest, LearnsFromALogThatOrderMatters) {
  std::vector<Session> train;
  std::mt19937 random(3);
  for (int s = 0; s < 800; ++s) {
    Session session = {1 + static_cast<uint32_t>(random() % 60)};
    for (int i = 0; i < 4; ++i) {
      // The next item is always the one after, in half of the cases after a detour.
      session.push_back(session.back() % 60 + 1);
      if (random() % 2 == 0) session.push_back(61 + static_cast<uint32_t>(random() % 5));
    }
    train.push_back(session);
  }
  std::vector<Session> learnt;
  std::vector<PrefixTarget> queries;
  SplitTail(train, 0.3, &learnt, &queries);
  EvaluateOptions start;
  start.blend.next_weight = 0;
  start.blend.reminder_weight = 3;
  const auto evaluate = [&](const EvaluateOptions& options) {
    return EvaluateSplit(learnt, queries, options).all;
  };
  const TuneResult result = Tune(start, evaluate, {.passes = 1});
  ASSERT_TRUE(result.improved());
  EXPECT_LT(result.options.blend.reminder_weight, 3);
  EXPECT_GT(result.after.ndcg, result.before.ndcg + 0.02);
}

}  // namespace
}  // namespace kindred::recommend
