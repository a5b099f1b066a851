#include "profile/profile.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "profile/test_events.h"

namespace kindred::profile {
namespace {

using event::EventType;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kMinuteMs = 60'000;

TestEvent Purchase(int64_t time_ms, std::string item, double price, double quantity = 1) {
  TestEvent event;
  event.type = EventType::kPurchase;
  event.time_ms = time_ms;
  event.item = std::move(item);
  event.price = price;
  event.quantity = quantity;
  return event;
}

TEST(ProfileTest, NewOneIsEmptyAndAnswersEverything) {
  const Profile profile;
  EXPECT_TRUE(profile.empty());
  EXPECT_EQ(profile.event_count(), 0u);
  EXPECT_EQ(profile.purchases().frequency(), 0u);
  EXPECT_EQ(profile.purchases().last_ms(), 0);
  EXPECT_EQ(profile.usual_country(), TermId());
  EXPECT_THAT(profile.CategoryAffinities(learn::ForwardDecay(30 * kTestDayMs), 0, 10), IsEmpty());
}

TEST(ProfileTest, PurchasesAreCountedByLineAndByDistinctTime) {
  TestApplier applier;
  TestEvent dollars = Purchase(kTestStartMs + 5 * kTestDayMs, "sku-4", 7);
  dollars.currency = "USD";
  const Profile profile = applier.ApplyAll({
      Purchase(kTestStartMs, "sku-1", 2.55, 6),
      Purchase(kTestStartMs, "sku-2", 0.1, 3),
      Purchase(kTestStartMs + 2 * kTestDayMs, "sku-1", 10),
      dollars,
  });
  const Purchases& purchases = profile.purchases();
  EXPECT_EQ(purchases.lines, 4u);
  EXPECT_EQ(purchases.frequency(), 3u);
  EXPECT_EQ(purchases.total_micros, 25'600'000);
  EXPECT_EQ(purchases.quantity_micros, 11'000'000);
  EXPECT_EQ(purchases.first_ms, kTestStartMs);
  EXPECT_EQ(purchases.last_ms(), kTestStartMs + 5 * kTestDayMs);
  ASSERT_EQ(purchases.last_amounts.size(), 3u);
  EXPECT_EQ(purchases.last_amounts.back().micros, 10'000'000);
  ASSERT_EQ(profile.rarities().other_currencies.size(), 1u);
  EXPECT_EQ(profile.rarities().other_currencies[0].total_micros, 7'000'000);
  const PurchasedItem* const item = profile.FindPurchased(applier.Item("sku-1"));
  ASSERT_NE(item, nullptr);
  EXPECT_EQ(item->count, 2u);
  EXPECT_EQ(item->last_ms, kTestStartMs + 2 * kTestDayMs);
  EXPECT_EQ(profile.FindPurchased(applier.Item("sku-9")), nullptr);
}

TEST(ProfileTest, RefundsAreKeptApartFromPurchases) {
  TestApplier applier;
  TestEvent refund = Purchase(kTestStartMs + kTestDayMs, "sku-1", 4, 2);
  refund.type = EventType::kRefund;
  const Profile profile = applier.ApplyAll({Purchase(kTestStartMs, "sku-1", 10), refund});
  EXPECT_EQ(profile.purchases().lines, 1u);
  EXPECT_EQ(profile.purchases().refund_lines, 1u);
  EXPECT_EQ(profile.purchases().total_micros, 10'000'000);
  EXPECT_EQ(profile.purchases().refunded_micros, 8'000'000);
  EXPECT_EQ(profile.purchases().last_ms(), kTestStartMs);
}

TEST(ProfileTest, DistinctPurchaseTimesStayExactBeyondWhatIsKept) {
  TestApplier applier;
  Profile profile;
  for (int i = 0; i < 1000; ++i) {
    applier.Apply(Purchase(kTestStartMs + i * kTestDayMs / 4, "sku-1", 1), &profile);
    applier.Apply(Purchase(kTestStartMs + i * kTestDayMs / 4, "sku-2", 1), &profile);
  }
  EXPECT_EQ(profile.purchases().frequency(), 1000u);
  EXPECT_EQ(profile.purchases().times.size(), kMaxPurchaseTimes);
  EXPECT_EQ(profile.purchases().first_ms, kTestStartMs);
  // From before the fold: one of those that were counted.
  applier.Apply(Purchase(kTestStartMs + 1, "sku-3", 1), &profile);
  EXPECT_EQ(profile.purchases().frequency(), 1000u);
  EXPECT_EQ(profile.purchases().lines, 2001u);
}

TEST(ProfileTest, SessionsAreRunsWhateverTheOrder) {
  TestApplier applier;
  const auto at = [](int64_t minutes) {
    TestEvent event;
    event.time_ms = kTestStartMs + minutes * kMinuteMs;
    return event;
  };
  Profile profile = applier.ApplyAll({at(0), at(60), at(90)});
  EXPECT_EQ(profile.session_count(), 2u);
  applier.Apply(at(30), &profile);  // joins both: gaps of exactly 30 minutes
  ASSERT_EQ(profile.session_count(), 1u);
  EXPECT_EQ(profile.sessions()[0], (Session{kTestStartMs, kTestStartMs + 90 * kMinuteMs, 4}));
  applier.Apply(at(121), &profile);
  EXPECT_EQ(profile.session_count(), 2u);
  EXPECT_EQ(profile.sessions().back().events, 1u);
}

TEST(ProfileTest, OldSessionsFoldIntoACount) {
  TestApplier applier;
  Profile profile;
  TestEvent event;
  for (int i = 0; i < 30; ++i) {
    event.time_ms = kTestStartMs + i * kTestDayMs;
    applier.Apply(event, &profile);
  }
  EXPECT_EQ(profile.session_count(), 30u);
  EXPECT_EQ(profile.sessions().size(), kMaxSessions);
  event.time_ms = kTestStartMs + 3 * kTestDayMs + 5 * kMinuteMs;  // in a folded one
  applier.Apply(event, &profile);
  EXPECT_EQ(profile.session_count(), 30u);
  event.time_ms = kTestStartMs + 25 * kTestDayMs + 60 * kMinuteMs;
  applier.Apply(event, &profile);
  EXPECT_EQ(profile.session_count(), 31u);
}

TEST(ProfileTest, AffinitiesFadeAndAreOrderedByWeight) {
  TestApplier applier;
  TestEvent tea = Purchase(kTestStartMs, "sku-1", 1);
  tea.category = "tea";
  TestEvent coffee;
  coffee.category = "coffee";
  coffee.time_ms = kTestStartMs + 30 * kTestDayMs;
  const Profile profile = applier.ApplyAll({tea, coffee, coffee});
  const auto affinities =
      profile.CategoryAffinities(applier.decay(), kTestStartMs + 30 * kTestDayMs, 10);
  ASSERT_EQ(affinities.size(), 2u);
  EXPECT_EQ(affinities[0].term, applier.Term("tea"));
  EXPECT_NEAR(affinities[0].weight, 2.5, 1e-6);  // 5, one half-life ago
  EXPECT_NEAR(affinities[1].weight, 2.0, 1e-6);
  EXPECT_NEAR(affinities[0].share, 2.5 / 4.5, 1e-6);
}

TEST(ProfileTest, NegativeAffinityIsNotShownAndShareStaysWithinOne) {
  TestApplier applier;
  TestEvent refund = Purchase(kTestStartMs, "sku-1", 1);
  refund.type = EventType::kRefund;
  refund.category = "tea";
  TestEvent view;
  view.category = "coffee";
  const Profile profile = applier.ApplyAll({refund, view});
  const auto affinities = profile.CategoryAffinities(applier.decay(), kTestStartMs, 10);
  ASSERT_EQ(affinities.size(), 1u);
  EXPECT_EQ(affinities[0].share, 1.0);
}

TEST(ProfileTest, ManyCategoriesKeepTheStrongest) {
  TestApplier applier;
  Profile profile;
  TestEvent event = Purchase(kTestStartMs, "sku-1", 1);
  event.category = "loved";
  applier.Apply(event, &profile);
  event.type = EventType::kView;
  for (int i = 0; i < 100; ++i) {
    event.category = "c" + std::to_string(i);
    event.time_ms += kTestDayMs / 10;
    applier.Apply(event, &profile);
  }
  EXPECT_EQ(profile.category_sums().size(), kMaxAffinities);
  const auto affinities = profile.CategoryAffinities(applier.decay(), event.time_ms, 3);
  ASSERT_EQ(affinities.size(), 3u);
  EXPECT_EQ(affinities[0].term, applier.Term("loved"));
  EXPECT_EQ(affinities[1].term, applier.Term("c99"));
  // What left still counts for the shares.
  EXPECT_LT(affinities[0].share, 0.06);
}

TEST(ProfileTest, FewAffinitiesAreTheFirstOfManyAndEqualOnesKeepTheirOrder) {
  TestApplier applier;
  Profile profile;
  TestEvent event;
  for (const int views : {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5}) {
    event.category = "c" + std::to_string(profile.category_sums().size());
    for (int i = 0; i < views; ++i) applier.Apply(event, &profile);
  }
  std::vector<AffinitySum> sums(profile.category_sums().begin(), profile.category_sums().end());
  std::stable_sort(sums.begin(), sums.end(),
                   [](const AffinitySum& a, const AffinitySum& b) { return a.sum() > b.sum(); });
  for (size_t limit = 0; limit <= sums.size() + 1; ++limit) {
    const auto affinities = profile.CategoryAffinities(applier.decay(), event.time_ms, limit);
    ASSERT_EQ(affinities.size(), std::min(limit, sums.size()));
    for (size_t i = 0; i < affinities.size(); ++i) {
      EXPECT_EQ(affinities[i].term, sums[i].term) << limit << ' ' << i;
      EXPECT_EQ(affinities[i].weight, applier.decay().ValueAt(sums[i].sum(), event.time_ms));
    }
  }
}

TEST(ProfileTest, RecentItemsAreTheNewestByEventTime) {
  TestApplier applier;
  Profile profile;
  TestEvent event;
  for (int i = 0; i < 50; ++i) {
    event.item = "sku-" + std::to_string(i * 7 % 50);
    event.time_ms = kTestStartMs + (i * 7 % 50) * 1000;
    applier.Apply(event, &profile);
  }
  event.type = EventType::kImpression;
  event.item = "shown";
  event.time_ms = kTestStartMs + kTestDayMs;
  applier.Apply(event, &profile);
  ASSERT_EQ(profile.recent_items().size(), kMaxRecentItems);
  for (size_t i = 0; i < kMaxRecentItems; ++i) {
    EXPECT_EQ(profile.recent_items()[i].item, applier.Item("sku-" + std::to_string(30 + i)));
  }
}

TEST(ProfileTest, EqualTimesKeepTheOrderOfArrival) {
  TestApplier applier;
  Profile profile;
  TestEvent event;
  for (int i = 0; i < 25; ++i) {
    event.item = "sku-" + std::to_string(i);
    applier.Apply(event, &profile);
  }
  EXPECT_EQ(profile.recent_items().front().item, applier.Item("sku-5"));
  EXPECT_EQ(profile.recent_items().back().item, applier.Item("sku-24"));
}

TEST(ProfileTest, UsualCountryIsTheMostNamedThenTheFirstSeen) {
  TestApplier applier;
  TestEvent event;
  Profile profile;
  const auto apply = [&](const char* country, int64_t day) {
    event.country = country;
    event.time_ms = kTestStartMs + day * kTestDayMs;
    applier.Apply(event, &profile);
  };
  apply("FR", 2);
  EXPECT_EQ(profile.usual_country(), applier.Term("FR"));
  apply("DE", 1);  // seen before, arrived later
  EXPECT_EQ(profile.usual_country(), applier.Term("DE"));
  EXPECT_EQ(profile.geography().country, applier.Term("FR"));
  apply("FR", 3);
  EXPECT_EQ(profile.usual_country(), applier.Term("FR"));
}

TEST(ProfileTest, MoreChannelsThanKeptStillAddUp) {
  TestApplier applier;
  Profile profile;
  TestEvent event;
  for (int i = 0; i < 100; ++i) {
    event.channel = i % 2 == 0 ? "web" : "c" + std::to_string(i);
    applier.Apply(event, &profile);
  }
  EXPECT_LE(profile.channels().size(), kMaxTermCounts);
  uint64_t sum = 0;
  for (const TermCount& entry : profile.channels()) sum += entry.count;
  EXPECT_EQ(sum, 100u);
  EXPECT_EQ(profile.channels()[0], (TermCount{applier.Term("web"), 50}));
}

TEST(ProfileTest, HoursAndWeekdaysAreUtcAndDoNotOverflow) {
  TestApplier applier;
  Profile profile;
  TestEvent event;
  for (int i = 0; i < 70'000; ++i) applier.Apply(event, &profile);
  EXPECT_EQ(profile.HourCount(15), 70'000u);
  EXPECT_EQ(profile.WeekdayCount(6), 70'000u);  // Sunday
  EXPECT_EQ(profile.HourCount(16), 0u);
  EXPECT_EQ(profile.event_count(), 70'000u);
}

TEST(ProfileTest, TraitsAreTheNewestByEventTimeAndBounded) {
  TestApplier applier;
  Profile profile;
  TestEvent event;
  event.type = EventType::kIdentify;
  event.item.clear();
  event.traits = {{"plan", "\"gold\""}};
  event.time_ms = kTestStartMs + 1000;
  applier.Apply(event, &profile);
  event.traits = {{"plan", "\"none\""}, {"age", "33"}};
  event.time_ms = kTestStartMs;
  applier.Apply(event, &profile);
  ASSERT_EQ(profile.rarities().traits.size(), 2u);
  EXPECT_EQ(profile.rarities().traits[1].json, "\"gold\"");
  for (int i = 0; i < 100; ++i) {
    event.time_ms += kTestDayMs;
    event.traits = {{"t" + std::to_string(i), std::string(300, '7')}};
    applier.Apply(event, &profile);
  }
  size_t bytes = 0;
  for (const Trait& trait : profile.rarities().traits)
    bytes += trait.name.size() + trait.json.size();
  EXPECT_LE(bytes, kMaxTraitBytes);
  EXPECT_GT(bytes, kMaxTraitBytes - 310);
}

TEST(ProfileTest, GroupsKeepTheirFirstTime) {
  TestApplier applier;
  Profile profile;
  TestEvent event;
  event.type = EventType::kGroup;
  event.item.clear();
  event.group_id = "club";
  event.time_ms = kTestStartMs + kTestDayMs;
  applier.Apply(event, &profile);
  event.time_ms = kTestStartMs;
  applier.Apply(event, &profile);
  EXPECT_THAT(profile.rarities().identities,
              ElementsAre(Identity{IdentityKind::kGroupId, "club", kTestStartMs}));
  for (int i = 0; i < 100; ++i) {
    event.group_id = "club-" + std::to_string(i);
    applier.Apply(event, &profile);
  }
  EXPECT_EQ(profile.rarities().identities.size(), kMaxIdentities);
}

TEST(ProfileTest, LinksAloneAreNoEvents) {
  Profile profile;
  EXPECT_TRUE(profile.AddLink(
      MakeLink("b", IdKind::kUser, IdKind::kDevice, LinkCause::kIdentify, kTestStartMs, "e")));
  EXPECT_TRUE(profile.empty());
  std::string record;
  profile.Encode(&record);
  const auto read = Profile::Decode(record);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, profile);
  TestApplier applier;
  applier.Apply(TestEvent(), &profile);
  Profile other;
  other.AddLink(MakeUnlink("b", kTestStartMs + 1, "u"));
  other.Merge(profile);
  EXPECT_EQ(other.event_count(), 1u);
  EXPECT_FALSE(other.links().front().linked());
  Profile events;
  events.MergeEvents(profile);
  EXPECT_TRUE(events.links().empty());
  EXPECT_TRUE(profile.RemoveLink("b"));
  EXPECT_FALSE(profile.RemoveLink("b"));
  EXPECT_TRUE(profile.links().empty());
  EXPECT_EQ(profile, applier.ApplyAll({TestEvent()}));
}

TEST(ProfileTest, ConsentIsTheNewestByEventTimeAndNoWinsATie) {
  TestApplier applier;
  Profile profile;
  TestEvent event;
  event.type = EventType::kConsent;
  event.item.clear();
  event.consents = {{"marketing", true}, {"analytics", false}};
  applier.Apply(event, &profile);
  event.consents = {{"marketing", false}};
  event.time_ms = kTestStartMs - 1;
  applier.Apply(event, &profile);
  EXPECT_TRUE(profile.rarities().consents[1].granted);
  event.time_ms = kTestStartMs;
  applier.Apply(event, &profile);
  event.consents = {{"marketing", true}};
  applier.Apply(event, &profile);
  EXPECT_FALSE(profile.rarities().consents[1].granted);
}

TEST(ProfileTest, RatingsAndQualityAreCounted) {
  TestApplier applier;
  TestEvent rating;
  rating.type = EventType::kRating;
  rating.rating = 4.5;
  TestEvent late = rating;
  late.rating = 3;
  late.arrival_delay_ms = 3 * kTestDayMs;
  const Profile profile = applier.ApplyAll({rating, late});
  EXPECT_EQ(profile.rarities().ratings, 2u);
  EXPECT_EQ(profile.rarities().rating_sum_micros, 7'500'000);
  EXPECT_EQ(profile.quality().late, 1u);
}

TEST(ProfileTest, DeleteEmptiesIt) {
  TestApplier applier;
  TestEvent gone;
  gone.type = EventType::kDelete;
  gone.item.clear();
  const Profile profile = applier.ApplyAll({Purchase(kTestStartMs, "sku-1", 1), gone});
  EXPECT_TRUE(profile.empty());
  EXPECT_EQ(profile, Profile());
}

TEST(ProfileTest, MedianCustomerIsSmallInMemory) {
  TestApplier applier;
  std::vector<TestEvent> events;
  for (int i = 0; i < 12; ++i) {
    TestEvent event;
    event.item = "sku-" + std::to_string(i);
    event.time_ms = kTestStartMs + i / 4 * kTestDayMs + i * kMinuteMs;
    event.category = "c" + std::to_string(i % 4);
    event.brand = "b" + std::to_string(i % 3);
    event.channel = "web";
    event.device = "phone";
    event.country = "DE";
    events.push_back(event);
  }
  EXPECT_LE(sizeof(Profile), 208u);
  EXPECT_LE(applier.ApplyAll(events).memory_bytes(), 800u);
}

TEST(ProfileTest, TheNewestDislikesAreKeptLongerThanRecentItems) {
  TestApplier applier;
  std::vector<TestEvent> events;
  for (int i = 0; i < 40; ++i) {
    TestEvent event;
    event.type = event::EventType::kDislike;
    event.item = absl::StrCat("sku-", i % 36);  // four of them twice
    event.time_ms = kTestStartMs + i * 1000;
    events.push_back(event);
  }
  for (int i = 0; i < 30; ++i) {
    TestEvent event;
    event.time_ms = kTestStartMs + 100'000 + i * 1000;
    events.push_back(event);
  }
  const Profile forwards = applier.ApplyAll(events);
  std::reverse(events.begin(), events.end());
  const Profile backwards = applier.ApplyAll(events);
  const absl::Span<const Dislike> kept = forwards.rarities().dislikes;
  ASSERT_EQ(kept.size(), kMaxDislikes);
  for (size_t i = 0; i < kept.size(); ++i) {
    const int nth = static_cast<int>(i) + 8;
    EXPECT_EQ(kept[i].time_ms, kTestStartMs + nth * 1000);
    EXPECT_EQ(kept[i].item, applier.Item(absl::StrCat("sku-", nth % 36)));
  }
  EXPECT_EQ(forwards.rarities().dislikes, backwards.rarities().dislikes);
  std::string bytes;
  forwards.Encode(&bytes);
  const absl::StatusOr<Profile> read = Profile::Decode(bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->rarities().dislikes, forwards.rarities().dislikes);
  EXPECT_GT(forwards.memory_bytes(), kMaxDislikes * sizeof(Dislike));
}

}  // namespace
}  // namespace kindred::profile
