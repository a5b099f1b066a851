#include "profile/customer_map.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learn/random.h"
#include "profile/test_events.h"

namespace kindred::profile {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Customer* Add(CustomerMap& map, absl::string_view id) {
  return map.Insert(id, CustomerMap::Hash(id), Profile());
}
Customer* Find(CustomerMap& map, absl::string_view id) {
  return map.Find(id, CustomerMap::Hash(id));
}
void Remove(CustomerMap& map, absl::string_view id) { map.Remove(id, CustomerMap::Hash(id)); }

// What one checkpoint writes.
struct Written {
  std::vector<std::string> changed;
  std::vector<std::string> removed;
};
Written Begin(CustomerMap& map) {
  Written written;
  map.BeginCheckpoint([&](const Customer& c) { written.changed.emplace_back(c.id()); },
                      [&](absl::string_view id) { written.removed.emplace_back(id); });
  map.CollectCheckpoint(SIZE_MAX);
  return written;
}
Written Checkpoint(CustomerMap& map) {
  Written written = Begin(map);
  map.EndCheckpoint(true);
  return written;
}
std::vector<std::string> WalkAll(const CustomerMap& map, size_t batch) {
  std::vector<std::string> ids;
  uint64_t cursor = 0;
  do {
    cursor = map.Walk(cursor, batch, [&](const Customer& c) { ids.emplace_back(c.id()); });
  } while (cursor != 0);
  return ids;
}

TEST(CustomerMapTest, FindsWhatWasInserted) {
  CustomerMap map;
  EXPECT_EQ(Find(map, "u-1"), nullptr);
  Customer* const customer = Add(map, "u-1");
  EXPECT_EQ(customer->id(), "u-1");
  EXPECT_EQ(Find(map, "u-1"), customer);
  EXPECT_EQ(map.Peek("u-1", CustomerMap::Hash("u-1")), customer);
  EXPECT_EQ(Find(map, "u-2"), nullptr);
  EXPECT_EQ(map.size(), 1u);
}

TEST(CustomerMapTest, IdsWithEqualHashesAreToldApart) {
  CustomerMap map;
  Customer* const a = map.Insert("a", 7, Profile());
  Customer* const b = map.Insert("b", 7, Profile());
  EXPECT_EQ(map.Find("a", 7), a);
  EXPECT_EQ(map.Find("b", 7), b);
  EXPECT_EQ(map.Find("c", 7), nullptr);
  map.Remove("a", 7);
  EXPECT_EQ(map.Find("a", 7), nullptr);
  EXPECT_EQ(map.Find("b", 7), b);
}

// Against a std::map, through growth, removal and reuse of entries, with home slots that collide.
TEST(CustomerMapTest, AgreesWithASimpleMapOverManyOperations) {
  CustomerMap map;
  std::map<std::string, const Customer*> expected;
  learn::Random random(3);
  const auto hash = [](const std::string& id) { return CustomerMap::Hash(id) & 0x3fffffffffULL; };
  for (int step = 0; step < 60'000; ++step) {
    const std::string id = absl::StrCat("u-", random.Below(3000));
    const auto known = expected.find(id);
    if (random.Below(3) == 0) {
      map.Remove(id, hash(id));
      if (known != expected.end()) expected.erase(known);
    } else if (known == expected.end()) {
      ASSERT_EQ(map.Find(id, hash(id)), nullptr);
      expected[id] = map.Insert(id, hash(id), Profile());
    } else {
      ASSERT_EQ(map.Find(id, hash(id)), known->second);
      ASSERT_EQ(known->second->id(), id);
    }
  }
  EXPECT_EQ(map.size(), expected.size());
  std::set<std::string> walked;
  for (const std::string& id : WalkAll(map, 100)) EXPECT_TRUE(walked.insert(id).second);
  EXPECT_EQ(walked.size(), expected.size());
}

TEST(CustomerMapTest, CheckpointTellsEachChangeOnce) {
  CustomerMap map;
  Customer* const a = Add(map, "a");
  Add(map, "b");
  map.MarkDirty(*a);
  map.MarkDirty(*a);
  EXPECT_EQ(map.dirty_count(), 1u);
  EXPECT_THAT(Checkpoint(map).changed, ElementsAre("a"));
  EXPECT_THAT(Checkpoint(map).changed, IsEmpty());
}

TEST(CustomerMapTest, AFailedCheckpointIsToldAgainWithWhatChangedMeanwhile) {
  CustomerMap map;
  Customer* const a = Add(map, "a");
  Customer* const b = Add(map, "b");
  map.MarkDirty(*a);
  Remove(map, "gone");
  EXPECT_THAT(Begin(map).removed, ElementsAre("gone"));
  map.MarkDirty(*a);
  map.MarkDirty(*b);
  map.EndCheckpoint(false);
  const Written again = Checkpoint(map);
  EXPECT_THAT(again.changed, UnorderedElementsAre("a", "b"));
  EXPECT_THAT(again.removed, ElementsAre("gone"));
}

TEST(CustomerMapTest, WhatIsAboutToChangeIsHandedOutBeforeItsTurn) {
  CustomerMap map;
  for (const char* id : {"a", "b", "c", "d"}) map.MarkDirty(*Add(map, id));
  std::vector<std::string> changed;
  const auto begin = [&] {
    map.BeginCheckpoint([&](const Customer& c) { changed.emplace_back(c.id()); },
                        [&](absl::string_view id) { changed.push_back(absl::StrCat("-", id)); });
  };
  begin();
  EXPECT_THAT(changed, IsEmpty());
  EXPECT_TRUE(map.CollectCheckpoint(1));
  EXPECT_THAT(changed, ElementsAre("a"));
  map.MarkDirty(*Find(map, "c"));
  EXPECT_THAT(changed, ElementsAre("a", "c"));
  map.MarkDirty(*Find(map, "a"));  // had its turn
  Remove(map, "d");
  map.MarkDirty(*Add(map, "e"));  // of the next checkpoint
  EXPECT_THAT(changed, ElementsAre("a", "c", "d"));
  EXPECT_EQ(map.EvictClean(0), 0u);
  EXPECT_FALSE(map.CollectCheckpoint(100));
  EXPECT_THAT(changed, ElementsAre("a", "c", "d", "b"));
  map.EndCheckpoint(true);
  changed.clear();
  begin();
  EXPECT_FALSE(map.CollectCheckpoint(100));
  EXPECT_THAT(changed, UnorderedElementsAre("-d", "a", "c", "e"));
}

TEST(CustomerMapTest, RemovalReachesTheStoreAndIsNotUndoneByIt) {
  CustomerMap map;
  Customer* const a = Add(map, "a");
  map.MarkDirty(*a);
  Checkpoint(map);
  EXPECT_EQ(map.EvictClean(0), 1u);
  const uint64_t hash = CustomerMap::Hash("a");
  EXPECT_TRUE(map.MayBeStored(hash));
  Remove(map, "a");  // not in memory, still in the store
  EXPECT_FALSE(map.MayBeStored(hash));
  Customer* const back = Add(map, "a");
  EXPECT_THAT(Begin(map).removed, ElementsAre("a"));  // back, but nothing to overwrite it with
  map.MarkDirty(*back);
  EXPECT_FALSE(map.MayBeStored(hash));
  map.EndCheckpoint(true);
  Remove(map, "a");
  map.MarkDirty(*Add(map, "a"));
  const Written written = Checkpoint(map);
  EXPECT_THAT(written.changed, ElementsAre("a"));
  EXPECT_THAT(written.removed, IsEmpty());
}

TEST(CustomerMapTest, RemovedWhileBeingWrittenIsRemovedNextTime) {
  CustomerMap map;
  Customer* const a = Add(map, "a");
  map.MarkDirty(*a);
  EXPECT_THAT(Begin(map).changed, ElementsAre("a"));
  Remove(map, "a");
  map.EndCheckpoint(false);
  const Written written = Checkpoint(map);
  EXPECT_THAT(written.changed, IsEmpty());
  EXPECT_THAT(written.removed, ElementsAre("a"));
}

TEST(CustomerMapTest, EvictsOnlyWhatIsWrittenAndNotUsedLately) {
  CustomerMap map;
  for (int i = 0; i < 100; ++i) map.MarkDirty(*Add(map, absl::StrCat("u-", i)));
  EXPECT_EQ(map.EvictClean(0), 0u);  // dirty
  Begin(map);
  EXPECT_EQ(map.EvictClean(0), 0u);  // being written
  map.EndCheckpoint(true);
  const size_t before = map.memory_bytes();
  const size_t evicted = map.EvictClean(before - 20 * sizeof(Customer));
  EXPECT_GE(evicted, 20u);
  EXPECT_LT(evicted, 40u);
  EXPECT_LE(map.memory_bytes(), before - 20 * sizeof(Customer));
  Customer* used = nullptr;
  for (int i = 0; i < 100 && used == nullptr; ++i) used = Find(map, absl::StrCat("u-", 99 - i));
  const std::string id(used->id());
  map.EvictClean(map.memory_bytes() - 70 * sizeof(Customer));
  EXPECT_NE(map.Peek(id, CustomerMap::Hash(id)), nullptr);
  int stored = 0;
  for (int i = 0; i < 100; ++i) {
    const uint64_t hash = CustomerMap::Hash(absl::StrCat("u-", i));
    if (map.Peek(absl::StrCat("u-", i), hash) == nullptr) stored += map.MayBeStored(hash);
  }
  EXPECT_EQ(stored + map.size(), 100u);
  EXPECT_FALSE(map.MayBeStored(CustomerMap::Hash("never seen")));
}

TEST(CustomerMapTest, ChangedCustomersAreTakenOnceInOrder) {
  CustomerMap map;
  std::vector<std::string> taken;
  const auto take = [&](size_t count) {
    taken.clear();
    map.TakeChanged(count, [&](const Customer& c) { taken.emplace_back(c.id()); });
    return taken;
  };
  for (const char* id : {"a", "b", "c", "d"}) map.MarkDirty(*Add(map, id));
  map.MarkDirty(*Find(map, "a"));
  EXPECT_THAT(take(2), ElementsAre("a", "b"));
  map.MarkDirty(*Find(map, "a"));
  Remove(map, "c");
  Add(map, "e");  // takes the place of c, and has not changed
  EXPECT_THAT(take(10), ElementsAre("d", "a"));
  EXPECT_THAT(take(10), IsEmpty());
}

TEST(CustomerMapTest, WalkSeesEachOnceWhileOthersComeAndGo) {
  CustomerMap map;
  for (int i = 0; i < 1000; ++i) Add(map, absl::StrCat("stays-", i));
  std::multiset<std::string> walked;
  uint64_t cursor = 0;
  int round = 0;
  do {
    cursor = map.Walk(cursor, 37, [&](const Customer& c) { walked.emplace(c.id()); });
    Add(map, absl::StrCat("comes-", round));
    if (round > 2) Remove(map, absl::StrCat("comes-", round - 2));
    ++round;
  } while (cursor != 0);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(walked.count(absl::StrCat("stays-", i)), 1u);
}

// Whoever remembers a version has seen what the profile is, wherever it has been since.
TEST(CustomerMapTest, AVersionIsNeverSeenWithAnotherContent) {
  CustomerMap map;
  std::set<uint64_t> seen;
  const auto is_new = [&seen](const Customer* customer) {
    return customer->profile.version() != 0 && seen.insert(customer->profile.version()).second;
  };
  const auto link = [](absl::string_view other, int64_t time_ms) {
    return MakeLink(other, IdKind::kUser, IdKind::kDevice, LinkCause::kIdentify, time_ms, "");
  };
  Customer* customer = Add(map, "u-1");
  map.MarkDirty(*customer);
  EXPECT_EQ(customer->profile.version(), 0u);
  for (int i = 1; i < 4; ++i) {
    customer->profile.AddLink(link("d-1", i * int64_t{3'600'000}));
    map.MarkDirty(*customer);
    EXPECT_TRUE(is_new(customer));
    // It goes and comes back as it was.
    EXPECT_EQ(customer->profile.Clone().version(), 0u);
    Checkpoint(map);
    Profile stored = customer->profile.Clone();
    if (i == 1) {
      map.EvictClean(0);
    } else {
      Remove(map, "u-1");
    }
    ASSERT_EQ(Find(map, "u-1"), nullptr);
    EXPECT_EQ(stored.version(), 0u);
    customer = map.Insert("u-1", CustomerMap::Hash("u-1"), std::move(stored));
    EXPECT_TRUE(is_new(customer));
    // Without the last link there is none, and no state tells that there was.
    const Profile with = customer->profile.Clone();
    EXPECT_TRUE(with == customer->profile);
    customer->profile.RemoveLink("d-1");
    map.MarkDirty(*customer);
    EXPECT_EQ(customer->profile.version(), 0u);
  }
}

TEST(CustomerMapTest, MeasuresWhatGrewAtTheCheckpoint) {
  CustomerMap map;
  TestApplier applier;
  Customer* const customer = Add(map, "a");
  const size_t before = map.memory_bytes();
  TestEvent event;
  for (int i = 0; i < 20; ++i) {
    event.time_ms += 1000;
    applier.Apply(event, &customer->profile);
  }
  map.MarkDirty(*customer);
  Checkpoint(map);
  EXPECT_EQ(map.memory_bytes() - before,
            customer->profile.memory_bytes() - Profile().memory_bytes());
}

}  // namespace
}  // namespace kindred::profile
