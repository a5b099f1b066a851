#include "profile/identity_group.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learn/random.h"

namespace kindred::profile {
namespace {

constexpr int64_t kT = 1'700'000'000'000;

// What every id keeps, as if all messages had arrived.
class Links {
 public:
  void Add(const std::string& a, IdKind a_kind, const std::string& b, IdKind b_kind,
           int64_t time_ms, LinkCause cause = LinkCause::kIdentify) {
    const Link link = MakeLink(b, a_kind, b_kind, cause, time_ms, "e");
    AddLink(all_[a], link);
    AddLink(all_[b], link.Mirrored(a));
  }
  IdentityGroup Group(const std::string& id, const IdentityRules& rules = {}) {
    asked_ = 0;
    const auto group = FindGroup(id, rules, [this](absl::string_view other) {
      ++asked_;
      return absl::StatusOr<std::vector<Link>>(all_[std::string(other)]);
    });
    EXPECT_TRUE(group.ok());
    return *group;
  }
  std::vector<std::string> Ids(const std::string& id, const IdentityRules& rules = {}) {
    std::vector<std::string> ids;
    for (const GroupMember& member : Group(id, rules).members) ids.push_back(member.id);
    return ids;
  }
  size_t asked() const { return asked_; }

 private:
  std::map<std::string, std::vector<Link>> all_;
  size_t asked_ = 0;
};

TEST(IdentityGroupTest, KnowsWhoIsNobody) {
  for (const char* id :
       {"", "0", "000", "0000-0000", "-1", "null", "NULL", "undefined", "Anonymous", "test",
        "(not set)", "00000000-0000-0000-0000-000000000000"}) {
    EXPECT_TRUE(IsNobody(id)) << id;
  }
  for (const char* id : {"u-7", "10", "1", "ann", "tester-5", "nullable", "0a",
                         "anonymous-5f3a9c1d-88e2-4a7e-9f0b-0c5d1e2f3a4b"}) {
    EXPECT_FALSE(IsNobody(id)) << id;
  }
}

TEST(IdentityGroupTest, EveryMemberFindsTheSameGroup) {
  learn::Random random(3);
  for (int round = 0; round < 500; ++round) {
    Links links;
    std::vector<std::string> ids;
    for (int i = 0; i < 24; ++i) ids.push_back("id-" + std::to_string(i));
    for (int i = 0; i < 40; ++i) {
      const size_t a = random.Below(24);
      const size_t b = random.Below(24);
      if (a == b) continue;
      links.Add(ids[a], static_cast<IdKind>(a % kIdKinds), ids[b],
                static_cast<IdKind>(b % kIdKinds), kT + static_cast<int64_t>(random.Below(1000)),
                static_cast<LinkCause>(random.Below(kLinkCauses)));
    }
    for (const std::string& id : ids) {
      const IdentityGroup group = links.Group(id);
      std::map<IdKind, int> kinds;
      for (const GroupMember& member : group.members) ++kinds[member.kind];
      for (const auto& [kind, count] : kinds) {
        EXPECT_LE(count, IdentityRules().limits[static_cast<size_t>(kind)]);
      }
      const std::vector<std::string> members = links.Ids(id);
      EXPECT_THAT(members, testing::Contains(id));
      for (const std::string& member : members) ASSERT_EQ(links.Ids(member), members);
    }
  }
}

TEST(IdentityGroupTest, WhatIsSharedByManyIsAskedForFew) {
  Links links;
  for (int i = 0; i < 60; ++i) {
    const std::string user = "user-" + std::to_string(i);
    for (int d = 0; d < 60; ++d) {
      links.Add(user, IdKind::kUser, "device-" + std::to_string(d), IdKind::kDevice,
                kT + i * 1000 + d);
    }
  }
  EXPECT_THAT(links.Ids("user-0"), testing::ElementsAre("user-0", "device-0", "device-1",
                                                        "device-2", "device-3", "device-4"));
  EXPECT_LE(links.asked(), 7u);
  EXPECT_THAT(links.Ids("user-59"), testing::ElementsAre("user-59"));
  EXPECT_LE(links.asked(), 7u);
}

TEST(IdentityGroupTest, ChainsWithoutEndStandAlone) {
  Links links;
  IdentityRules rules;
  rules.limits.fill(1000);
  const auto id = [](int i) { return "d-" + std::to_string(i); };
  for (int i = 0; i < 500; ++i) {
    links.Add(id(i), IdKind::kDevice, id(i + 1), IdKind::kAnonymous, kT + i);
  }
  for (const int i : {0, 250, 500}) {
    const IdentityGroup group = links.Group(id(i), rules);
    EXPECT_TRUE(group.too_large);
    EXPECT_EQ(group.members.size(), 1u);
    EXPECT_LE(links.asked(), 2 * kMaxGroupIds);
  }
}

TEST(IdentityGroupTest, SaysWhyALinkDoesNotHold) {
  Links links;
  links.Add("till", IdKind::kDevice, "ann", IdKind::kUser, kT);
  links.Add("till", IdKind::kDevice, "bob", IdKind::kUser, kT + 1);
  const IdentityGroup group = links.Group("till");
  ASSERT_EQ(group.links.size(), 2u);
  std::map<std::string, LinkState> states;
  for (const GroupLink& link : group.links) {
    states[link.from == "till" ? link.link.other : link.from] = link.state;
  }
  EXPECT_EQ(states["ann"], LinkState::kLinked);
  EXPECT_EQ(states["bob"], LinkState::kOverLimit);
}

}  // namespace
}  // namespace kindred::profile
