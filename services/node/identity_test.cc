// Links across partitions: groups, limits, shared devices, deletion; and the law that a customer is
// the sum of its ids, whatever the order of events, links and unlinks.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learn/random.h"
#include "node/identity_world.h"

namespace kindred::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kHourMs = 60 * kMinuteMs;
constexpr int64_t kT = kTestTimeMs - 30 * 24 * kHourMs;  // a moment in the past

std::string Anonymous(const std::string& id) {
  return absl::StrCat("\"anonymous_id\":\"", id, "\"");
}
std::string Device(const std::string& id) { return absl::StrCat("\"device_id\":\"", id, "\""); }
std::string Previous(const std::string& id) { return absl::StrCat("\"previous_id\":\"", id, "\""); }

TEST(IdentityTest, ALinkJoinsTwoPartitionsAndAnUnlinkPartsThem) {
  IdentityWorld world(3);
  world.Event("page", "browser", kT);
  world.Event("page", "browser", kT + 1);
  world.Event("identify", "ann", kT + 2, Anonymous("browser"));
  world.Deliver();
  for (const char* id : {"ann", "browser"}) {
    EXPECT_THAT(world.Ids(id), ElementsAre("ann", "browser"));
    EXPECT_EQ(world.Sum(id).event_count(), 3u);
  }
  world.Unlink("browser", "ann", kT + kHourMs);
  world.Deliver();
  EXPECT_THAT(world.Ids("ann"), ElementsAre("ann"));
  EXPECT_EQ(world.Sum("ann").event_count(), 1u);
  EXPECT_EQ(world.Sum("browser").event_count(), 2u);
  // Newer evidence links again; older does not.
  world.Event("identify", "ann", kT + 3, Anonymous("browser"));
  world.Deliver();
  EXPECT_THAT(world.Ids("browser"), ElementsAre("browser"));
  world.Event("identify", "ann", kT + 3 * kHourMs, Anonymous("browser"));
  world.Deliver();
  EXPECT_THAT(world.Ids("browser"), ElementsAre("ann", "browser"));
}

TEST(IdentityTest, BothEndsSeeAnUnlinkBeforeTheMessageArrives) {
  IdentityWorld world(3);
  world.Event("page", "browser", kT);
  world.Event("identify", "ann", kT, Anonymous("browser"));
  world.Deliver();
  world.Unlink("ann", "browser", kT + kHourMs);
  EXPECT_THAT(world.Ids("ann"), ElementsAre("ann"));
  EXPECT_THAT(world.Ids("browser"), ElementsAre("browser"));
}

TEST(IdentityTest, AnEventWithoutNewsPostsNothing) {
  IdentityWorld world(2);
  world.Event("page", "ann", kT, Anonymous("browser"));
  EXPECT_GT(world.Deliver(), 0);
  for (int i = 1; i < 300; ++i) {
    world.Event("page", "ann", kT + i * kHourMs, Anonymous("browser"));
  }
  EXPECT_EQ(world.Deliver(), 0) << "seen together again is no news";
  world.Unlink("ann", "browser", kT + 300 * kHourMs);
  world.Deliver();
  world.Event("page", "ann", kT + 400 * kHourMs, Anonymous("browser"));
  EXPECT_GT(world.Deliver(), 0) << "after an unlink it is";
}

TEST(IdentityTest, NobodyIsLinked) {
  profile::IdentityRules rules;
  rules.blocked = {"kiosk"};
  IdentityWorld world(2, rules);
  for (const char* id : {"null", "0", "-1", "00000000-0000-0000-0000-000000000000", "NULL", "test",
                         "Anonymous", "undefined"}) {
    world.Event("identify", "ann", kT, Anonymous(id));
  }
  EXPECT_EQ(world.Deliver(), 0);
  world.Event("identify", "ann", kT, Anonymous("KIOSK"));
  world.Deliver();
  EXPECT_THAT(world.Ids("ann"), ElementsAre("ann"));
}

TEST(IdentityTest, ASharedDeviceBelongsToItsFirstUser) {
  IdentityWorld world(3);
  world.Event("page", "till", kT);
  std::vector<std::string> users;
  for (int i = 0; i < 50; ++i) {
    users.push_back(absl::StrCat("user-", i));
    for (int j = 0; j < 3; ++j) {
      world.Event("identify", users.back(), kT + (i + 1) * kHourMs + j, Device("till"));
      world.Event("page", users.back(), kT, Anonymous(absl::StrCat("browser-", i, "-", j)));
    }
  }
  world.Deliver();
  EXPECT_THAT(world.Ids("till"),
              ElementsAre("user-0", "till", "browser-0-0", "browser-0-1", "browser-0-2"));
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(world.Ids(users[i]).size(), i == 0 ? 5u : 4u) << users[i];
  }
  const size_t bytes =
      world.state->Bytes("till", world.state->partitions->Home("till").value()).size();
  EXPECT_LT(bytes, 5'000u);
  for (int i = 50; i < 500; ++i) {
    world.Event("identify", absl::StrCat("user-", i), kT + (i + 1) * kHourMs, Device("till"));
  }
  world.Deliver();
  EXPECT_LT(world.state->Bytes("till", world.state->partitions->Home("till").value()).size(),
            6'000u);
  // The first user leaves it: it is the second's.
  world.Unlink("till", "user-0", kT + 600 * kHourMs);
  world.Deliver();
  EXPECT_EQ(world.Ids("till").front(), "user-1");
  EXPECT_EQ(world.Ids("user-0").size(), 4u);
}

TEST(IdentityTest, LimitsHoldInAGroupWhoeverIsAsked) {
  IdentityWorld world(3);
  // Two users who meet only over a chain: phone-1, tablet, phone-2.
  world.Event("identify", "ann", kT, Anonymous("phone-1"));
  world.Visit("phone-1", kT, Device("tablet"));
  world.Visit("phone-2", kT + kHourMs, Device("tablet"));
  world.Event("identify", "bob", kT + kHourMs, Anonymous("phone-2"));
  for (int i = 0; i < 9; ++i) {
    world.Event("identify", "cid", kT + i * kMinuteMs, Anonymous(absl::StrCat("c-", i)));
  }
  world.Deliver();
  std::set<std::vector<std::string>> groups;
  for (const char* id : {"ann", "bob", "phone-1", "phone-2", "tablet"})
    groups.insert(world.Ids(id));
  EXPECT_EQ(groups.size(), 2u);
  for (const std::vector<std::string>& group : groups) {
    const auto users = std::count_if(group.begin(), group.end(), [](const std::string& id) {
      return id == "ann" || id == "bob";
    });
    EXPECT_EQ(users, 1) << testing::PrintToString(group);
  }
  EXPECT_THAT(world.Ids("cid"), ElementsAre("cid", "c-0", "c-1", "c-2", "c-3", "c-4"));
  EXPECT_THAT(world.Ids("c-7"), IsEmpty()) << "no event of its own, and no customer";
}

TEST(IdentityTest, AnAliasMayNameAUserTheyOnceWere) {
  IdentityWorld world(2);
  world.Event("identify", "ann-old", kT, Anonymous("browser"));
  world.Event("alias", "ann", kT + kHourMs, Previous("ann-old"));
  world.Deliver();
  EXPECT_THAT(world.Ids("browser"), ElementsAre("ann", "ann-old", "browser"));
}

TEST(IdentityTest, DeletingOneIdDeletesTheCustomerAndNobodyElse) {
  IdentityWorld world(3);
  world.Visit("browser", kT);
  world.Event("identify", "ann", kT, Anonymous("browser"));
  world.Visit("browser", kT, Device("till"));
  world.Event("identify", "bob", kT + kHourMs, Device("till"));
  world.Event("identify", "ann", kT + 2 * kHourMs, Device("till"));
  world.Deliver();
  ASSERT_THAT(world.Ids("browser"), ElementsAre("ann", "browser"));
  ASSERT_THAT(world.Ids("till"), ElementsAre("bob", "till"));
  world.Event("delete", "browser", kT + 3 * kHourMs);
  world.Deliver();
  EXPECT_THAT(world.Ids("ann"), IsEmpty());
  EXPECT_THAT(world.Ids("browser"), IsEmpty());
  EXPECT_THAT(world.Ids("bob"), ElementsAre("bob", "till"));
  // Nothing names the deleted ones any more.
  for (const char* id : {"bob", "till"}) {
    const std::string bytes = world.state->Bytes(id, world.state->partitions->Home(id).value());
    EXPECT_EQ(bytes.find("ann"), std::string::npos) << id;
    EXPECT_EQ(bytes.find("browser"), std::string::npos) << id;
  }
  uint64_t customers = 0;
  for (int32_t p = 0; p < 3; ++p) customers += world.state->partition(p).figures().customers;
  EXPECT_EQ(customers, 1u);
}

TEST(IdentityTest, ALinkThatNobodyMadeIsRejected) {
  IdentityWorld world(1);
  world.Event("link", "ann", kT, Previous("browser"));
  world.Event("link", "ann", kT, Previous("browser") + R"(,"properties":{"link":"bm9uc2Vuc2U="})");
  world.Event("unlink", "ann", kT, Previous("ann"));
  EXPECT_EQ(world.state->quality().rejected[static_cast<size_t>(clean::RejectReason::kInvalidLink)],
            3u);
}

// --- The law

struct Step {
  enum Kind { kView, kPurchase, kIdentify, kAlias, kDevice, kEmail, kUnlink } kind;
  std::string a;
  std::string b;  // links and unlinks
  int64_t time_ms;
  int item;
};

// The kinds' order is that of the names: user, e-mail, external, device, anonymous.
const char* const kIds[] = {"1u0", "1u1", "2e0", "3x0", "3x1", "4d0", "5a0", "5a1"};

std::vector<Step> RandomSteps(learn::Random& random) {
  std::vector<Step> steps;
  const size_t count = 8 + random.Below(20);
  std::set<int64_t> times;
  while (times.size() < count) times.insert(static_cast<int64_t>(random.Below(3 * 24 * 60)));
  for (const int64_t minute : times) {
    Step step{static_cast<Step::Kind>(random.Below(7)), kIds[random.Below(8)], "",
              kT + minute * kMinuteMs, static_cast<int>(random.Below(5))};
    const std::string user = kIds[random.Below(2)];
    const std::map<int, std::string> others = {{Step::kIdentify, kIds[6 + random.Below(2)]},
                                               {Step::kAlias, kIds[3 + random.Below(2)]},
                                               {Step::kDevice, kIds[5]},
                                               {Step::kEmail, kIds[2]}};
    if (const auto other = others.find(step.kind); other != others.end()) {
      step.a = user;
      step.b = other->second;
    } else if (step.kind == Step::kUnlink) {
      step.b = kIds[random.Below(8)];
      if (step.a == step.b) {
        step.kind = Step::kView;
        step.b.clear();
      }
    }
    steps.push_back(step);
  }
  for (size_t i = steps.size(); i > 1; --i) std::swap(steps[i - 1], steps[random.Below(i)]);
  return steps;
}

// Without `links` the same events say nothing of other ids.
void Play(const Step& step, const std::string& prefix, bool links, IdentityWorld* world) {
  const std::string a = prefix + step.a;
  const std::string b = prefix + step.b;
  const auto name = [&](absl::string_view field) {
    return links ? absl::StrCat("\"", field, "\":\"", b, "\"") : std::string();
  };
  switch (step.kind) {
    case Step::kView:
      return world->Event("view", a, step.time_ms,
                          absl::StrCat("\"item_id\":\"i", step.item, "\""));
    case Step::kPurchase:
      return world->Event(
          "purchase", a, step.time_ms,
          absl::StrCat("\"price\":9.95,\"category\":\"tea\",\"item_id\":\"i", step.item, "\""));
    case Step::kIdentify:
      return world->Event("identify", a, step.time_ms, name("anonymous_id"));
    case Step::kAlias:
      return world->Event("alias", a, step.time_ms, links ? name("previous_id") : Previous("null"));
    case Step::kDevice:
      return world->Event("page", a, step.time_ms, name("device_id"));
    case Step::kEmail:
      return world->Event("page", a, step.time_ms, name("email_sha256"));
    case Step::kUnlink:
      if (links) world->Unlink(a, b, step.time_ms);
  }
}

// Ids to the ids of their customer, by the newest word on each pair.
std::map<std::string, std::vector<std::string>> ExpectedGroups(const std::vector<Step>& steps) {
  std::map<std::pair<std::string, std::string>, std::pair<int64_t, int64_t>> words;
  for (const Step& step : steps) {
    if (step.b.empty()) continue;
    auto& [linked, unlinked] = words[std::minmax(step.a, step.b)];
    const int64_t grain = step.kind == Step::kAlias      ? 1
                          : step.kind == Step::kIdentify ? kHourMs
                                                         : 24 * kHourMs;
    if (step.kind == Step::kUnlink) {
      unlinked = std::max(unlinked, step.time_ms);
    } else {
      linked = std::max(linked, step.time_ms / grain * grain);
    }
  }
  std::map<std::string, std::string> head;
  for (const char* id : kIds) head[id] = id;
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& [pair, word] : words) {
      if (word.first <= word.second) continue;
      std::string& a = head[pair.first];
      std::string& b = head[pair.second];
      changed |= a != b;
      a = b = std::min(a, b);
    }
  }
  std::map<std::string, std::vector<std::string>> groups;
  for (const char* id : kIds) {
    for (const char* other : kIds) {
      if (head[id] == head[other]) groups[id].push_back(other);
    }
  }
  return groups;
}

std::string BytesOf(const profile::Profile& profile) {
  std::string bytes;
  profile.Encode(&bytes);
  return bytes;
}

class IdentityLawTest : public ::testing::Test {
 protected:
  static constexpr int kSequences = 10'000;
  static constexpr int kBatch = 100;

  IdentityLawTest() : linked_(3, NoLimits()), apart_(3) {
    // Names get the same numbers in both.
    for (IdentityWorld* world : {&linked_, &apart_}) {
      world->arrival_ms = kT + 200 * 24 * kHourMs;
      for (int i = 0; i < 5; ++i) {
        Play({Step::kPurchase, "primer", "", kT, i}, "", false, world);
      }
    }
  }
  static profile::IdentityRules NoLimits() {
    profile::IdentityRules rules;
    rules.limits.fill(64);
    return rules;
  }

  void Check(const std::vector<Step>& steps, const std::string& prefix) {
    std::map<std::string, profile::Profile> parts;
    for (const char* id : kIds) parts[id] = apart_.Sum(prefix + id);
    for (const auto& [id, members] : ExpectedGroups(steps)) {
      profile::Profile sum;
      std::vector<std::string> ids;
      for (const std::string& member : members) {
        sum.MergeEvents(parts[member]);
        ids.push_back(prefix + member);
      }
      if (sum.empty()) ids.clear();
      ASSERT_EQ(linked_.Ids(prefix + id), ids) << prefix << id;
      ASSERT_EQ(BytesOf(linked_.Sum(prefix + id)), BytesOf(sum)) << prefix << id;
    }
  }

  IdentityWorld linked_;
  IdentityWorld apart_;
};

TEST_F(IdentityLawTest, ACustomerIsTheSumOfItsIdsWhateverTheOrder) {
  learn::Random random(20261126);
  for (int begin = 0; begin < kSequences; begin += kBatch) {
    std::map<std::string, std::vector<Step>> batch;
    for (int i = begin; i < begin + kBatch; ++i) {
      std::vector<Step> steps = RandomSteps(random);
      batch[absl::StrCat("s", i, "x-")] = steps;
      for (size_t j = steps.size(); j > 1; --j) std::swap(steps[j - 1], steps[random.Below(j)]);
      batch[absl::StrCat("s", i, "y-")] = steps;  // the same in another order
    }
    for (const auto& [prefix, steps] : batch) {
      for (const Step& step : steps) {
        Play(step, prefix, true, &linked_);
        Play(step, prefix, false, &apart_);
        // Messages arrive at any time, or all at the end.
        if (random.Below(2000) == 0) linked_.Deliver();
      }
    }
    linked_.Deliver();
    for (const auto& [prefix, steps] : batch) {
      Check(steps, prefix);
      if (HasFatalFailure()) return;
    }
    if (begin % 1000 != 0) continue;
    // Unlinking restores every id exactly.
    for (auto& [prefix, steps] : batch) {
      const size_t count = steps.size();
      for (size_t i = 0; i < count; ++i) {
        if (steps[i].b.empty()) continue;
        steps.push_back({Step::kUnlink, steps[i].b, steps[i].a, kT + 100 * 24 * kHourMs, 0});
        Play(steps.back(), prefix, true, &linked_);
      }
    }
    linked_.Deliver();
    for (const auto& [prefix, steps] : batch) {
      Check(steps, prefix);
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace kindred::node
