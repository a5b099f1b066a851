#include "profile/links.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learn/random.h"

namespace kindred::profile {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDay = 20'000 * 24 * kHourMs;  // the start of one

Link Evidence(learn::Random& random) {
  const int64_t time_ms = kDay + static_cast<int64_t>(random.Below(50)) * 1'200'000;
  const std::string event = "e-" + std::to_string(random.Below(9));
  if (random.Below(3) == 0) return MakeUnlink("b", time_ms, event);
  return MakeLink("b", static_cast<IdKind>(random.Below(kIdKinds)),
                  static_cast<IdKind>(random.Below(kIdKinds)),
                  static_cast<LinkCause>(random.Below(kLinkCauses)), time_ms, event);
}

std::string BytesOf(const Link& link) {
  std::string bytes;
  base::ByteWriter writer(&bytes);
  WriteLink(link, &writer);
  return bytes;
}

TEST(LinksTest, JoiningDoesNotDependOnOrderOrRepetition) {
  learn::Random random(1);
  for (int round = 0; round < 3000; ++round) {
    std::vector<Link> all;
    for (size_t i = 0; i < 1 + random.Below(8); ++i) all.push_back(Evidence(random));
    Link forward = all.front();
    for (const Link& link : all) forward.Join(link);
    std::reverse(all.begin(), all.end());
    all.push_back(all.front());
    Link backward = all.front();
    for (const Link& link : all) backward.Join(link);
    ASSERT_EQ(forward, backward);
    ASSERT_FALSE(forward.Join(backward));
    ASSERT_EQ(forward.Mirrored("a").Mirrored("b"), forward);
  }
}

TEST(LinksTest, WritesReadBackAndDamageIsRefused) {
  learn::Random random(2);
  for (int round = 0; round < 300; ++round) {
    Link link = Evidence(random);
    for (int i = 0; i < 4; ++i) link.Join(Evidence(random));
    const std::string bytes = BytesOf(link);
    base::ByteReader in(bytes);
    Link read;
    ASSERT_TRUE(ReadLink(&in, &read));
    ASSERT_TRUE(in.Done());
    ASSERT_EQ(read, link);
    for (size_t size = 0; size < bytes.size(); ++size) {
      base::ByteReader cut(absl::string_view(bytes).substr(0, size));
      Link none;
      EXPECT_FALSE(ReadLink(&cut, &none) && cut.Done());
    }
  }
}

TEST(LinksTest, TheNewestWordCountsAndAnUnlinkWinsATie) {
  Link link = MakeLink("b", IdKind::kUser, IdKind::kExternal, LinkCause::kAlias, 1000, "e");
  EXPECT_TRUE(link.linked());
  link.Join(MakeUnlink("b", 1000, "u"));
  EXPECT_FALSE(link.linked());
  link.Join(MakeLink("b", IdKind::kUser, IdKind::kExternal, LinkCause::kAlias, 1001, "f"));
  EXPECT_TRUE(link.linked());
  EXPECT_EQ(link.first_event, "e");
  EXPECT_EQ(link.unlinked_event, "u");
}

TEST(LinksTest, EvidenceCountsFromItsHourOrDay) {
  const int64_t time_ms = kDay + 5 * kHourMs + 77;
  const auto last = [&](LinkCause cause) {
    return MakeLink("b", IdKind::kUser, IdKind::kDevice, cause, time_ms, "e").last_ms;
  };
  EXPECT_EQ(last(LinkCause::kAlias), time_ms);
  EXPECT_EQ(last(LinkCause::kIdentify), kDay + 5 * kHourMs);
  EXPECT_EQ(last(LinkCause::kSeenTogether), kDay);
  const Link link =
      MakeLink("b", IdKind::kUser, IdKind::kDevice, LinkCause::kSeenTogether, time_ms, "e");
  EXPECT_TRUE(link.Covers(IdKind::kUser, IdKind::kDevice, LinkCause::kSeenTogether, time_ms + 1));
  EXPECT_FALSE(link.Covers(IdKind::kUser, IdKind::kDevice, LinkCause::kIdentify, time_ms + 1));
  EXPECT_FALSE(link.Covers(IdKind::kUser, IdKind::kDevice, LinkCause::kSeenTogether, time_ms - 1));
  EXPECT_FALSE(link.Covers(IdKind::kUser, IdKind::kDevice, LinkCause::kSeenTogether,
                           time_ms + 24 * kHourMs));
}

TEST(LinksTest, TheBoundKeepsTheEarliestAndEveryUnlink) {
  std::vector<Link> links;
  AddLink(links, MakeUnlink("undone", kDay + 900 * kHourMs, "u"));
  for (int i = 0; i < 300; ++i) {
    AddLink(links, MakeLink("id-" + std::to_string(i), IdKind::kDevice, IdKind::kUser,
                            LinkCause::kIdentify, kDay + (300 - i) * kHourMs, "e"));
  }
  EXPECT_EQ(links.size(), kMaxLinks);
  EXPECT_NE(FindLink(links, "undone"), nullptr);
  EXPECT_NE(FindLink(links, "id-299"), nullptr);
  EXPECT_EQ(FindLink(links, "id-0"), nullptr);
  EXPECT_TRUE(std::is_sorted(links.begin(), links.end(),
                             [](const Link& a, const Link& b) { return a.other < b.other; }));
  EXPECT_FALSE(AddLink(links, MakeLink("late", IdKind::kDevice, IdKind::kUser, LinkCause::kIdentify,
                                       kDay + 999 * kHourMs, "e")));
}

}  // namespace
}  // namespace kindred::profile
