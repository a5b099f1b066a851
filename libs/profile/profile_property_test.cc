// What must hold for any events: the order of arrival does not matter, parts add, and a record
// reads back as it was written.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "learn/random.h"
#include "profile/features.h"
#include "profile/profile.h"
#include "profile/test_events.h"

namespace kindred::profile {
namespace {

using event::EventType;
using learn::Random;

std::string Pick(Random& random, const std::string& prefix, uint64_t of) {
  return prefix + std::to_string(random.Below(of));
}

// Within the bounds of profile_parts.h: at most 8 sessions, 32 categories, 16 channels, 256 items
// bought … Times are distinct but for the lines of one order.
std::vector<TestEvent> RandomEvents(Random& random, size_t count) {
  constexpr EventType kTypes[] = {
      EventType::kView,    EventType::kClick,    EventType::kAddToCart, EventType::kPurchase,
      EventType::kRefund,  EventType::kRating,   EventType::kSearch,    EventType::kRemoveFromCart,
      EventType::kConsent, EventType::kIdentify, EventType::kDislike};
  std::vector<TestEvent> events;
  for (size_t i = 0; i < count; ++i) {
    TestEvent event;
    event.type = kTypes[random.Below(std::size(kTypes))];
    const bool personal = event.type == EventType::kConsent || event.type == EventType::kIdentify;
    // Seven visits of half an hour, weeks apart.
    event.time_ms = kTestStartMs + static_cast<int64_t>(random.Below(7)) * 17 * kTestDayMs +
                    static_cast<int64_t>(random.Below(1'800'000)) * 1;
    event.item = personal ? "" : Pick(random, "sku-", 40);
    event.category = personal ? "" : Pick(random, "category-", 12);
    event.brand = personal ? "" : Pick(random, "brand-", 12);
    event.channel = Pick(random, "channel-", 5);
    event.device = Pick(random, "device-", 3);
    event.country = Pick(random, "C", 4);
    event.price = 0.01 * static_cast<double>(1 + random.Below(100'000));
    event.quantity = static_cast<double>(1 + random.Below(12));
    event.currency = random.Below(10) == 0 ? "USD" : "EUR";
    event.rating = event.type == EventType::kRating ? 1 + 0.5 * random.Below(9) : 0;
    if (event.type == EventType::kIdentify) {
      event.traits = {{Pick(random, "trait-", 5), std::to_string(random.Below(1000))}};
      event.anonymous_id = Pick(random, "device-", 6);
    }
    if (event.type == EventType::kConsent) {
      event.consents = {{Pick(random, "purpose-", 3), random.Below(2) == 0}};
    }
    events.push_back(event);
    if (event.type == EventType::kPurchase && random.Below(2) == 0) {
      event.item = Pick(random, "sku-", 40);
      events.push_back(event);
    }
  }
  return events;
}

void Shuffle(Random& random, std::vector<TestEvent>& events) {
  for (size_t i = events.size(); i > 1; --i) std::swap(events[i - 1], events[random.Below(i)]);
}

std::map<uint32_t, double> SumsByTerm(absl::Span<const AffinitySum> sums) {
  std::map<uint32_t, double> by_term;
  for (const AffinitySum& entry : sums) by_term[entry.term.value()] = entry.sum();
  return by_term;
}

void ExpectSumsNear(absl::Span<const AffinitySum> a, absl::Span<const AffinitySum> b) {
  const auto expected = SumsByTerm(a);
  const auto actual = SumsByTerm(b);
  ASSERT_EQ(expected.size(), actual.size());
  double largest = 0;
  for (const auto& [term, sum] : expected) largest = std::max(largest, std::abs(sum));
  for (const auto& [term, sum] : expected) {
    ASSERT_TRUE(actual.contains(term));
    EXPECT_NEAR(actual.at(term), sum, largest * 1e-9);
  }
}

template <typename T, typename KeyOf>
std::vector<T> Sorted(absl::Span<const T> entries, KeyOf key_of) {
  std::vector<T> sorted(entries.begin(), entries.end());
  std::sort(sorted.begin(), sorted.end(),
            [&](const T& a, const T& b) { return key_of(a) < key_of(b); });
  return sorted;
}

// All that is counted and summed; for parts kept in order of arrival, whatever their order.
void ExpectSame(const Profile& a, const Profile& b) {
  EXPECT_EQ(a.first_seen_ms(), b.first_seen_ms());
  EXPECT_EQ(a.last_seen_ms(), b.last_seen_ms());
  for (int type = 0; type < event::kEventTypes; ++type) {
    EXPECT_EQ(a.event_count(static_cast<EventType>(type)),
              b.event_count(static_cast<EventType>(type)));
  }
  for (int hour = 0; hour < 24; ++hour) EXPECT_EQ(a.HourCount(hour), b.HourCount(hour));
  for (int day = 0; day < 7; ++day) EXPECT_EQ(a.WeekdayCount(day), b.WeekdayCount(day));
  EXPECT_EQ(a.session_count(), b.session_count());
  EXPECT_EQ(a.sessions(), b.sessions());
  const auto term_of = [](const auto& entry) { return entry.term.value(); };
  EXPECT_EQ(Sorted(a.channels(), term_of), Sorted(b.channels(), term_of));
  EXPECT_EQ(Sorted(a.devices(), term_of), Sorted(b.devices(), term_of));
  EXPECT_EQ(a.usual_country(), b.usual_country());
  EXPECT_EQ(Sorted<CountryCount>(a.geography().countries, term_of),
            Sorted<CountryCount>(b.geography().countries, term_of));
  ExpectSumsNear(a.category_sums(), b.category_sums());
  ExpectSumsNear(a.brand_sums(), b.brand_sums());
  const Purchases& x = a.purchases();
  const Purchases& y = b.purchases();
  EXPECT_EQ(x.lines, y.lines);
  EXPECT_EQ(x.refund_lines, y.refund_lines);
  EXPECT_EQ(x.total_micros, y.total_micros);
  EXPECT_EQ(x.refunded_micros, y.refunded_micros);
  EXPECT_EQ(x.quantity_micros, y.quantity_micros);
  EXPECT_EQ(x.first_ms, y.first_ms);
  EXPECT_EQ(x.times, y.times);
  EXPECT_EQ(x.frequency(), y.frequency());
  const auto item_of = [](const PurchasedItem& entry) { return entry.item.value(); };
  EXPECT_EQ(Sorted<PurchasedItem>(x.items, item_of), Sorted<PurchasedItem>(y.items, item_of));
  EXPECT_EQ(a.rarities().traits, b.rarities().traits);
  EXPECT_EQ(a.rarities().identities, b.rarities().identities);
  EXPECT_EQ(a.rarities().consents, b.rarities().consents);
  EXPECT_EQ(a.rarities().dislikes, b.rarities().dislikes);
  EXPECT_EQ(a.rarities().ratings, b.rarities().ratings);
  EXPECT_EQ(a.rarities().rating_sum_micros, b.rarities().rating_sum_micros);
  ASSERT_EQ(a.recent_items().size(), b.recent_items().size());
  for (size_t i = 0; i < a.recent_items().size(); ++i) {
    EXPECT_EQ(a.recent_items()[i].time_ms, b.recent_items()[i].time_ms);
  }
  // The items of one order have one time; their order is that of arrival.
  EXPECT_EQ(a.day_counts(), b.day_counts());
  const FeatureVector fa = Features(a, a.last_seen_ms());
  const FeatureVector fb = Features(b, b.last_seen_ms());
  for (size_t i = 0; i < kFeatureCount; ++i) {
    EXPECT_NEAR(fa[i], fb[i], 1e-6 * (1 + std::abs(fa[i]))) << GetFeatureInfo(i).name;
  }
}

TEST(ProfilePropertyTest, OrderOfArrivalDoesNotMatter) {
  TestApplier applier;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<TestEvent> events = RandomEvents(random, 1 + random.Below(120));
    const Profile in_order = applier.ApplyAll(events);
    Shuffle(random, events);
    ExpectSame(in_order, applier.ApplyAll(events));
    if (HasFailure()) return;
  }
}

TEST(ProfilePropertyTest, PartsAddUpToTheWhole) {
  TestApplier applier;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::vector<TestEvent> events = RandomEvents(random, random.Below(120));
    const Profile whole = applier.ApplyAll(events);
    std::vector<std::vector<TestEvent>> parts(1 + random.Below(5));
    for (const TestEvent& event : events) parts[random.Below(parts.size())].push_back(event);
    Profile merged;
    for (const auto& part : parts) merged.Merge(applier.ApplyAll(part));
    ExpectSame(whole, merged);
    // And what was merged is a profile like any other.
    std::string record;
    merged.Encode(&record);
    const auto decoded = Profile::Decode(record);
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, merged);
    if (HasFailure()) return;
  }
}

TEST(ProfilePropertyTest, RecordsReadBackAndGoOnAsIfNeverWritten) {
  TestApplier applier;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::vector<TestEvent> events = RandomEvents(random, 1 + random.Below(400));
    Profile straight;
    Profile stored;
    for (const TestEvent& event : events) {
      applier.Apply(event, &straight);
      applier.Apply(event, &stored);
      if (random.Below(10) != 0) continue;
      std::string record;
      stored.Encode(&record);
      auto decoded = Profile::Decode(record);
      ASSERT_TRUE(decoded.ok());
      EXPECT_EQ(*decoded, straight);
      std::string again;
      decoded->Encode(&again);
      EXPECT_EQ(again, record);
      stored = *std::move(decoded);
    }
    EXPECT_EQ(stored, straight);
    if (HasFailure()) return;
  }
}

// Far beyond every bound, in any order: nothing breaks, sums stay exact, the record stays bounded.
TEST(ProfilePropertyTest, BeyondTheBoundsSumsStayExact) {
  TestApplier applier;
  Random random(7);
  std::vector<TestEvent> events;
  for (int i = 0; i < 4000; ++i) {
    TestEvent event;
    event.type = i % 3 == 0 ? EventType::kPurchase : EventType::kView;
    event.time_ms = kTestStartMs + static_cast<int64_t>(random.Below(2000)) * kTestDayMs / 2;
    event.item = Pick(random, "sku-", 500);
    event.category = Pick(random, "category-", 200);
    event.brand = Pick(random, "brand-", 200);
    event.channel = Pick(random, "channel-", 100);
    event.country = Pick(random, "C", 90);
    event.price = 0.01 * static_cast<double>(1 + random.Below(100'000));
    events.push_back(event);
  }
  const Profile a = applier.ApplyAll(events);
  Shuffle(random, events);
  const Profile b = applier.ApplyAll(events);
  EXPECT_EQ(a.purchases().total_micros, b.purchases().total_micros);
  EXPECT_EQ(a.purchases().lines, b.purchases().lines);
  EXPECT_EQ(a.event_count(), b.event_count());
  EXPECT_EQ(a.purchases().times, b.purchases().times);
  Profile merged = a.Clone();
  merged.Merge(b);
  EXPECT_EQ(merged.purchases().lines, 2 * a.purchases().lines);
  for (const Profile* profile : {&a, &b, static_cast<const Profile*>(&merged)}) {
    std::string record;
    profile->Encode(&record);
    EXPECT_LT(record.size(), 5000u);
    const auto decoded = Profile::Decode(record);
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, *profile);
  }
}

}  // namespace
}  // namespace kindred::profile
