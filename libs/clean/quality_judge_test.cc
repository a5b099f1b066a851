#include "clean/quality_judge.h"

#include <cmath>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::clean {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kStart = 490'008;  // an hour since 1970; midnight UTC is a multiple of 24
constexpr int64_t kDays = 10;
constexpr int64_t kEnd = kStart + 24 * kDays;
constexpr size_t kCountry = static_cast<size_t>(MissingField::kCountry);
constexpr size_t kView = QualityCell::kType + static_cast<size_t>(event::EventType::kView);
constexpr size_t kCart = QualityCell::kType + static_cast<size_t>(event::EventType::kAddToCart);

// Events of a usual hour: a day and a night, some lack the country, some are copies. A simple
// generator makes it vary.
QualityCell Usual(int64_t hour, uint32_t scale, uint64_t* random) {
  const auto next = [random](uint32_t below) {
    *random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<uint32_t>((*random >> 33) % below);
  };
  const bool day = hour % 24 >= 8 && hour % 24 < 22;
  const uint32_t events = (day ? 10 : 2) * scale + next(scale);
  QualityCell cell;
  cell.Add(QualityCell::kAccepted, events);
  cell.Add(QualityCell::kDuplicates, next(events / 50 + 2));
  cell.Add(QualityCell::kRejected, next(events / 100 + 2));
  cell.Add(QualityCell::kCalledFor + kCountry, events);
  cell.Add(QualityCell::kMissing + kCountry, events / 100 + next(events / 100 + 2));
  cell.Add(QualityCell::kDelay, events - events / 50);
  cell.Add(QualityCell::kDelay + 2, events / 50);
  cell.Add(kView, events * 9 / 10);
  cell.Add(kCart, events - events * 9 / 10);
  return cell;
}

// Ten days of two sources; `spoil` changes the cells of "app" from an hour on.
QualityReport Judged(uint64_t seed, int64_t from,
                     const std::function<void(QualityCell*)>& spoil = nullptr) {
  uint64_t random = seed;
  QualityHours hours;
  for (int64_t hour = kStart; hour < kEnd; ++hour) {
    hours["web"][hour] = Usual(hour, 100, &random);
    QualityCell app = Usual(hour, 40, &random);
    if (hour >= from && spoil != nullptr) spoil(&app);
    hours["app"][hour] = app;
  }
  hours["web"][kEnd].Add(QualityCell::kAccepted);  // the hour before is over
  return JudgeQuality(hours);
}

std::set<std::string> Alerts(const QualityReport& report) {
  std::set<std::string> alerts;
  for (const QualityMeasure& one : report.measures) {
    EXPECT_EQ(one.alert, !one.reason.empty());
    if (one.alert) alerts.insert(absl::StrCat(one.source, " ", one.measure, " ", one.field));
  }
  return alerts;
}

const QualityMeasure& Find(const QualityReport& report, const std::string& source,
                           const std::string& field) {
  for (const QualityMeasure& one : report.measures) {
    if (one.source == source && one.field == field) return one;
  }
  ADD_FAILURE() << source << " " << field;
  return report.measures.front();
}

TEST(JudgeQualityTest, UsualHoursRaiseNobody) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    EXPECT_THAT(Alerts(Judged(seed, kEnd)), ::testing::IsEmpty()) << seed;
  }
}

TEST(JudgeQualityTest, SaysWhatIsMissingWhereAndSinceWhen) {
  const QualityReport report = Judged(1, kEnd - 1, [](QualityCell* cell) {
    cell->counts[QualityCell::kMissing + kCountry] = cell->counts[QualityCell::kAccepted] / 3;
  });
  EXPECT_THAT(Alerts(report), ::testing::Contains("app completeness country"));
  EXPECT_EQ(Alerts(report).count("web completeness country"), 0u);
  const QualityMeasure& country = Find(report, "app", "country");
  EXPECT_GT(country.value, 0.1);
  EXPECT_NEAR(country.baseline, 0.015, 0.01);
  EXPECT_THAT(country.reason, HasSubstr("of source app from 2025-12-"));
  EXPECT_THAT(country.reason, HasSubstr("lack it; usual is 1."));
}

TEST(JudgeQualityTest, FindsRejectionsCopiesAndLateness) {
  const QualityReport report = Judged(2, kEnd - 3, [](QualityCell* cell) {
    const uint32_t accepted = cell->counts[QualityCell::kAccepted];
    cell->Add(QualityCell::kRejected, accepted / 5);
    cell->Add(QualityCell::kDuplicates, accepted / 2);
    cell->Add(QualityCell::kDelay + 3, accepted / 4);
    cell->counts[QualityCell::kDelay] -= accepted / 4;
  });
  const std::set<std::string> alerts = Alerts(report);
  EXPECT_EQ(alerts.count("app validity rejected"), 1u);
  EXPECT_EQ(alerts.count("app uniqueness duplicates"), 1u);
  EXPECT_EQ(alerts.count("app timeliness late"), 1u);
  EXPECT_EQ(alerts.count("web validity rejected"), 0u);
  EXPECT_THAT(Find(report, "app", "rejected").reason, HasSubstr("dead letters"));
}

TEST(JudgeQualityTest, ASourceThatFallsSilentOrRepeatsItself) {
  const QualityReport silent =
      Judged(3, kEnd - 24, [](QualityCell* cell) { *cell = QualityCell(); });
  EXPECT_EQ(Alerts(silent).count("app volume events"), 1u);
  EXPECT_THAT(Find(silent, "app", "events").reason, HasSubstr("is its producer running"));
  const QualityReport thrice = Judged(4, kEnd - 2, [](QualityCell* cell) {
    for (uint32_t& count : cell->counts) count *= 3;
  });
  EXPECT_EQ(Alerts(thrice).count("app volume events"), 1u);
  // Shares are as they were.
  EXPECT_EQ(Alerts(thrice).count("app completeness country"), 0u);
}

TEST(JudgeQualityTest, AnotherMixIsADrift) {
  const QualityReport report = Judged(
      5, kEnd - 24, [](QualityCell* cell) { std::swap(cell->counts[kView], cell->counts[kCart]); });
  EXPECT_EQ(Alerts(report).count("app drift event_types"), 1u);
  const QualityMeasure& mix = Find(report, "app", "event_types");
  // (0.1 - 0.9) log(0.1 / 0.9) twice.
  EXPECT_NEAR(mix.value, 2 * 0.8 * std::log(9.0), 0.05);
  EXPECT_THAT(mix.reason, HasSubstr("most by "));
  EXPECT_NEAR(Find(report, "web", "event_types").value, 0, 0.01);
}

TEST(JudgeQualityTest, SaysNothingWithoutAPast) {
  EXPECT_TRUE(JudgeQuality({}).measures.empty());
  QualityHours hours;
  hours["web"][kStart].Add(QualityCell::kAccepted, 10'000);
  EXPECT_TRUE(JudgeQuality(hours).measures.empty());  // not over
  hours["web"][kStart + 1].Add(QualityCell::kAccepted);
  const QualityReport report = JudgeQuality(hours);
  EXPECT_EQ(report.as_of_ms, (kStart + 1) * kQualityHourMs);
  EXPECT_FALSE(report.measures.empty());
  for (const QualityMeasure& one : report.measures) {
    EXPECT_FALSE(one.alert);
    EXPECT_FALSE(one.has_baseline);
  }
}

}  // namespace
}  // namespace kindred::clean
