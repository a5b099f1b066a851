#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "profile/profile.h"
#include "profile/test_events.h"

namespace kindred::profile {
namespace {

using event::EventType;

// What an answer is made of.
void ExpectSameInWhatCounts(const Profile& a, const Profile& b) {
  const auto counts = [](const Profile& profile) {
    std::vector<uint32_t> all;
    for (int type = 0; type < event::kEventTypes; ++type) {
      all.push_back(profile.event_count(static_cast<EventType>(type)));
    }
    for (int hour = 0; hour < 24; ++hour) {
      all.push_back(static_cast<uint32_t>(profile.HourCount(hour)));
    }
    return all;
  };
  EXPECT_EQ(counts(a), counts(b));
  EXPECT_TRUE(std::equal(a.recent_items().begin(), a.recent_items().end(), b.recent_items().begin(),
                         b.recent_items().end()));
  EXPECT_EQ(a.purchases().lines, b.purchases().lines);
  EXPECT_EQ(a.purchases().total_micros, b.purchases().total_micros);
  EXPECT_EQ(a.purchases().quantity_micros, b.purchases().quantity_micros);
  EXPECT_EQ(a.purchases().refunded_micros, b.purchases().refunded_micros);
  EXPECT_EQ(a.purchases().times, b.purchases().times);
  EXPECT_EQ(a.purchases().items, b.purchases().items);
  EXPECT_EQ(a.rarities().ratings, b.rarities().ratings);
  EXPECT_EQ(a.rarities().rating_sum_micros, b.rarities().rating_sum_micros);
  ASSERT_EQ(a.category_sums().size(), b.category_sums().size());
  for (const AffinitySum& mine : a.category_sums()) {
    bool found = false;
    for (const AffinitySum& other : b.category_sums()) {
      if (other.term != mine.term) continue;
      found = true;
      EXPECT_NEAR(mine.sum(), other.sum(), 1e-6 * (1 + std::abs(other.sum())));
    }
    EXPECT_TRUE(found);
  }
}

TestEvent Made(EventType type, const std::string& item = "sku-1", double price = 3) {
  TestEvent event;
  event.type = type;
  event.item = item;
  event.price = price;
  event.category = "tea";
  return event;
}

void ExpectStorable(const Profile& profile) {
  std::string bytes;
  profile.Encode(&bytes);
  const absl::StatusOr<Profile> read = Profile::Decode(bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  std::string again;
  read->Encode(&again);
  EXPECT_EQ(bytes, again);
}

TEST(ProfileUndoTest, TheOnlyEventLeavesNothing) {
  TestApplier applier;
  const TestEvent view = Made(EventType::kView);
  Profile profile = applier.ApplyAll({view});
  EXPECT_TRUE(applier.Undo(view, &profile));
  EXPECT_TRUE(profile.empty());
  EXPECT_FALSE(applier.Undo(view, &profile));
}

TEST(ProfileUndoTest, WhatWasNeverAppliedChangesNothing) {
  TestApplier applier;
  Profile profile = applier.ApplyAll({Made(EventType::kView)});
  const Profile before = profile.Clone();
  EXPECT_FALSE(applier.Undo(Made(EventType::kPurchase), &profile));
  EXPECT_TRUE(profile == before);
}

TEST(ProfileUndoTest, TheOnlyPurchaseUndoneLeavesRefunds) {
  TestApplier applier;
  const TestEvent view = Made(EventType::kView);
  const TestEvent purchase = Made(EventType::kPurchase);
  TestEvent refund = Made(EventType::kRefund);
  refund.time_ms += 5;
  Profile profile = applier.ApplyAll({view, purchase, refund});
  EXPECT_TRUE(applier.Undo(purchase, &profile));
  EXPECT_EQ(profile.purchases().lines, 0u);
  EXPECT_TRUE(profile.purchases().times.empty());
  EXPECT_EQ(profile.purchases().refund_lines, 1u);
  ExpectStorable(profile);
}

TEST(ProfileUndoTest, ALineOfAnOrderGoesAndTheOrderStays) {
  TestApplier applier;
  const TestEvent first = Made(EventType::kPurchase, "a", 3);
  const TestEvent second = Made(EventType::kPurchase, "b", 4);
  Profile profile = applier.ApplyAll({first, second});
  EXPECT_TRUE(applier.Undo(second, &profile));
  EXPECT_EQ(profile.purchases().frequency(), 1u);
  EXPECT_EQ(profile.purchases().items.size(), 1u);
  EXPECT_EQ(profile.purchases().total_micros, 3'000'000);
}

TEST(ProfileUndoTest, AnUndoneDislikeLeavesTheOneBeforeIt) {
  TestApplier applier;
  TestEvent first = Made(EventType::kDislike), second = first;
  second.time_ms += 1000;
  Profile profile = applier.ApplyAll({first, second});
  const ItemId item = applier.Item(first.item);
  EXPECT_EQ(profile.rarities().dislikes, (std::vector<Dislike>{{second.time_ms, item}}));
  EXPECT_TRUE(applier.Undo(second, &profile));
  EXPECT_EQ(profile.rarities().dislikes, (std::vector<Dislike>{{first.time_ms, item}}));
  EXPECT_TRUE(applier.Undo(first, &profile));
  EXPECT_TRUE(profile.empty());
}

// Any event among any others, within the bounds: as if it had not been.
TEST(ProfileUndoTest, RestoresWhatWasBefore) {
  std::mt19937 random(7);
  const auto any = [&](uint32_t n) { return random() % n; };
  const EventType types[] = {EventType::kView,     EventType::kClick,  EventType::kAddToCart,
                             EventType::kPurchase, EventType::kRefund, EventType::kRating,
                             EventType::kSearch,   EventType::kDislike};
  for (int round = 0; round < 500; ++round) {
    TestApplier applier;
    std::vector<TestEvent> events;
    int64_t time_ms = kTestStartMs;
    const uint32_t size = 2 + any(16);
    for (uint32_t i = 0; i < size; ++i) {
      TestEvent event;
      event.type = types[any(std::size(types))];
      event.time_ms = time_ms += 1 + static_cast<int64_t>(any(3 * 3'600'000));
      event.item = absl::StrCat("sku-", any(6));
      event.category = absl::StrCat("category-", any(3));
      event.price = 1 + any(20);
      event.rating = 1 + any(5);
      event.country = "DE";
      event.device = any(2) == 0 ? "phone" : "desk";
      events.push_back(event);
    }
    const size_t undone = any(size);
    Profile profile = applier.ApplyAll(events);
    ASSERT_TRUE(applier.Undo(events[undone], &profile));
    ExpectStorable(profile);
    events.erase(events.begin() + static_cast<std::ptrdiff_t>(undone));
    ExpectSameInWhatCounts(profile, applier.ApplyAll(events));
    if (HasFailure()) FAIL() << "round " << round;
  }
}

}  // namespace
}  // namespace kindred::profile
