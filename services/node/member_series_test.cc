#include "node/member_series.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "learn/random.h"
#include "profile/test_events.h"

namespace kindred::node {
namespace {

using profile::kTestDayMs;
using profile::kTestStartMs;
using series::SeriesPoint;
using series::Step;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kAsOfMs = kTestStartMs + 100 * kTestDayMs;

profile::TestEvent Act(event::EventType type, int64_t time_ms, const std::string& category) {
  profile::TestEvent event;
  event.type = type;
  event.time_ms = time_ms;
  event.category = category;
  if (type == event::EventType::kPurchase) event.price = 1;
  return event;
}

// What happened by step, told one event at a time.
class Expected {
 public:
  explicit Expected(int64_t step_ms) : step_ms_(step_ms) {}
  void Add(int member, int64_t time_ms) {
    ++events_[time_ms / step_ms_];
    customers_[time_ms / step_ms_].insert(member);
  }
  // The points are these from `since_ms` on, and nowhere more.
  void Check(const std::vector<SeriesPoint>& points, int64_t first, int64_t since_ms) const {
    for (size_t i = 0; i < points.size(); ++i) {
      const int64_t step = first + static_cast<int64_t>(i);
      const auto events = events_.find(step);
      const uint64_t count = events == events_.end() ? 0 : events->second;
      const size_t customers = count == 0 ? 0 : customers_.at(step).size();
      EXPECT_LE(points[i].events, count) << step;
      EXPECT_LE(points[i].customers, customers) << step;
      if (step * step_ms_ < since_ms) continue;
      EXPECT_EQ(points[i].events, count) << step;
      EXPECT_EQ(points[i].customers, customers) << step;
      EXPECT_EQ(points[i].amount_micros, 0);
    }
  }

 private:
  const int64_t step_ms_;
  std::map<int64_t, uint64_t> events_;
  std::map<int64_t, std::set<int>> customers_;
};

class MemberSeriesTest : public ::testing::Test {
 protected:
  // Each of `most` acts at most, in the hundred days before kAsOfMs.
  void AddMembers(int members, uint64_t most, learn::Random& random) {
    constexpr event::EventType kTypes[] = {event::EventType::kView, event::EventType::kAddToCart,
                                           event::EventType::kPurchase};
    for (const int last = members_ + members; members_ < last; ++members_) {
      profile::Profile profile;
      const uint64_t acts = 1 + random.Below(most);
      for (uint64_t i = 0; i < acts; ++i) {
        // Distinct times: purchases count by them.
        const int64_t time_ms = kTestStartMs +
                                static_cast<int64_t>(random.Below(100 * 24 - 1)) * kHourMs +
                                static_cast<int64_t>(i);
        const event::EventType type = kTypes[random.Below(3)];
        applier_.Apply(Act(type, time_ms, "c" + std::to_string(random.Below(3))), &profile);
        all_.Add(members_, time_ms);
        if (type != event::EventType::kPurchase) continue;
        purchase_days_.Add(members_, time_ms);
        purchase_hours_.Add(members_, time_ms);
      }
      series_.Add(profile);
    }
  }

  static std::vector<SeriesPoint> Read(const MemberSeries& series, MemberActs acts, Step step) {
    std::vector<SeriesPoint> points(416);
    series.AddTo(acts, step, kAsOfMs / series::StepMs(step) - 415, &points);
    return points;
  }

  void CheckAll() const {
    constexpr int64_t kFirstDay = kAsOfMs / kTestDayMs - 415;
    constexpr int64_t kFirstHour = kAsOfMs / kHourMs - 415;
    all_.Check(Read(series_, MemberActs::kAll, Step::kDay), kFirstDay,
               series_.SinceMs(MemberActs::kAll));
    const int64_t since_ms = series_.SinceMs(MemberActs::kPurchases);
    purchase_days_.Check(Read(series_, MemberActs::kPurchases, Step::kDay), kFirstDay, since_ms);
    purchase_hours_.Check(Read(series_, MemberActs::kPurchases, Step::kHour), kFirstHour, since_ms);
  }

  profile::TestApplier applier_;
  int members_ = 0;
  MemberSeries series_{kAsOfMs};
  Expected all_{kTestDayMs};
  Expected purchase_days_{kTestDayMs};
  Expected purchase_hours_{kHourMs};
};

TEST_F(MemberSeriesTest, AreTheSumOfWhatMembersDid) {
  learn::Random random(1);
  AddMembers(/*members=*/50, /*most=*/40, random);
  EXPECT_EQ(series_.SinceMs(MemberActs::kAll), 0) << "twenty, and twenty of other days";
  EXPECT_EQ(series_.SinceMs(MemberActs::kPurchases), 0);
  CheckAll();
}

TEST_F(MemberSeriesTest, SayFromWhenOnTheyAreWhole) {
  learn::Random random(2);
  AddMembers(/*members=*/20, /*most=*/60, random);
  AddMembers(/*members=*/3, /*most=*/2000, random);
  // Within the hundred days, so both parts of the comparison are looked at.
  for (const MemberActs acts : {MemberActs::kAll, MemberActs::kPurchases}) {
    EXPECT_GT(series_.SinceMs(acts), kTestStartMs);
    EXPECT_LT(series_.SinceMs(acts), kAsOfMs);
    EXPECT_EQ(series_.SinceMs(acts) % kTestDayMs, 0);
  }
  CheckAll();
}

TEST_F(MemberSeriesTest, LeaveOutWhatIsOutsideOfTheirSpan) {
  profile::Profile profile;
  const int64_t day_ms = kAsOfMs / kTestDayMs * kTestDayMs;
  for (const int64_t time_ms :
       {day_ms - 416 * kTestDayMs, day_ms - 415 * kTestDayMs - 1, day_ms + kTestDayMs}) {
    applier_.Apply(Act(event::EventType::kPurchase, time_ms, "tea"), &profile);
  }
  series_.Add(profile);
  CheckAll();  // nothing
  for (const int64_t time_ms : {day_ms - 415 * kTestDayMs, day_ms + kTestDayMs - 1}) {
    profile::Profile inside;
    applier_.Apply(Act(event::EventType::kPurchase, time_ms, "tea"), &inside);
    series_.Add(inside);
  }
  const std::vector<SeriesPoint> days = Read(series_, MemberActs::kPurchases, Step::kDay);
  EXPECT_EQ(days.front().events, 1);
  EXPECT_EQ(days.back().events, 1);
  // Asked from elsewhere, and of what is not known.
  std::vector<SeriesPoint> before(3);
  series_.AddTo(MemberActs::kPurchases, Step::kDay, 0, &before);
  EXPECT_EQ(before[2].events, 0);
  EXPECT_EQ(Read(series_, MemberActs::kAll, Step::kHour).back().events, 0);
}

}  // namespace
}  // namespace kindred::node
