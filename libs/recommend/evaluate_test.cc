#include "recommend/evaluate.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::recommend {
namespace {

constexpr int64_t kDay = 86'400'000;

TEST(EvaluateSplitTest, FindsWhatAlwaysFollows) {
  std::vector<Session> train(50, Session{1, 2});
  train.insert(train.end(), 50, Session{3, 4});
  const std::vector<PrefixTarget> test = {{{1}, 2}, {{3}, 4}, {{1}, 99}};
  const EvaluationReport report = EvaluateSplit(train, test, {});
  EXPECT_EQ(report.queries, 3u);
  EXPECT_NEAR(report.all.p, 2.0 / 3, 1e-9);
  EXPECT_EQ(report.unknown_targets, 1u);
  // Nobody came back to an item, so reminders do not come first.
  EXPECT_NEAR(report.all.mrr, 2.0 / 3, 1e-9);
  EXPECT_EQ(report.repeats.queries, 0u);
  EXPECT_EQ(report.events, 200u);
}

TEST(EvaluateSplitTest, LearnsASessionOnlyAfterItsLastPrefix) {
  const std::vector<Session> train = {{1, 2}};
  // Two test sessions with the same new items; prefixes longest first.
  const std::vector<PrefixTarget> test = {{{5, 6}, 7}, {{5}, 6}, {{5, 6}, 7}, {{5}, 6}};
  EvaluateOptions options;
  EXPECT_EQ(EvaluateSplit(train, test, options).all.p, 0);
  options.learn = true;
  const EvaluationReport report = EvaluateSplit(train, test, options);
  EXPECT_EQ(report.all.p, 0.5);
  EXPECT_EQ(report.events, 2u + 6u);
}

TEST(EvaluatePrequentialTest, TheLinesOfAnOrderAreOneQuery) {
  std::vector<LogEvent> events;
  for (uint32_t order = 1; order <= 4; ++order) {
    for (uint32_t item : {1, 2}) {
      events.push_back({.customer = 1,
                        .order = order,
                        .touch = {ItemId(item), Interaction::kPurchase, order * kDay}});
    }
  }
  events.push_back(
      {.customer = 2, .order = 9, .touch = {ItemId(1), Interaction::kPurchase, 9 * kDay}});
  const EvaluationReport report = EvaluatePrequential(events, 0, {});
  EXPECT_EQ(report.queries, 3u) << "a customer's first order is not asked for";
  EXPECT_EQ(report.all.recall, 1);
  EXPECT_EQ(report.all.ndcg, 1);
  EXPECT_EQ(EvaluatePrequential(events, 4 * kDay, {}).queries, 1u);
}

TEST(SplitTailTest, PrefixesLongestFirst) {
  const std::vector<Session> sessions = {{1, 2}, {3, 4}, {5, 6, 7}};
  std::vector<Session> train;
  std::vector<PrefixTarget> test;
  SplitTail(sessions, 0.34, &train, &test);
  EXPECT_EQ(train.size(), 2u);
  ASSERT_EQ(test.size(), 2u);
  EXPECT_EQ(test[0].prefix, (Session{5, 6}));
  EXPECT_EQ(test[0].target, 7u);
  EXPECT_EQ(test[1].prefix, (Session{5}));
}

TEST(ReportTest, JsonNamesWhatScriptsRead) {
  const EvaluationReport report = EvaluateSplit({Session{1, 2}}, {{{1}, 2}}, {});
  const std::string json = ReportAsJson(report);
  for (const char* name : {"p_at_20", "mrr_at_20", "ndcg_at_20", "recall_at_20", "queries",
                           "micros_p50", "micros_p99"}) {
    EXPECT_THAT(json, ::testing::HasSubstr(name));
  }
  EXPECT_THAT(ReportAsSvg(report), ::testing::StartsWith("<svg"));
}

}  // namespace
}  // namespace kindred::recommend
