#include "node/prediction_learner.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "node/audience_keeper.h"
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
  WireBuffer bytes;
  const auto found = state.partitions->slot(PartitionId(0))
                         .state->Visit(customer, profile::CustomerMap::Hash(customer), *state.cold,
                                       [&](const profile::Profile& from) {
                                         WriteProfile(customer, from, *state.shared, nullptr,
                                                      learner.Current().get(),
                                                      state.partitions->newest_event_ms(), &bytes);
                                       });
  EXPECT_TRUE(found.ok() && *found) << customer;
  v1::Profile profile;
  EXPECT_TRUE(profile.ParseFromString(std::string(bytes.bytes())));
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

TEST(PredictionLearner, RulesAskForPredictions) {
  SharedOptions options;
  options.partition_count = 1;
  TestState state(options, store::NewMemoryEnvironment());
  state.partition();
  state.partitions->slot(PartitionId(0)).ownership = Ownership::kOwned;
  telemetry::Registry registry;
  PredictionLearner learner({}, state.partitions.get(), state.cold.get(), state.store.get(),
                            &registry);
  const auto rules = ParseRules("rules.yaml", R"(
audiences:
  - {name: leaving, when: 'prediction("churn") > 0.8'}
  - {name: regular, when: 'prediction("buy", within: 30d) > 0.5 and prediction("churn") < 0.2'}
  - {name: tea, when: 'prediction("buy_category", category: "tea", within: 7d) > 0.3'}
  - {name: other, when: 'prediction("buy_category", category: "coffee") > 0'}
  - {name: never, when: 'prediction("buy", within: 8d) >= 0'}
)");
  ASSERT_TRUE(rules.ok()) << rules.status();
  state.shared->rules.Set(*rules);
  Live(&state);
  AudienceKeeper keeper(AudienceKeeperOptions(), state.shared.get(), state.partitions.get(),
                        state.cold.get(), state.store.get(), nullptr, &learner, [](Partition*) {});
  const auto members = [&] {
    keeper.BeginWalk();
    while (keeper.Step(state.partitions->newest_event_ms())) {
    }
    std::map<std::string, uint64_t> sizes;
    for (const auto& size : state.partition().audiences().Sizes()) sizes[size.name] = size.members;
    return sizes;
  };
  // Absent until they are learned.
  for (const auto& [name, size] : members()) EXPECT_EQ(size, 0u) << name;
  ASSERT_TRUE(learner.Step());
  uint64_t leaving = 0;
  uint64_t regular = 0;
  uint64_t tea = 0;
  state.partition().Walk(0, SIZE_MAX, [&](const profile::Customer& customer) {
    std::map<std::string, double> told;
    for (const profile::Prediction& one : learner.Current()->Predict(
             customer.profile, state.shared->affinity_decay, state.partitions->newest_event_ms())) {
      told[absl::StrCat(one.name, " ", one.horizon_days)] = one.value;
    }
    leaving += told["churn 90"] > 0.8;
    regular += told["buy 30"] > 0.5 && told["churn 90"] < 0.2;
    tea += told["buy_category 7"] > 0.3;
  });
  EXPECT_GT(leaving, 100u);
  EXPECT_GT(regular, 10u);
  auto sizes = members();
  EXPECT_EQ(sizes["leaving"], leaving);
  EXPECT_EQ(sizes["regular"], regular);
  EXPECT_EQ(sizes["tea"], tea);
  EXPECT_EQ(sizes["other"], 0u);
  EXPECT_EQ(sizes["never"], 0u);
}

}  // namespace
}  // namespace kindred::node
