#include "profile/outcome_sample.h"

#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "learn/random.h"
#include "profile/customer_map.h"
#include "profile/predictor.h"
#include "profile/test_events.h"

namespace kindred::profile {
namespace {

constexpr int64_t kDay = kTestDayMs;
// A grid time after which the tests begin.
constexpr int64_t kBegin = (kTestStartMs / kGridMs + 1) * kGridMs;

// Customers, and a sample that goes along as a partition would do it.
class Shop {
 public:
  explicit Shop(size_t capacity = 1000) : sample(capacity) {}

  void Buy(const std::string& id, int64_t time_ms, double price = 10,
           const std::string& category = "tea") {
    Event(id, time_ms, event::EventType::kPurchase, price, category);
    const uint64_t hash = CustomerMap::Hash(id);
    if (sample.MayHold(hash)) {
      sample.NotePurchase(id, hash, time_ms, static_cast<int64_t>(price * kMicros),
                          applier.Term(category));
    }
  }
  void View(const std::string& id, int64_t time_ms) {
    Event(id, time_ms, event::EventType::kView, 0, "tea");
  }

  const OutcomeSample::Member& Member(const std::string& id) const {
    return sample.members().at(OutcomeSample::Rank(CustomerMap::Hash(id)));
  }
  // All rows, as a store would have them.
  void Store(std::map<std::string, std::string>* rows) {
    sample.TakeChanges(
        [rows](absl::string_view key, absl::string_view row) {
          (*rows)[std::string(key)] = std::string(row);
        },
        [rows](absl::string_view key) { rows->erase(std::string(key)); });
  }

  OutcomeSample sample;
  TestApplier applier;
  std::map<std::string, Profile> profiles;

 private:
  void Event(const std::string& id, int64_t time_ms, event::EventType type, double price,
             const std::string& category) {
    sample.Advance(time_ms, applier.decay(), [this](absl::string_view member) {
      const auto found = profiles.find(std::string(member));
      return found == profiles.end() ? nullptr : &found->second;
    });
    const uint64_t hash = CustomerMap::Hash(id);
    if (!profiles.contains(id) && sample.MayHold(hash)) sample.Admit(id, hash);
    TestEvent event;
    event.type = type;
    event.time_ms = time_ms;
    event.price = price;
    event.category = category;
    applier.Apply(event, &profiles[id]);
  }
};

TEST(OutcomeSample, LooksBeforeTheEventAndSeesWhatFollows) {
  Shop shop;
  shop.Buy("a", kBegin + kDay, 10);
  shop.Buy("b", kBegin + kDay, 20);
  // Five weeks later everybody had one turn; "a" buys two lines at once, "b" stays away.
  const int64_t later = kBegin + 36 * kDay;
  shop.Buy("a", later, 30);
  shop.Buy("a", later, 5);
  shop.Buy("a", later + kDay, 99);
  const OutcomeSample::Member& a = shop.Member("a");
  ASSERT_GE(a.snapshots.size(), 1u);
  const Snapshot& looked = a.snapshots.front();
  EXPECT_EQ(looked.time_ms() % kGridMs, 0);
  EXPECT_LE(looked.time_ms(), later);
  // What was known then: one purchase, days ago.
  EXPECT_FLOAT_EQ(looked.inputs[static_cast<size_t>(InputId::kPurchaseFrequency)], std::log1p(1));
  EXPECT_FLOAT_EQ(looked.inputs[static_cast<size_t>(InputId::kSincePurchase)],
                  std::log1p(static_cast<double>(looked.time_ms() - kBegin - kDay) / kDay));
  EXPECT_EQ(looked.bought_ms, later);
  EXPECT_EQ(looked.bought_micros, 35 * 1'000'000);
  ASSERT_EQ(looked.categories.size(), 1u);
  EXPECT_EQ(looked.categories[0].bought_ms, later);
  const OutcomeSample::Member& b = shop.Member("b");
  ASSERT_GE(b.snapshots.size(), 1u);
  EXPECT_EQ(b.snapshots.front().bought_ms, 0);
}

TEST(OutcomeSample, EveryoneHasATurnInFourWeeks) {
  Shop shop;
  for (int i = 0; i < 50; ++i) shop.Buy(absl::StrCat("u-", i), kBegin + i);
  for (int week = 1; week <= 12; ++week) shop.View("u-0", kBegin + week * kGridMs + 1);
  for (const auto& [rank, member] : shop.sample.members()) {
    EXPECT_EQ(member.snapshots.size(), 3u);
    for (size_t i = 1; i < member.snapshots.size(); ++i) {
      EXPECT_EQ(member.snapshots[i].boundary - member.snapshots[i - 1].boundary, kGridPhases);
    }
  }
  // One event after a silence makes all the looks that were due.
  shop.View("u-0", kBegin + 20 * kGridMs + 1);
  for (const auto& [rank, member] : shop.sample.members()) {
    EXPECT_EQ(member.snapshots.size(), 5u);
  }
}

TEST(OutcomeSample, IsBoundedAndDoesNotDependOnTheOrderOfCustomers) {
  std::vector<std::string> ids;
  for (int i = 0; i < 500; ++i) ids.push_back(absl::StrCat("u-", i));
  Shop forwards(40);
  Shop backwards(40);
  for (size_t i = 0; i < ids.size(); ++i) {
    forwards.Buy(ids[i], kBegin);
    backwards.Buy(ids[ids.size() - 1 - i], kBegin);
  }
  ASSERT_EQ(forwards.sample.members().size(), 40u);
  auto a = forwards.sample.members().begin();
  for (const auto& [rank, member] : backwards.sample.members()) {
    EXPECT_EQ(a->second.id, member.id);
    ++a;
  }
  for (int week = 1; week <= 80; ++week) {
    for (int i = 0; i < 5; ++i) forwards.Buy(ids[i * 7], kBegin + week * kGridMs);
  }
  EXPECT_LT(forwards.sample.memory_bytes(), 40u * 4096);
  for (const auto& [rank, member] : forwards.sample.members()) {
    EXPECT_LE(member.snapshots.size(), OutcomeSample::kKept);
  }
}

TEST(OutcomeSample, ForgetsTheDeletedAndTheSilent) {
  Shop shop;
  shop.Buy("a", kBegin);
  shop.Buy("gone", kBegin);
  shop.sample.Remove(CustomerMap::Hash("gone"));
  std::map<std::string, std::string> rows;
  shop.Store(&rows);
  EXPECT_EQ(shop.sample.members().size(), 1u);
  EXPECT_EQ(rows.size(), 2u);  // the head, and one member
  for (int week = 1; week <= 120; ++week) shop.View("other", kBegin + week * kGridMs + 1);
  const Snapshot& last = shop.Member("a").snapshots.back();
  EXPECT_LE(last.time_ms() - kBegin, OutcomeSample::kSilentMs);
}

TEST(OutcomeSample, RowsComeBackAndGoOnTheSame) {
  Shop shop;
  learn::Random random(11);
  std::map<std::string, std::string> rows;
  const auto step = [&](Shop& to, int i) {
    to.Buy(absl::StrCat("u-", i % 37), kBegin + i * kDay / 2, 5 + i % 9, i % 2 ? "tea" : "pots");
  };
  for (int i = 0; i < 150; ++i) {
    step(shop, i);
    if (i % 10 == 0) shop.Store(&rows);
  }
  shop.Store(&rows);
  Shop again;
  for (int i = 0; i < 150; ++i) step(again, i);  // for its profiles and terms
  OutcomeSample restored(1000);
  for (const auto& [key, row] : rows) {
    const absl::Status status = restored.RestoreRow(key, row);
    ASSERT_TRUE(status.ok()) << status;
  }
  again.sample = std::move(restored);
  for (int i = 150; i < 260; ++i) {
    step(shop, i);
    step(again, i);
  }
  EXPECT_EQ(again.sample.next_boundary_ms(), shop.sample.next_boundary_ms());
  ASSERT_EQ(again.sample.members().size(), shop.sample.members().size());
  for (const auto& [rank, member] : shop.sample.members()) {
    EXPECT_EQ(again.sample.members().at(rank).snapshots, member.snapshots);
  }
  for (const auto& [key, row] : rows) {
    OutcomeSample other(10);
    for (size_t size = 0; size < row.size(); ++size) {
      EXPECT_FALSE(other.RestoreRow(key, row.substr(0, size)).ok());
    }
    EXPECT_FALSE(other.RestoreRow(absl::StrCat(key, "x"), row).ok());
  }
}

// --- Predictor

// A shop where half the customers buy every ten days, for more each time, and half bought once.
void Live(Shop& shop, Predictor* predictor, int weeks) {
  int64_t known = 0;
  for (int day = 0; day < weeks * 7; ++day) {
    for (int i = 0; i < 60; ++i) {
      const bool loyal = i % 2 == 0;
      if (loyal ? day % 10 == i / 2 % 10 : day == i % 60) {
        shop.Buy(absl::StrCat("u-", i), kBegin + day * kDay + i, loyal ? 50 : 20);
      }
    }
    if (predictor == nullptr || shop.sample.known_until_ms() == known) continue;
    known = shop.sample.known_until_ms();
    predictor->Gather(0, shop.sample);
    predictor->LearnGathered();
  }
}

TEST(Predictor, KnowsWhoWillBuyAndForHowMuch) {
  Shop shop;
  PredictorOptions options;
  options.churn_days = 30;
  Predictor predictor(options);
  Live(shop, &predictor, 52);
  const int64_t now = kBegin + 52 * 7 * kDay;
  std::vector<PurchaseHistory> histories;
  for (const auto& [id, profile] : shop.profiles) histories.push_back(HistoryOf(profile, now));
  predictor.FitPurchaseModels(histories);
  const auto value = [&](const std::string& id, const std::string& name, int days) {
    for (const Prediction& one :
         predictor.Predict(shop.profiles.at(id), shop.applier.decay(), now)) {
      if (one.name != name || (days != 0 && one.horizon_days != days)) continue;
      if (one.unit == "probability") {
        EXPECT_GE(one.value, 0);
        EXPECT_LE(one.value, 1);
        EXPECT_FALSE(one.drivers.empty());
        EXPECT_GT(one.reliability.examples, 0);
      }
      return one.value;
    }
    ADD_FAILURE() << "no " << name;
    return -1.0;
  };
  EXPECT_LT(value("u-0", "churn", 30), 0.1);
  EXPECT_GT(value("u-1", "churn", 30), 0.9);
  EXPECT_GT(value("u-0", "buy", 30), 0.9);
  EXPECT_GT(value("u-0", "buy_category", 30), 0.9);
  EXPECT_LT(value("u-1", "buy_category", 7), 0.1);
  EXPECT_NEAR(value("u-0", "next_purchase_amount", 0), 50, 5);
  EXPECT_GT(value("u-0", "expected_purchases", 365), 20);
  EXPECT_LT(value("u-1", "expected_purchases", 365), 3);
  EXPECT_GT(value("u-0", "lifetime_value", 365), 1000);
  EXPECT_GT(predictor.churn_reliability().value, 0.95);
}

TEST(Predictor, LearnsTheSameHoweverOftenItLooksAndAfterARestart) {
  Shop shop;
  Predictor often(PredictorOptions{});
  Live(shop, &often, 30);
  // A learner that was asleep finds everything that is still kept; one that looks twice learns
  // once.
  Predictor late(PredictorOptions{});
  late.Gather(0, shop.sample);
  late.Gather(0, shop.sample);
  EXPECT_GT(late.LearnGathered(), 0u);
  EXPECT_EQ(late.examples(), often.examples());
  std::string bytes;
  often.Append(&bytes);
  auto again = Predictor::Parse(bytes, PredictorOptions{});
  ASSERT_TRUE(again.ok()) << again.status();
  again->Gather(0, shop.sample);
  EXPECT_EQ(again->LearnGathered(), 0u);
  std::string written;
  again->Append(&written);
  EXPECT_EQ(written, bytes);
  PredictorOptions other;
  other.churn_days = 31;
  EXPECT_FALSE(Predictor::Parse(bytes, other).ok());
  for (size_t size = 0; size < bytes.size(); size += 7) {
    EXPECT_FALSE(Predictor::Parse(bytes.substr(0, size), PredictorOptions{}).ok());
  }
}

TEST(Predictor, SaysNothingBeforeItKnowsAnything) {
  Shop shop;
  shop.Buy("a", kBegin);
  const Predictor predictor(PredictorOptions{});
  EXPECT_TRUE(predictor.Predict(shop.profiles.at("a"), shop.applier.decay(), kBegin).empty());
  EXPECT_TRUE(predictor.Predict(Profile(), shop.applier.decay(), kBegin).empty());
}

TEST(PredictionInputs, AreFiniteAndCountWindows) {
  Shop shop;
  for (int day : {0, 60, 100, 150, 176, 178}) shop.Buy("a", kBegin + day * kDay);
  const InputVector inputs = PredictionInputs(shop.profiles.at("a"), kBegin + 180 * kDay);
  const auto value = [&inputs](InputId id) {
    const size_t i = static_cast<size_t>(id);
    return InputValue(i, inputs[i]);
  };
  EXPECT_NEAR(value(InputId::kPurchases7), 2, 1e-5);
  EXPECT_NEAR(value(InputId::kPurchases30), 3, 1e-5);
  EXPECT_NEAR(value(InputId::kPurchases90), 4, 1e-5);
  EXPECT_NEAR(value(InputId::kPurchases180), 6, 1e-5);
  EXPECT_NEAR(value(InputId::kSincePurchase), 2, 1e-5);
  EXPECT_NEAR(value(InputId::kMeanGap), 178.0 / 5, 1e-4);
  for (const float one : PredictionInputs(Profile(), 0)) EXPECT_EQ(one, 0);
}

}  // namespace
}  // namespace kindred::profile
