// Customers that were read before: whatever changes is in the next answer.
#include "node/group_cache.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learn/random.h"
#include "node/identity_world.h"

namespace kindred::node {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kT = kTestTimeMs - 30 * 24 * kHourMs;

std::string Member(const std::string& name, const std::string& value) {
  return absl::StrCat("\"", name, "\":\"", value, "\"");
}

// Everything that an answer is made from.
struct Answer {
  bool known = false;
  std::string events;  // of the sum, encoded
  std::vector<std::string> ids;
  std::vector<profile::GroupLink> links;
  std::vector<std::string> unavailable_ids;
  bool reused = false;  // made earlier
};

class GroupCacheTest : public ::testing::Test {
 protected:
  GroupCacheTest()
      : world_(3),
        forgetful_(world_.state->shared.get(), world_.state->partitions.get(),
                   world_.state->cold.get(), 0) {}

  static Answer Read(const CustomerReader& reader, const std::string& id) {
    Answer answer;
    const uint64_t reused = reader.reused();
    const auto found = reader.Visit(id, [&](const profile::Profile& sum, const CustomerParts& of) {
      answer.unavailable_ids.assign(of.unavailable_ids.begin(), of.unavailable_ids.end());
      profile::Profile alone;
      alone.MergeEvents(sum);
      alone.Encode(&answer.events);
      if (of.group == nullptr) return;
      for (const profile::GroupMember& member : of.group->members) answer.ids.push_back(member.id);
      answer.links = of.group->links;
    });
    if (!found.ok()) answer.events = std::string(found.status().message());
    answer.known = found.ok() && *found;
    answer.reused = reader.reused() > reused;
    return answer;
  }

  // The answer of the reader that remembers, which must be that of one that does not.
  Answer Ask(const std::string& id) {
    const Answer answer = Read(*world_.reader, id);
    const Answer anew = Read(forgetful_, id);
    EXPECT_EQ(answer.known, anew.known) << id;
    EXPECT_EQ(answer.events, anew.events) << id;
    EXPECT_EQ(answer.ids, anew.ids) << id;
    EXPECT_EQ(answer.unavailable_ids, anew.unavailable_ids) << id;
    EXPECT_EQ(answer.links.size(), anew.links.size()) << id;
    for (size_t i = 0; i < std::min(answer.links.size(), anew.links.size()); ++i) {
      EXPECT_EQ(answer.links[i].from, anew.links[i].from) << id;
      EXPECT_EQ(answer.links[i].link, anew.links[i].link) << id;
      EXPECT_EQ(answer.links[i].state, anew.links[i].state) << id;
    }
    return answer;
  }
  // Asks until the answer comes from memory, as it must while nothing changes.
  Answer Remember(const std::string& id) {
    Ask(id);
    const Answer answer = Ask(id);
    EXPECT_TRUE(answer.reused) << id << " is not remembered";
    return answer;
  }
  // `change` shows in the next answer for `id`; then the new one is remembered.
  Answer AfterChange(const std::string& id, const std::function<void()>& change) {
    const Answer before = Remember(id);
    change();
    const Answer after = Ask(id);
    EXPECT_FALSE(after.reused) << id;
    EXPECT_TRUE(before.events != after.events || before.ids != after.ids ||
                before.links.size() != after.links.size() ||
                before.unavailable_ids != after.unavailable_ids)
        << "nothing changed for " << id;
    return after;
  }
  PartitionSlot& SlotOf(const std::string& id) {
    return world_.state->partitions->slot(world_.state->partitions->Home(id));
  }
  // Ann with a phone and a browser; bob, whose tablet ann has used too, after him.
  void Link() {
    for (const char* id : {"phone", "browser", "tablet"}) world_.Visit(id, kT);
    world_.Event("identify", "bob", kT, Member("device_id", "tablet"));
    world_.Event("identify", "ann", kT + 1,
                 Member("anonymous_id", "browser") + "," + Member("device_id", "phone"));
    world_.Event("identify", "ann", kT + 2, Member("device_id", "tablet"));
    world_.Deliver();
  }

  IdentityWorld world_;
  CustomerReader forgetful_;
};

TEST_F(GroupCacheTest, EventsAndLinksOfMembersAreSeenAtOnce) {
  Link();
  EXPECT_THAT(Remember("ann").ids, ElementsAre("ann", "phone", "browser"));
  for (const char* id : {"ann", "phone", "browser"}) {
    AfterChange("ann", [&] { world_.Event("view", id, kT + kHourMs, Member("item_id", "tea")); });
    AfterChange("browser", [&] { world_.Event("page", id, kT + 2 * kHourMs); });
  }
  const std::string sale = Member("item_id", "tea") + ",\"price\":3";
  AfterChange("ann", [&] { world_.Event("purchase", "phone", kT + 3 * kHourMs, sale); });
  AfterChange("ann", [&] {
    world_.Send("phone", TestEvent(absl::StrCat("e-", world_.events), "phone", "purchase",
                                   kT + 3 * kHourMs, sale + ",\"undo\":true"));
  });
  // One end knows before the other.
  AfterChange("phone", [&] {
    world_.Event("identify", "ann", kT + 4 * kHourMs, Member("external_id", "crm-7"));
  });
  EXPECT_THAT(Ask("phone").ids, ElementsAre("ann", "crm-7", "phone", "browser"));
  world_.Deliver();
  EXPECT_THAT(Remember("crm-7").ids, ElementsAre("ann", "crm-7", "phone", "browser"));
  AfterChange("browser", [&] { world_.Unlink("phone", "ann", kT + 5 * kHourMs); });
  EXPECT_THAT(Ask("browser").ids, ElementsAre("ann", "crm-7", "browser"));
  world_.Deliver();
  AfterChange("ann", [&] { world_.Event("delete", "browser", kT + 6 * kHourMs); });
  world_.Deliver();
  EXPECT_FALSE(Ask("ann").known);
}

TEST_F(GroupCacheTest, ANeighbourThatIsNoMemberCountsToo) {
  Link();
  EXPECT_THAT(Remember("tablet").ids, ElementsAre("bob", "tablet"));
  // Ann's walk asks the tablet, which is bob's; once he is gone from it, it is hers.
  EXPECT_THAT(Remember("browser").ids, ElementsAre("ann", "phone", "browser"));
  const Answer after =
      AfterChange("browser", [&] { world_.Unlink("tablet", "bob", kT + kHourMs); });
  EXPECT_THAT(after.ids, ElementsAre("ann", "phone", "tablet", "browser"));
  // One that was never heard of when it was asked.
  world_.Event("identify", "ann", kT + kHourMs, Member("email_sha256", "c0ffee"));
  EXPECT_THAT(Remember("ann").ids, ElementsAre("ann", "c0ffee", "phone", "tablet", "browser"));
  AfterChange("ann", [&] { world_.Event("page", "c0ffee", kT + kHourMs); });
}

TEST_F(GroupCacheTest, PartitionsThatComeAndGoAreSeenAtOnce) {
  Link();
  std::string away;
  for (const char* id : {"phone", "browser"}) {
    if (world_.state->partitions->Home(id) != world_.state->partitions->Home("ann")) away = id;
  }
  ASSERT_FALSE(away.empty());
  PartitionSlot& slot = SlotOf(away);
  const Answer whole = Remember("ann");
  for (const Ownership gone : {Ownership::kRevoked, Ownership::kNever}) {
    const Answer without = AfterChange("ann", [&] { slot.ownership = gone; });
    EXPECT_THAT(without.unavailable_ids, testing::Contains(away));
    EXPECT_THAT(Remember("ann").unavailable_ids, testing::Contains(away));
    AfterChange("ann", [&] { slot.ownership = Ownership::kOwned; });
    AfterChange("ann", [&] { slot.caught_up = false; });
    AfterChange("ann", [&] { slot.caught_up = true; });
    EXPECT_EQ(Ask("ann").events, whole.events);
  }
  // It comes back, and more was applied meanwhile.
  slot.ownership = Ownership::kRevoked;
  Remember("ann");
  slot.ownership = Ownership::kOwned;
  EXPECT_EQ(Remember("ann").events, whole.events);
  slot.ownership = Ownership::kRevoked;
  world_.Event("page", away, kT + kHourMs);
  slot.ownership = Ownership::kOwned;
  EXPECT_NE(Ask("ann").events, whole.events);
  // A part in a partition that is not the id's own.
  const int32_t other = (world_.state->partitions->Home(away).value() + 1) % 3;
  AfterChange("ann", [&] {
    world_.state->Feed(away, TestEvent("stray", away, "page", kT + kHourMs, ""), other);
  });
}

TEST_F(GroupCacheTest, WhatWasEvictedIsReadAnewUntilItIsBack) {
  Link();
  const Answer before = Remember("ann");
  for (int p = 0; p < 3; ++p) {
    world_.state->Checkpoint(p);
    world_.state->partition(p).Evict(0);
    world_.state->partition(p).Evict(0);
  }
  EXPECT_EQ(Ask("ann").events, before.events);
  EXPECT_EQ(Ask("ann").events, before.events);
  // An event brings a customer back to memory.
  for (const char* id : {"ann", "phone", "browser", "tablet", "bob"}) {
    const Answer cold = Ask("ann");
    world_.Event("page", id, kT + kHourMs);
    if (absl::string_view(id) == "tablet" || absl::string_view(id) == "bob") continue;
    EXPECT_NE(Ask("ann").events, cold.events) << id;
  }
  Remember("ann");
}

// Everything that may happen, in any order, to customers that share ids.
TEST_F(GroupCacheTest, IsNeverBehindWhateverHappens) {
  const std::vector<std::string> ids = {"ann",      "bob",       "cid",       "phone",
                                        "tablet",   "browser-1", "browser-2", "browser-3",
                                        "external", "c0ffee"};
  const std::vector<std::string> kinds = {"anonymous_id", "device_id", "email_sha256",
                                          "external_id"};
  learn::Random random(11);
  int remembered = 0;
  for (int step = 0; step < 1500 && !HasFailure(); ++step) {
    const std::string& a = ids[random.Below(ids.size())];
    const std::string& b = ids[random.Below(ids.size())];
    const int64_t time_ms = kT + static_cast<int64_t>(random.Below(200)) * kHourMs;
    PartitionSlot& slot = SlotOf(a);
    const int32_t p = world_.state->partitions->Home(a).value();
    switch (random.Below(16)) {
      case 0:
      case 1:
      case 2:
        world_.Event("identify", a, time_ms, Member(kinds[random.Below(kinds.size())], b));
        break;
      case 3:
        world_.Unlink(a, b == a ? "nobody-else" : b, time_ms);
        break;
      case 4:
        world_.Event("alias", a, time_ms, Member("previous_id", b));
        break;
      case 5:
        if (random.Below(4) == 0) world_.Event("delete", a, time_ms);
        break;
      case 6:
        slot.ownership = random.Below(2) == 0 ? Ownership::kRevoked : Ownership::kOwned;
        break;
      case 7:
        slot.caught_up = random.Below(3) != 0;
        break;
      case 8:
        world_.state->Checkpoint(p);
        world_.state->partition(p).Evict(0);
        break;
      case 9:
        if (random.Below(4) == 0) {
          world_.state->Feed(a, TestEvent(absl::StrCat("stray-", step), a, "page", time_ms, ""),
                             (p + 1) % 3);
        }
        break;
      case 10:
      case 11:
        world_.Deliver();
        break;
      default:
        world_.Event("view", a, time_ms, Member("item_id", absl::StrCat("sku-", step % 7)));
    }
    for (const std::string& id : ids) {
      Ask(id);
      if (Ask(id).reused) ++remembered;
    }
  }
  EXPECT_GT(remembered, 1000);
}

// While one thread applies, what it has applied is in every later answer, and nothing that it has
// not.
TEST_F(GroupCacheTest, ReadersBesideAWriterAreNeverBehind) {
  Link();
  constexpr int kEvents = 3000;
  const std::vector<std::string> members = {"ann", "phone", "browser"};
  const uint64_t before = world_.Sum("ann").event_count();
  std::atomic<uint64_t> begun{0};
  std::atomic<uint64_t> applied{0};
  std::vector<std::thread> readers;
  for (size_t r = 0; r < 3; ++r) {
    readers.emplace_back([&, id = members[r]] {
      while (applied < kEvents) {
        const uint64_t least = before + applied;
        uint64_t seen = 0;
        std::vector<std::string> ids;
        const auto found =
            world_.reader->Visit(id, [&](const profile::Profile& sum, const CustomerParts& parts) {
              seen = sum.event_count();
              for (const profile::GroupMember& member : parts.group->members) {
                ids.push_back(member.id);
              }
            });
        ASSERT_TRUE(found.ok() && *found);
        ASSERT_GE(seen, least) << id;
        ASSERT_LE(seen, before + begun) << id;
        ASSERT_EQ(ids, members);
      }
    });
  }
  // Before the first event they read the same again and again.
  while (world_.reader->reused() == 0) std::this_thread::yield();
  for (int i = 0; i < kEvents; ++i) {
    ++begun;
    world_.Event("page", members[static_cast<size_t>(i) % 3], kT + i);
    ++applied;
    // Links and their ends come and go beside the group; what is written leaves memory.
    if (i % 50 == 0) world_.Event("identify", "bob", kT + i, Member("external_id", "crm-1"));
    if (i % 50 == 25) world_.Unlink("bob", "crm-1", kT + i);
    if (i % 100 == 0) world_.Deliver();
    if (i % 300 == 0) world_.state->partition(i / 300 % 3).Evict(0);
    if (i % 10 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  for (std::thread& reader : readers) reader.join();
}

TEST_F(GroupCacheTest, KeepsToItsBytesAndDropsTheOldest) {
  constexpr size_t kBytes = 64 << 10;
  GroupCache cache(kBytes);
  const auto snapshot = [](size_t ids) {
    auto made = std::make_shared<GroupSnapshot>();
    made->asked.resize(ids);
    return made;
  };
  const auto hash = [](const std::string& id) { return profile::CustomerMap::Hash(id); };
  for (int i = 0; i < 2000; ++i) {
    const std::string id = absl::StrCat("id-", i);
    cache.Put(id, hash(id), snapshot(1));
    ASSERT_LE(cache.memory_bytes(), kBytes);
    EXPECT_NE(cache.Find(id, hash(id)), nullptr);
    // Asked for all the time, so it stays.
    if (i == 0) continue;
    EXPECT_NE(cache.Find("id-0", hash("id-0")), nullptr) << i;
  }
  EXPECT_GT(cache.memory_bytes(), kBytes / 2);
  EXPECT_EQ(cache.Find("id-1", hash("id-1")), nullptr);
  // Too large for its share, or not whole: what was there goes, for it is out of date.
  cache.Put("id-0", hash("id-0"), snapshot(kBytes));
  EXPECT_EQ(cache.Find("id-0", hash("id-0")), nullptr);
  auto partly = snapshot(1);
  partly->complete = false;
  cache.Put("id-0", hash("id-0"), partly);
  EXPECT_EQ(cache.Find("id-0", hash("id-0")), nullptr);
}

}  // namespace
}  // namespace kindred::node
