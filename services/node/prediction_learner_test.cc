#include "node/prediction_learner.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "node/profile_view.h"
#include "node/test_state.h"
#include "telemetry/metrics.h"

namespace kindred::node {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr int kDays = 300;

// Twenty customers that buy every week and a new one a day that does not come back.
void Live(TestState* state) {
  int event = 0;
  const auto buy = [&](const std::string& user, int64_t time_ms, int price) {
    state->Feed(user,
                TestEvent(absl::StrCat("e-", event++), user, "purchase", time_ms,
                          absl::StrCat("\"item_id\":\"i\",\"category\":\"tea\",\"quantity\":1,"
                                       "\"currency\":\"USD\",\"price\":",
                                       price)),
                0, time_ms);
  };
  for (int day = 0; day < kDays; ++day) {
    const int64_t time_ms = kTestTimeMs + day * kDayMs;
    for (int i = day % 7; i < 20; i += 7) buy(absl::StrCat("loyal-", i), time_ms + i, 30 + i % 3);
    buy(absl::StrCat("once-", day), time_ms + 100, 10);
  }
}

std::map<std::string, v1::Prediction> Predictions(const TestState& state,
                                                  const PredictionLearner& learner,
                                                  const std::string& customer) {
  v1::Profile profile;
  const auto found = state.partitions->slot(PartitionId(0))
                         .state->Visit(customer, profile::CustomerMap::Hash(customer), *state.cold,
                                       [&](const profile::Profile& from) {
                                         FillProfile(customer, from, *state.shared, nullptr,
                                                     learner.Current().get(),
                                                     state.partitions->newest_event_ms(), &profile);
                                       });
  EXPECT_TRUE(found.ok() && *found) << customer;
  std::map<std::string, v1::Prediction> by_name;
  for (const v1::Prediction& one : profile.predictions()) {
    by_name[absl::StrCat(one.name(), " ", one.horizon().seconds() / 86'400)] = one;
  }
  return by_name;
}

TEST(PredictionLearner, FillsProfilesAndGoesOnAfterARestart) {
  SharedOptions options;
  options.partition_count = 1;
  TestState state(options, store::NewMemoryEnvironment());
  telemetry::Registry registry;
  uint64_t version = 0;
  {
    PredictionLearner learner({}, state.partitions.get(), state.cold.get(), state.store.get(),
                              &registry);
    EXPECT_EQ(learner.Current(), nullptr);
    Live(&state);
    EXPECT_TRUE(learner.Step());
    EXPECT_FALSE(learner.Step()) << "nothing new";
    auto loyal = Predictions(state, learner, "loyal-3");
    auto gone = Predictions(state, learner, "once-9");
    for (const char* name :
         {"churn 90", "buy 7", "buy 30", "buy_category 7", "buy_category 30",
          "next_purchase_amount 30", "expected_purchases 365", "lifetime_value 365"}) {
      EXPECT_TRUE(loyal.contains(name)) << name;
      EXPECT_GT(loyal[name].model_version(), 0) << name;
      EXPECT_FALSE(loyal[name].inputs().empty()) << name;
      EXPECT_GT(loyal[name].reliability().examples(), 0) << name;
    }
    EXPECT_LT(loyal["churn 90"].value(), 0.2);
    EXPECT_GT(gone["churn 90"].value(), 0.8);
    EXPECT_GT(loyal["buy 30"].value(), gone["buy 30"].value() + 0.5);
    EXPECT_EQ(loyal["buy_category 30"].category(), "tea");
    EXPECT_NEAR(loyal["next_purchase_amount 30"].value(), 30, 5);
    EXPECT_GT(loyal["expected_purchases 365"].value(), 20);
    EXPECT_LT(gone["expected_purchases 365"].value(), 2);
    version = learner.Current()->version();
    ASSERT_TRUE(learner.Start().ok());
    learner.Stop();
  }
  PredictionLearner again({}, state.partitions.get(), state.cold.get(), state.store.get(),
                          &registry);
  ASSERT_TRUE(again.Start().ok());
  again.Stop();
  ASSERT_NE(again.Current(), nullptr);
  EXPECT_GE(again.Current()->version(), version);
  EXPECT_LT(Predictions(state, again, "loyal-3")["churn 90"].value(), 0.2);
  // Models for another horizon are not taken for these; they are learned from the samples again.
  PredictionOptions other;
  other.predictor.churn_days = 60;
  PredictionLearner changed(other, state.partitions.get(), state.cold.get(), state.store.get(),
                            &registry);
  ASSERT_TRUE(changed.Start().ok());
  changed.Stop();
  EXPECT_TRUE(Predictions(state, changed, "loyal-3").contains("churn 60"));
}

}  // namespace
}  // namespace kindred::node
