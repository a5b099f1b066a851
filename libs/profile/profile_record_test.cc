#include "profile/profile_record.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/testing/source_tree.h"
#include "gtest/gtest.h"
#include "learn/random.h"
#include "profile/features.h"
#include "profile/test_events.h"

namespace kindred::profile {
namespace {

using event::EventType;

// The customer that the budget is about: three visits, eleven views, two carts, an order of two
// lines, among 100,000 items.
Profile MedianCustomer() {
  TestApplier applier;
  for (int i = 0; i < 100'000; ++i) applier.Item(absl::StrCat("sku-", i));
  for (int i = 0; i < 300; ++i) applier.Term(absl::StrCat("term-", i));
  learn::Random random(42);
  Profile profile;
  const auto apply = [&](EventType type, int64_t time_ms, int item, double price) {
    TestEvent event;
    event.type = type;
    event.time_ms = time_ms;
    event.item = absl::StrCat("sku-", item);
    event.category = absl::StrCat("term-", item % 5);
    event.brand = absl::StrCat("term-", 100 + item % 4);
    event.channel = "term-200";
    event.device = "term-201";
    event.country = "term-202";
    event.city = "term-203";
    event.price = price;
    applier.Apply(event, &profile);
  };
  int64_t time_ms = kTestStartMs;
  std::vector<int> seen;
  for (int visit = 0; visit < 3; ++visit) {
    time_ms += 9 * kTestDayMs + static_cast<int64_t>(random.Below(kTestDayMs));
    for (int view = 0; view < 3 + (visit > 0); ++view) {
      time_ms += 20'000 + static_cast<int64_t>(random.Below(90'000));
      seen.push_back(static_cast<int>(random.Below(100'000)));
      apply(EventType::kView, time_ms, seen.back(), 0);
    }
  }
  for (int line = 0; line < 2; ++line) {
    time_ms += 30'123;
    apply(EventType::kAddToCart, time_ms, seen[seen.size() - 1 - line], 0);
  }
  time_ms += 61'007;
  apply(EventType::kPurchase, time_ms, seen[seen.size() - 1], 24.95);
  apply(EventType::kPurchase, time_ms, seen[seen.size() - 2], 9.9);
  return profile;
}

std::string RecordOf(const Profile& profile) {
  std::string record;
  profile.Encode(&record);
  return record;
}

// Pins the bytes. They may only change with kProfileRecordVersion and a reader of the old version;
// KINDRED_UPDATE_GOLDEN=1 then writes the new ones.
TEST(ProfileRecordTest, MedianCustomerIsAsPinnedAndWithinTheBudget) {
  const std::string path = base::SourceTreePath("libs/profile/testdata/median_customer_v2.hex");
  const std::string record = RecordOf(MedianCustomer());
  RecordProperty("bytes", static_cast<int>(record.size()));
  std::printf("median customer: %zu bytes at rest, %zu in memory\n", record.size(),
              MedianCustomer().memory_bytes());
  if (std::getenv("KINDRED_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << absl::BytesToHexString(record) << "\n";
  }
  std::ifstream file(path);
  std::string golden;
  ASSERT_TRUE(std::getline(file, golden)) << path;
  EXPECT_EQ(absl::BytesToHexString(record), golden);
  EXPECT_LE(record.size(), 400u);
  const auto decoded = Profile::Decode(absl::HexStringToBytes(golden));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, MedianCustomer());
}

// Bytes of the version before: read for good. What they do not have is absent, the rest as it was.
TEST(ProfileRecordTest, VersionOneIsRead) {
  std::ifstream file(base::SourceTreePath("libs/profile/testdata/median_customer_v1.hex"));
  std::string golden;
  ASSERT_TRUE(std::getline(file, golden));
  const auto decoded = Profile::Decode(absl::HexStringToBytes(golden));
  ASSERT_TRUE(decoded.ok());
  const Profile median = MedianCustomer();
  EXPECT_EQ(decoded->event_count(), median.event_count());
  EXPECT_EQ(decoded->purchases(), median.purchases());
  ASSERT_EQ(decoded->recent_items().size(), median.recent_items().size());
  for (size_t i = 0; i < median.recent_items().size(); ++i) {
    RecentItem expected = median.recent_items()[i];
    expected.category = expected.brand = TermId();
    EXPECT_EQ(decoded->recent_items()[i], expected);
  }
  const auto again = Profile::Decode(RecordOf(*decoded));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, *decoded);
}

TEST(ProfileRecordTest, EmptyProfileIsItsVersion) {
  const std::string record = RecordOf(Profile());
  EXPECT_EQ(record, std::string(1, kProfileRecordVersion));
  const auto decoded = Profile::Decode(record);
  ASSERT_TRUE(decoded.ok());
  EXPECT_TRUE(decoded->empty());
}

TEST(ProfileRecordTest, TruncatedAndExtendedRecordsAreRefused) {
  const std::string record = RecordOf(MedianCustomer());
  EXPECT_FALSE(Profile::Decode("").ok());
  for (size_t size = 2; size < record.size(); ++size) {
    EXPECT_FALSE(Profile::Decode(absl::string_view(record).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(Profile::Decode(record + "x").ok());
  EXPECT_EQ(Profile::Decode(record + "x").status().code(), absl::StatusCode::kDataLoss);
}

TEST(ProfileRecordTest, OtherVersionsAreRefused) {
  std::string record = RecordOf(MedianCustomer());
  record[0] = 99;
  EXPECT_FALSE(Profile::Decode(record).ok());
}

// Whatever a damaged record decodes to is a valid profile: it writes back to the same bytes and
// takes events, merges and answers.
TEST(ProfileRecordTest, DamagedRecordsAreRefusedOrValid) {
  TestApplier applier;
  const Profile median = MedianCustomer();
  const std::string record = RecordOf(median);
  learn::Random random(1);
  int accepted = 0;
  for (int trial = 0; trial < 20'000; ++trial) {
    std::string damaged = record;
    for (uint64_t edits = 1 + random.Below(3); edits > 0; --edits) {
      damaged[random.Below(damaged.size())] = static_cast<char>(random.Below(256));
    }
    auto decoded = Profile::Decode(damaged);
    if (!decoded.ok()) continue;
    ++accepted;
    EXPECT_EQ(RecordOf(*decoded), damaged);
    for (const double value : Features(*decoded, kTestStartMs)) EXPECT_TRUE(std::isfinite(value));
    Profile merged = median.Clone();
    merged.Merge(*decoded);
    TestEvent event;
    event.type = EventType::kPurchase;
    event.category = "tea";
    event.price = 1;
    applier.Apply(event, &merged);
    EXPECT_TRUE(Profile::Decode(RecordOf(merged)).ok());
  }
  EXPECT_GT(accepted, 100);  // a changed count or sum is still a profile
}

}  // namespace
}  // namespace kindred::profile
