#include "profile/bounded_sets.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "learn/random.h"
#include "profile/profile.h"
#include "profile/test_events.h"

namespace kindred::profile {
namespace {

// A sum as it is kept.
double Kept(double sum) {
  AffinitySum entry{TermId(1), 0, 0};
  entry.set_sum(sum);
  return entry.sum();
}

TEST(BoundedSetsTest, AffinitiesAreThoseOfTheRuleToTheLastBit) {
  for (const uint32_t terms : {3u, 32u, 40u, 500u}) {
    PackedVector<AffinitySum> sums;
    double dropped = 0;
    std::vector<std::pair<TermId, double>> expected;  // in order of arrival
    double expected_dropped = 0;
    learn::Random random(terms);
    for (int i = 0; i < 20'000; ++i) {
      const TermId term(1 + static_cast<uint32_t>(random.Below(1 + random.Below(terms))));
      // Few different amounts, so that sums are equal, cancel out and are below 0.
      const double amount = static_cast<double>(random.Below(7)) - 2.5;
      AddAffinity(sums, term, amount, &dropped);
      const auto known = std::find_if(expected.begin(), expected.end(),
                                      [term](const auto& entry) { return entry.first == term; });
      if (known != expected.end()) {
        known->second = Kept(known->second + amount);
      } else if (expected.size() < kMaxAffinities) {
        expected.emplace_back(term, Kept(amount));
      } else {
        // The latest among equals.
        const auto smallest =
            std::min_element(expected.rbegin(), expected.rend(),
                             [](const auto& a, const auto& b) { return a.second < b.second; });
        if (Kept(amount) <= smallest->second) {
          expected_dropped += amount;
        } else {
          expected_dropped += smallest->second;
          expected.erase(std::next(smallest).base());
          expected.emplace_back(term, Kept(amount));
        }
      }
      ASSERT_EQ(sums.size(), expected.size());
      for (size_t k = 0; k < sums.size(); ++k) {
        ASSERT_EQ(sums[k].term, expected[k].first) << i;
        ASSERT_EQ(sums[k].sum(), expected[k].second) << i;
      }
      ASSERT_EQ(dropped, expected_dropped);
    }
  }
}

// Zeros of either sign are equal: the latest leaves, whatever its sign.
TEST(BoundedSetsTest, NoZeroIsSmallerThanAnother) {
  for (const bool negative_first : {false, true}) {
    PackedVector<AffinitySum> sums;
    double dropped = 0;
    for (uint32_t i = 0; i < kMaxAffinities; ++i) {
      AffinitySum entry{TermId(i + 1), 0, 0};
      entry.set_sum(i == 5   ? (negative_first ? -0.0 : 0.0)
                    : i == 9 ? (negative_first ? 0.0 : -0.0)
                             : 1.0);
      sums.push_back(entry);
    }
    AddAffinity(sums, TermId(100), 2, &dropped);
    EXPECT_EQ(sums[5].term, TermId(6));
    EXPECT_EQ(sums[9].term, TermId(11)) << "the tenth has left";
    EXPECT_EQ(sums.back().term, TermId(100));
  }
}

TEST(BoundedSetsTest, DayCountsAreInOrderAndTheFirstLeaves) {
  const auto key = [](const DayCount& entry) {
    return std::make_tuple(entry.day, entry.type, entry.category.value());
  };
  for (const uint64_t days : {1u, 4u, 30u}) {
    PackedVector<DayCount> counts;
    std::map<std::tuple<uint32_t, event::EventType, uint32_t>, uint32_t> expected;
    learn::Random random(days);
    for (int i = 0; i < 5000; ++i) {
      const DayCount added{20'000 + static_cast<uint32_t>(random.Below(days)),
                           static_cast<event::EventType>(1 + random.Below(6)),
                           TermId(static_cast<uint32_t>(random.Below(i % 1000 < 500 ? 3 : 300))),
                           1 + static_cast<uint32_t>(random.Below(3))};
      AddDayCount(counts, added);
      const bool full = expected.size() == kMaxDayCounts;
      if (expected.contains(key(added)) || !full || key(added) > expected.begin()->first) {
        expected[key(added)] += added.count;
        if (expected.size() > kMaxDayCounts) expected.erase(expected.begin());
      }
      ASSERT_EQ(counts.size(), expected.size());
      size_t k = 0;
      for (const auto& [of, count] : expected) {
        ASSERT_EQ(key(counts[k]), of) << i;
        ASSERT_EQ(counts[k].count, count) << i;
        ++k;
      }
    }
  }
}

// However they arrive, events make the runs that their times make.
TEST(BoundedSetsTest, SessionsAreTheRunsOfTheirTimes) {
  learn::Random random(1);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<int64_t> times;
    for (int i = 0; i < 25; ++i) {
      times.push_back(kTestStartMs + static_cast<int64_t>(random.Below(15)) * kSessionGapMs / 2 +
                      static_cast<int64_t>(random.Below(3)) - 1);
    }
    if (trial % 2 == 0) std::sort(times.begin(), times.end());
    TestApplier applier;
    Profile profile;
    for (const int64_t time_ms : times) {
      TestEvent event;
      event.time_ms = time_ms;
      applier.Apply(event, &profile);
    }
    std::sort(times.begin(), times.end());
    std::vector<Session> expected;
    for (const int64_t time_ms : times) {
      if (expected.empty() || expected.back().end_ms + kSessionGapMs < time_ms) {
        expected.push_back({time_ms, time_ms, 0});
      }
      expected.back().end_ms = time_ms;
      ++expected.back().events;
    }
    ASSERT_LE(expected.size(), kMaxSessions);
    ASSERT_EQ(std::vector<Session>(profile.sessions().begin(), profile.sessions().end()), expected)
        << trial;
  }
}

}  // namespace
}  // namespace kindred::profile
