#include "cli/churn_evaluation.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace kindred::cli {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kBeginMs = 1'700'000'000'000;

// Forty customers that come back every eight days or so, and twenty a week that buy once.
std::vector<TimedEvent> Log(int days) {
  std::vector<TimedEvent> events;
  const auto buy = [&events](const std::string& user, int64_t time_ms, int price) {
    events.push_back({time_ms, user,
                      absl::StrCat("{\"event_id\":\"e-", events.size(), "\",\"user_id\":\"", user,
                                   "\",\"type\":\"purchase\",\"event_time\":", time_ms,
                                   ",\"item_id\":\"i\",\"quantity\":1,\"price\":", price,
                                   ",\"currency\":\"USD\",\"category\":\"tea\"}")});
  };
  for (int day = 0; day < days; ++day) {
    for (int i = 0; i < 40; ++i) {
      if ((day + i) % (7 + i % 3) == 0) {
        buy(absl::StrCat("loyal-", i), kBeginMs + day * kDayMs + i, 40 + i % 4);
      }
    }
    if (day % 7 < 5) {
      for (int i = 0; i < 4; ++i) {
        buy(absl::StrCat("once-", day, "-", i), kBeginMs + day * kDayMs + 1000 + i, 15);
      }
    }
  }
  return events;
}

TEST(EvaluateChurn, TellsWhoComesBack) {
  ChurnOptions options;
  options.cut_ms = kBeginMs + 200 * kDayMs;
  options.horizon_days = 30;
  const auto evaluation = EvaluateChurn(Log(260), options);
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  const ChurnFigures figures = Summarise(*evaluation);
  EXPECT_EQ(figures.returned, 40u);
  EXPECT_EQ(figures.customers, evaluation->customers.size());
  EXPECT_GT(figures.customers, 500u);
  EXPECT_GT(figures.auc, 0.98);
  EXPECT_GT(figures.auc, figures.recency_auc);
  EXPECT_GT(figures.expected_purchases_auc, 0.95);
  EXPECT_LT(figures.worst_decile_error, 0.1);
  EXPECT_LT(figures.amount_mae, 10);
  EXPECT_LT(figures.amount_mae, figures.population_mae);
  ASSERT_EQ(figures.deciles.size(), 10u);
  size_t sum = 0;
  for (const Decile& decile : figures.deciles) sum += decile.customers;
  EXPECT_EQ(sum, figures.customers);
}

TEST(EvaluateChurn, KnowsNothingOfWhatCameLater) {
  const std::vector<TimedEvent> log = Log(260);
  ChurnOptions options;
  options.cut_ms = kBeginMs + 200 * kDayMs;
  options.horizon_days = 30;
  std::vector<TimedEvent> before;
  std::copy_if(log.begin(), log.end(), std::back_inserter(before),
               [&](const TimedEvent& event) { return event.time_ms < options.cut_ms; });
  const auto with = EvaluateChurn(log, options);
  const auto without = EvaluateChurn(before, options);
  ASSERT_TRUE(with.ok() && without.ok());
  ASSERT_EQ(with->customers.size(), without->customers.size());
  for (size_t i = 0; i < with->customers.size(); ++i) {
    EXPECT_EQ(with->customers[i].buys_again, without->customers[i].buys_again);
    EXPECT_EQ(with->customers[i].amount, without->customers[i].amount);
  }
  for (const auto& example : with->examples) {
    EXPECT_LE(example.snapshot.time_ms() + 30 * kDayMs, options.cut_ms);
  }
}

TEST(EvaluateChurn, SaysWhenTooLittleIsKnown) {
  ChurnOptions options;
  options.cut_ms = kBeginMs + 20 * kDayMs;
  EXPECT_FALSE(EvaluateChurn(Log(60), options).ok());
  EXPECT_FALSE(EvaluateChurn({}, options).ok());
}

}  // namespace
}  // namespace kindred::cli
