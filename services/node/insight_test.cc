// Series, forecasts and unusual hours, over real partitions and a store in memory.
#include <cmath>
#include <map>
#include <memory>
#include <string>

#include "base/hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/checkpointer.h"
#include "node/hour_watch.h"
#include "node/learner.h"
#include "node/live_serving.h"
#include "node/quality_watch.h"
#include "node/test_state.h"

namespace kindred::node {
namespace {

using ::testing::HasSubstr;

constexpr int kPartitions = 2;
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kFirstDayMs = kTestTimeMs / kDayMs * kDayMs - 60 * kDayMs;

SharedOptions TwoPartitions() {
  SharedOptions options;
  options.partition_count = kPartitions;
  return options;
}

LearnerOptions FastLearner() {
  LearnerOptions options;
  options.segments = 2;
  options.pass_interval = absl::Milliseconds(20);
  return options;
}

// Purchases of day 0, 1, 2 …: more on weekends, and not the same every week.
int PurchasesOf(int day) { return 6 + (day % 7 >= 5 ? 8 : day % 7) + day * 5 % 3; }

// Of the shop with buyers and visitors.
constexpr int kShopDays = 40;
constexpr int kBuyers = 30;
int OrdersOf(int day) { return 10 + day / 7 * 3 + day % 7; }

class InsightTest : public ::testing::Test {
 protected:
  InsightTest() { Open(); }

  void Open() {
    serving_.reset();
    predictions_.reset();
    learner_.reset();
    checkpointer_.reset();
    state_.reset();
    registry_ = std::make_unique<telemetry::Registry>();
    state_ = std::make_unique<TestState>(TwoPartitions(), environment_);
    checkpointer_ = std::make_unique<Checkpointer>(
        state_->store.get(), registry_.get(), [](Partition&, const PendingCheckpoint&) {},
        [](absl::Status) {});
    learner_ = std::make_unique<Learner>(FastLearner(), state_->partitions.get(),
                                         state_->store.get(), registry_.get());
    predictions_ = std::make_unique<PredictionLearner>(PredictionOptions(),
                                                       state_->partitions.get(), state_->cold.get(),
                                                       state_->store.get(), registry_.get());
    serving_ = std::make_unique<LiveServing>(
        StatusInfo{"events", "kindred", 1 << 30, absl::Now()}, state_->shared.get(),
        state_->partitions.get(), state_->cold.get(), state_->store.get(), learner_.get(),
        predictions_.get(), checkpointer_.get(), &health_);
  }

  void Send(const std::string& user, const std::string& type, int64_t time_ms,
            const std::string& more) {
    const int32_t home = base::PartitionOf(user, kPartitions);
    state_->Feed(user, TestEvent(absl::StrCat("e-", ++count_), user, type, time_ms, more), home,
                 time_ms);
  }

  void Buy(int customer, const std::string& item, int64_t time_ms, double price) {
    Send(absl::StrCat("u-", customer), "purchase", time_ms,
         absl::StrCat("\"item_id\":\"", item, "\",\"category\":\"tea\",\"quantity\":1,\"price\":",
                      price, ",\"currency\":\"USD\""));
  }

  void FeedDays(int days) {
    for (int day = 0; day < days; ++day) {
      for (int i = 0; i < PurchasesOf(day); ++i) {
        Buy(i % 10, i % 2 == 0 ? "green" : "black", kFirstDayMs + day * kDayMs + i * kHourMs / 2,
            10);
      }
    }
  }

  void Own() {
    for (int32_t p = 0; p < kPartitions; ++p) {
      state_->partitions->slot(PartitionId(p)).ownership = Ownership::kOwned;
      state_->partitions->slot(PartitionId(p)).caught_up = true;
    }
  }

  // Starts the learner, and waits for a walk that met the members of all segments.
  void WalkAll() {
    Own();
    ASSERT_TRUE(learner_->Start().ok());
    const auto met = [this] {
      const auto segments = learner_->Current();
      return segments != nullptr && !segments->series.empty() &&
             std::none_of(segments->series.begin(), segments->series.end(),
                          [](const auto& series) { return series == nullptr; });
    };
    for (int i = 0; i < 2000 && !met(); ++i) absl::SleepFor(absl::Milliseconds(10));
    ASSERT_TRUE(met());
  }

  // The series of the segment that the customer is in.
  std::string SeriesOf(const std::string& customer) {
    v1::GetProfileRequest request;
    v1::Profile profile;
    request.set_name(absl::StrCat("profiles/", customer));
    const absl::Status status = serving_->GetProfile(request, &profile);
    EXPECT_TRUE(status.ok()) << status;
    return absl::StrCat("series/", profile.segment().segment());
  }

  // Thirty buyers, more each week, of two lines each time; sixty visitors who look once, fifteen on
  // each of the last four days.
  void FeedBuyersAndVisitors() {
    for (int day = 0; day < kShopDays; ++day) {
      for (int i = 0; i < OrdersOf(day); ++i) {
        const int64_t time_ms = kFirstDayMs + day * kDayMs + i * kHourMs / 2;
        Buy((day + i) % kBuyers, "green", time_ms, 10);
        Buy((day + i) % kBuyers, "black", time_ms, 10);
      }
    }
    for (int i = 0; i < 60; ++i) {
      Send(absl::StrCat("v-", i), "view", kFirstDayMs + (kShopDays - 1 - i % 4) * kDayMs,
           R"("item_id":"green")");
    }
  }

  absl::StatusOr<v1::Series> GetSeries(const std::string& name, int count,
                                       v1::SeriesStep step = v1::SERIES_STEP_DAY) {
    v1::GetSeriesRequest request;
    request.set_name(name);
    request.set_count(count);
    request.set_step(step);
    v1::Series series;
    const absl::Status status = serving_->GetSeries(request, &series);
    if (!status.ok()) return status;
    return series;
  }

  std::shared_ptr<store::Environment> environment_ = store::NewMemoryEnvironment();
  std::unique_ptr<telemetry::Registry> registry_;
  telemetry::HealthState health_;
  std::unique_ptr<TestState> state_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<Learner> learner_;
  std::unique_ptr<PredictionLearner> predictions_;
  std::unique_ptr<LiveServing> serving_;
  int count_ = 0;
};

TEST_F(InsightTest, SeriesAreTheSumOverPartitionsAlsoAfterARestart) {
  EXPECT_EQ(GetSeries("series/all", 5)->points_size(), 0) << "before the first event";
  FeedDays(20);
  Send("u-3", "refund", kFirstDayMs + 19 * kDayMs + 20 * kHourMs,
       "\"item_id\":\"green\",\"quantity\":1,\"price\":4,\"currency\":\"USD\"");
  Send("u-4", "purchase", kFirstDayMs + 19 * kDayMs + 20 * kHourMs,
       "\"item_id\":\"other\",\"quantity\":1,\"price\":4,\"currency\":\"CHF\"");
  state_->Checkpoint(0);
  state_->Checkpoint(1);
  for (const bool restarted : {false, true}) {
    if (restarted) Open();
    const auto all = GetSeries("series/all", 20);
    ASSERT_TRUE(all.ok()) << all.status();
    ASSERT_EQ(all->points_size(), 20);
    for (int day = 0; day < 19; ++day) {
      const v1::SeriesPoint& point = all->points(day);
      EXPECT_EQ(point.time().seconds() * 1000, kFirstDayMs + day * kDayMs);
      EXPECT_EQ(point.event_count(), PurchasesOf(day));
      EXPECT_EQ(point.customer_count(), std::min(10, PurchasesOf(day)));
      EXPECT_EQ(point.amount(), 10 * PurchasesOf(day));
    }
    EXPECT_EQ(all->points(19).event_count(), PurchasesOf(19) + 2);
    EXPECT_EQ(all->points(19).amount(), 10 * PurchasesOf(19) - 4) << "another currency is none";
    EXPECT_FALSE(all->has_complete_since_time());
    const auto refunds = GetSeries("series/event-types/refund", 20);
    ASSERT_TRUE(refunds.ok()) << refunds.status();
    EXPECT_EQ(refunds->points(19).amount(), -4);
    EXPECT_EQ(refunds->points(18).event_count(), 0);
    EXPECT_EQ(GetSeries("series/items/green", 20)->points(0).event_count(), 3);
    EXPECT_EQ(GetSeries("series/categories/tea", 20)->points(5).event_count(), PurchasesOf(5));
    const auto hours = GetSeries("series/all", 48, v1::SERIES_STEP_HOUR);
    ASSERT_TRUE(hours.ok());
    int64_t events = 0;
    for (const v1::SeriesPoint& point : hours->points()) events += point.event_count();
    EXPECT_EQ(events, PurchasesOf(18) + PurchasesOf(19) + 2 - /*before the 48 hours*/ 0);
  }
  v1::ListSeriesResponse list;
  ASSERT_TRUE(serving_->ListSeries({}, &list).ok());
  EXPECT_EQ(list.series(0).name(), "series/all");
  EXPECT_EQ(list.series(1).name(), "series/event-types/purchase");
  EXPECT_THAT(list.ShortDebugString(), HasSubstr("series/categories/tea"));
  EXPECT_THAT(list.ShortDebugString(), HasSubstr("series/items/green"));
}

TEST_F(InsightTest, AnUndoneSaleLeavesItsDay) {
  FeedDays(3);
  const int64_t time_ms = kFirstDayMs + kDayMs;
  const std::string sale =
      "\"item_id\":\"green\",\"category\":\"tea\",\"quantity\":1,\"price\":7,\"currency\":\"USD\"";
  Send("u-1", "purchase", time_ms, sale);
  EXPECT_EQ(GetSeries("series/all", 3)->points(1).amount(), 10 * PurchasesOf(1) + 7);
  --count_;  // an undo repeats the event, id and all
  Send("u-1", "purchase", time_ms, sale + ",\"undo\":true");
  for (const char* name : {"series/all", "series/event-types/purchase", "series/categories/tea"}) {
    const v1::SeriesPoint point = GetSeries(name, 3)->points(1);
    EXPECT_EQ(point.event_count(), PurchasesOf(1)) << name;
    EXPECT_EQ(point.amount(), 10 * PurchasesOf(1)) << name;
  }
}

TEST_F(InsightTest, WrongQuestionsAreToldWhatIsWrong) {
  FeedDays(3);
  for (const char* name : {"", "all", "series/", "series/what", "series/items/", "series/segments/",
                           "series/segments/0", "series/segments/x", "series/segments/1/amounts",
                           "series/segments//purchases"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(GetSeries(name, 3).status())) << name;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(GetSeries("series/all", -1).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(GetSeries("series/all", 417).status()));
  EXPECT_TRUE(absl::IsNotFound(GetSeries("series/items/never-seen", 3).status()));
  EXPECT_TRUE(absl::IsNotFound(GetSeries("series/event-types/view", 3).status()));
  EXPECT_TRUE(absl::IsNotFound(GetSeries("series/event-types/no-such-type", 3).status()));
  v1::ForecastRequest request;
  v1::ForecastResponse response;
  request.set_name("series/all");
  request.set_horizon(367);
  EXPECT_TRUE(absl::IsInvalidArgument(serving_->Forecast(request, &response)));
  request.set_horizon(3);
  request.set_coverage(1);
  EXPECT_TRUE(absl::IsInvalidArgument(serving_->Forecast(request, &response)));
  request.set_coverage(0);
  EXPECT_TRUE(absl::IsFailedPrecondition(serving_->Forecast(request, &response)))
      << "two whole days are too few";
}

TEST_F(InsightTest, AForecastFollowsTheWeek) {
  FeedDays(60);
  v1::ForecastRequest request;
  request.set_name("series/event-types/purchase");
  request.set_measure(v1::SERIES_MEASURE_AMOUNT);
  request.set_horizon(14);
  v1::ForecastResponse response;
  const absl::Status status = serving_->Forecast(request, &response);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(response.history_size(), 59) << "the newest day is not over";
  ASSERT_EQ(response.points_size(), 14);
  for (int h = 0; h < 14; ++h) {
    const v1::ForecastPoint& point = response.points(h);
    EXPECT_EQ(point.time().seconds() * 1000, kFirstDayMs + (59 + h) * kDayMs);
    EXPECT_NEAR(point.mean(), 10 * PurchasesOf(59 + h), 25) << h;
    EXPECT_LE(point.lower(), point.mean());
    EXPECT_GE(point.upper(), point.mean());
  }
  EXPECT_GE(response.backtest_size(), 5);
  EXPECT_FALSE(response.method().empty());
}

TEST_F(InsightTest, ASegmentsSeriesAreWhatItsMembersDid) {
  FeedBuyersAndVisitors();
  WalkAll();
  // Whose series it is follows from whose segment it is.
  const std::string buyers = SeriesOf("u-1");
  const std::string visitors = SeriesOf("v-1");
  ASSERT_NE(buyers, visitors);
  const auto days = GetSeries(buyers + "/purchases", kShopDays);
  ASSERT_TRUE(days.ok()) << days.status();
  ASSERT_EQ(days->points_size(), kShopDays);
  EXPECT_TRUE(days->has_walk_time());
  EXPECT_FALSE(days->has_complete_since_time());
  for (int day = 0; day < kShopDays; ++day) {
    const v1::SeriesPoint& point = days->points(day);
    EXPECT_EQ(point.time().seconds() * 1000, kFirstDayMs + day * kDayMs);
    EXPECT_EQ(point.event_count(), OrdersOf(day)) << "purchases, not their lines";
    EXPECT_EQ(point.customer_count(), std::min(OrdersOf(day), kBuyers));
    EXPECT_FALSE(point.has_amount());
  }
  const auto hours = GetSeries(buyers + "/purchases", 24, v1::SERIES_STEP_HOUR);
  ASSERT_TRUE(hours.ok()) << hours.status();
  int64_t purchases = 0;
  for (const v1::SeriesPoint& point : hours->points()) purchases += point.event_count();
  EXPECT_EQ(purchases, OrdersOf(kShopDays - 1)) << "none of the day before";
  const auto acts = GetSeries(buyers, kShopDays);
  ASSERT_TRUE(acts.ok()) << acts.status();
  for (int day = 0; day < kShopDays; ++day) {
    EXPECT_EQ(acts->points(day).event_count(), 2 * OrdersOf(day));
  }
  const auto views = GetSeries(visitors, 5);
  ASSERT_TRUE(views.ok()) << views.status();
  EXPECT_EQ(views->points(0).event_count(), 0);
  for (int i = 1; i < 5; ++i) EXPECT_EQ(views->points(i).event_count(), 15);
  v1::ListSeriesResponse list;
  ASSERT_TRUE(serving_->ListSeries({}, &list).ok());
  for (const std::string& name : {buyers, visitors, buyers + "/purchases"}) {
    EXPECT_THAT(list.ShortDebugString(), HasSubstr(absl::StrCat("\"", name, "\"")));
  }
}

TEST_F(InsightTest, OfASegmentNothingIsMadeUp) {
  FeedBuyersAndVisitors();
  // Of this buyer 32 counts do not reach back to the first day.
  for (int i = 0; i < 60; ++i) {
    Send("u-1", "view", kFirstDayMs + 15 * kDayMs + i,
         absl::StrCat("\"item_id\":\"green\",\"category\":\"c", i, "\""));
  }
  EXPECT_TRUE(absl::IsNotFound(GetSeries("series/segments/1", 3).status())) << "not learned yet";
  WalkAll();
  const std::string buyers = SeriesOf("u-1");
  EXPECT_TRUE(absl::IsNotFound(GetSeries(SeriesOf("v-1") + "/purchases", 5).status()))
      << "nobody in it ever bought";
  EXPECT_TRUE(absl::IsNotFound(GetSeries("series/segments/99", 5).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(GetSeries(buyers, 5, v1::SERIES_STEP_HOUR).status()))
      << "profiles keep no hours of views";
  v1::ForecastRequest request;
  v1::ForecastResponse forecast;
  request.set_name(buyers + "/purchases");
  request.set_measure(v1::SERIES_MEASURE_AMOUNT);
  EXPECT_TRUE(absl::IsInvalidArgument(serving_->Forecast(request, &forecast)));
  request.set_measure(v1::SERIES_MEASURE_CUSTOMERS);
  absl::Status status = serving_->Forecast(request, &forecast);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(forecast.history_size(), kShopDays - 1);
  EXPECT_EQ(forecast.points(0).time().seconds() * 1000, kFirstDayMs + (kShopDays - 1) * kDayMs);
  // A forecast learns from whole days alone.
  const auto acts = GetSeries(buyers, kShopDays);
  ASSERT_TRUE(acts.ok()) << acts.status();
  const int64_t since_ms = acts->complete_since_time().seconds() * 1000;
  EXPECT_EQ(since_ms, kFirstDayMs + 16 * kDayMs);
  request.set_name(buyers);
  request.set_measure(v1::SERIES_MEASURE_EVENTS);
  forecast.Clear();
  status = serving_->Forecast(request, &forecast);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(forecast.history(0).time().seconds() * 1000, since_ms);
  EXPECT_EQ(forecast.history_size(), kShopDays - 17);
}

TEST_F(InsightTest, AnHourWithoutSalesIsNoticedOnce) {
  HourWatch watch(state_->partitions.get(), registry_.get());
  watch.Check();
  // Six days, fifty purchases an hour, give or take.
  const auto hour = [this](int h, int purchases) {
    for (int i = 0; i < purchases; ++i) {
      Buy(i % 40, "green", kFirstDayMs + h * kHourMs + i * 60'000, 10);
    }
  };
  for (int h = 0; h < 144; ++h) hour(h, 50 + h * 7 % 5);
  hour(144, 20);
  watch.Check();
  EXPECT_THAT(registry_->RenderText(),
              HasSubstr("kindred_series_anomalies_total{measure=\"events\","
                        "series=\"all\"} 0"));
  // Nothing for an hour; the next one shows that it is over.
  hour(146, 20);
  watch.Check();
  const std::string metrics = registry_->RenderText();
  for (const char* line :
       {"kindred_series_anomalies_total{measure=\"events\",series=\"all\"} 1",
        "kindred_series_anomalies_total{measure=\"events\",series=\"purchase\"} 1",
        "kindred_series_anomalies_total{measure=\"amount\",series=\"purchase\"} 1"}) {
    EXPECT_THAT(metrics, HasSubstr(line));
  }
  watch.Check();
  EXPECT_EQ(registry_->RenderText(), metrics) << "an hour is judged once";
}

TEST_F(InsightTest, DataQualityIsJudgedToldOnceAndKept) {
  v1::DataQuality quality;
  EXPECT_TRUE(absl::IsFailedPrecondition(serving_->GetDataQuality({}, &quality)));
  const auto send = [this](int h, int i, bool country) {
    Send(absl::StrCat("u-", i % 40), "view", kFirstDayMs + h * kHourMs + i * 20'000,
         absl::StrCat(R"("item_id":"green","channel":"app")", country ? R"(,"country":"DE")" : ""));
  };
  for (int h = 0; h < 120; ++h) {
    for (int i = 0; i < 50; ++i) send(h, i, i % 50 != h % 50);
  }
  Own();
  v1::GetDataQualityRequest alerts;
  alerts.set_alerts_only(true);
  quality.Clear();
  ASSERT_TRUE(serving_->GetDataQuality(alerts, &quality).ok());
  EXPECT_EQ(quality.measures_size(), 0) << quality.DebugString();
  auto watch = std::make_unique<QualityWatch>(state_->partitions.get(), learner_.get(),
                                              absl::Minutes(15), registry_.get());
  watch->Check();
  EXPECT_THAT(registry_->RenderText(),
              HasSubstr("kindred_data_quality_alerts_total{measure=\"completeness\"} 0"));
  // An app that forgot the country.
  for (int h = 120; h < 125; ++h) {
    for (int i = 0; i < 50; ++i) send(h, i, i % 2 == 0);
  }
  watch->Check();
  watch->Check();
  const std::string metrics = registry_->RenderText();
  EXPECT_THAT(metrics, HasSubstr("kindred_data_quality_alerts_total{measure=\"completeness\"} 2"))
      << "of all and of the one source, each once";
  EXPECT_THAT(metrics,
              HasSubstr("kindred_data_quality_alert{source=\"app\",measure=\"completeness\","
                        "field=\"country\"} 1"));
  quality.Clear();
  ASSERT_TRUE(serving_->GetDataQuality(alerts, &quality).ok());
  ASSERT_EQ(quality.measures_size(), 2) << quality.DebugString();
  EXPECT_EQ(quality.measures(1).source(), "app");
  EXPECT_EQ(quality.measures(1).field(), "country");
  EXPECT_NEAR(quality.measures(1).value(), 0.5, 0.01);
  EXPECT_NEAR(quality.measures(1).baseline(), 0.02, 0.01);
  EXPECT_THAT(quality.measures(1).reason(), HasSubstr("of source app"));
  // What was counted is part of the checkpoint.
  v1::DataQuality before;
  ASSERT_TRUE(serving_->GetDataQuality({}, &before).ok());
  for (int32_t p = 0; p < kPartitions; ++p) state_->Checkpoint(p);
  watch.reset();
  Open();
  quality.Clear();
  ASSERT_TRUE(serving_->GetDataQuality({}, &quality).ok());
  EXPECT_EQ(quality.SerializeAsString(), before.SerializeAsString());
}

TEST_F(InsightTest, CustomersUnlikeThoseBeforeAreTold) {
  Own();
  ASSERT_TRUE(learner_->Start().ok());
  // Three hundred and one others each day; the newest event is of a full hour, which a restart
  // keeps.
  const auto live = [this](int day, bool buy) {
    for (int i = 0; i < 300; ++i) {
      const int64_t time_ms = kFirstDayMs + day * kDayMs + 19 * kHourMs - i * 60'000;
      const int customer = day * 300 + i;
      for (int view = 0; view <= i % 4; ++view) {
        Send(absl::StrCat("u-", customer), "view", time_ms, R"("item_id":"green")");
      }
      if (buy) Buy(customer, "green", time_ms, 5000);
    }
    // A walk as of this one event has met all the others.
    const int64_t newest_ms = kFirstDayMs + day * kDayMs + 20 * kHourMs;
    Send(absl::StrCat("last-", day), "view", newest_ms, R"("item_id":"green")");
    for (int i = 0; i < 2000 && learner_->feature_days()->as_of_ms() != newest_ms; ++i) {
      absl::SleepFor(absl::Milliseconds(10));
    }
    ASSERT_EQ(learner_->feature_days()->as_of_ms(), newest_ms);
  };
  const auto drift = [this] {
    v1::DataQuality quality;
    EXPECT_TRUE(serving_->GetDataQuality({}, &quality).ok());
    std::map<std::string, v1::DataQualityMeasure> drifts;
    for (const v1::DataQualityMeasure& one : quality.measures()) {
      if (one.measure() == "customer_drift") drifts[one.field()] = one;
    }
    return drifts;
  };
  auto watch = std::make_unique<QualityWatch>(state_->partitions.get(), learner_.get(),
                                              absl::Minutes(15), registry_.get());
  for (int day = 0; day < 12; ++day) live(day, /*buy=*/false);
  watch->Check();
  for (const auto& [field, one] : drift()) EXPECT_FALSE(one.alert()) << one.reason();
  EXPECT_EQ(drift()["total_spend"].event_count(), 301);
  EXPECT_TRUE(drift()["total_spend"].has_baseline());
  EXPECT_THAT(registry_->RenderText(),
              HasSubstr("kindred_data_quality_alerts_total{measure=\"customer_drift\"} 0"));
  live(12, /*buy=*/true);
  watch->Check();
  for (const char* field : {"total_spend", "average_order_amount", "purchase_frequency"}) {
    EXPECT_TRUE(drift()[field].alert()) << field;
    EXPECT_GT(drift()[field].value(), 0.25);
    EXPECT_THAT(drift()[field].reason(), HasSubstr("301 customers"));
    EXPECT_THAT(registry_->RenderText(),
                HasSubstr(absl::StrCat("kindred_data_quality_alert{source=\"(all)\",measure=\""
                                       "customer_drift\",field=\"",
                                       field, "\"} 1")));
  }
  EXPECT_FALSE(drift()["views"].alert()) << "they look as they did";
  // What was usual outlives the process.
  const std::string before = drift()["total_spend"].SerializeAsString();
  for (int32_t p = 0; p < kPartitions; ++p) state_->Checkpoint(p);
  watch.reset();
  learner_->Stop();
  Open();
  Own();
  ASSERT_TRUE(learner_->Start().ok());
  EXPECT_EQ(drift()["total_spend"].SerializeAsString(), before);
}

}  // namespace
}  // namespace kindred::node
