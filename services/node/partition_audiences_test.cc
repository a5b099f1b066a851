#include "node/partition_audiences.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "node/test_state.h"

namespace kindred::node {
namespace {

// The bytes of version 1.
TEST(PartitionAudiencesTest, StoredBytesStayAsTheyAreAndBadOnesAreRefused) {
  SharedOptions options;
  options.partition_count = 1;
  TestState state(options, store::NewMemoryEnvironment());
  PartitionAudiences audiences;
  EXPECT_EQ(audiences.Adopt({"tea", "coffee"}), (std::vector<int>{0, 1}));
  const uint64_t hash = profile::CustomerMap::Hash("u-1");
  audiences.Decide("u-1", hash, 0b11, 7);
  store::Checkpoint checkpoint = state.store->NewCheckpoint(PartitionId(0));
  size_t told = 0;
  audiences.Tell(
      10, &checkpoint, [&told] { return ++told; }, [](const OutboxEntry&) {}, PartitionId(0));
  checkpoint.SetNextOffset(Offset(1));
  ASSERT_TRUE(state.store->Write(std::move(checkpoint)).ok());
  EXPECT_EQ(told, 2u);
  const auto names = state.store->Get(store::Table::kMeta, PartitionId(0), "audiences");
  const auto row = state.store->Get(store::Table::kAudience, PartitionId(0), "u-1");
  ASSERT_TRUE(names.ok() && names->has_value() && row.ok() && row->has_value());
  EXPECT_EQ(absl::BytesToHexString(**names),
            absl::StrCat("010374656106636f66666565", std::string(2 * 62, '0')));
  EXPECT_EQ(absl::BytesToHexString(**row), "0103");
  PartitionAudiences again;
  const auto known = [](absl::string_view, uint64_t) { return true; };
  ASSERT_TRUE(again.Restore(*state.store, PartitionId(0), known, 8).ok());
  EXPECT_EQ(again.waiting(), 0u);
  EXPECT_TRUE(again.Contains(hash, 0) && again.Contains(hash, 1));
  EXPECT_EQ(again.Sizes()[1].members, 1u);
  EXPECT_FALSE(again.RestoreRow("u-2", "\x01\x04").ok()) << "an audience that has no name";
  EXPECT_FALSE(again.RestoreRow("u-2", "\x02\x01").ok());
  EXPECT_FALSE(again.RestoreRow("u-2", absl::string_view("\x01\x00", 2)).ok());
  EXPECT_FALSE(again.RestoreRow("u-2", "\x01\x01\x01").ok());
  EXPECT_FALSE(again.RestoreNames((*names)->substr(0, 20)).ok());
}

// More changes waited than a checkpoint takes when a member was deleted; the process died before
// the next one.
TEST(PartitionAudiencesTest, WhoWasDeletedLeavesThoughACrashForgotThatItWaited) {
  SharedOptions options;
  options.partition_count = 1;
  const auto environment = store::NewMemoryEnvironment();
  constexpr int kMany = 5'001;  // a checkpoint takes 5,000
  const auto name = [](int i) { return absl::StrCat("u-", i); };
  std::vector<std::string> told;  // "u-7 entered"
  const auto take_told = [&told](TestState& state) {
    const absl::Status status = state.store->ForEachOutbox(
        PartitionId(0), 0, SIZE_MAX, [&](uint64_t, absl::string_view bytes) {
          const auto entry = DecodeOutboxEntry(bytes);
          EXPECT_TRUE(entry.ok()) << entry.status();
          const bool entered = absl::StrContains(entry->value, "\"entered\"");
          told.push_back(absl::StrCat(entry->key, entered ? " entered" : " left"));
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
  };
  {
    TestState state(options, environment);
    PartitionAudiences& audiences = state.partition().audiences();
    audiences.Adopt({"all"});
    const auto decide = [&](int i, uint64_t slots) {
      audiences.Decide(name(i), profile::CustomerMap::Hash(name(i)), slots, kTestTimeMs);
    };
    for (int i = 0; i < kMany; ++i)
      state.Feed(name(i), TestEvent(name(i), name(i), "view", kTestTimeMs, "\"item_id\":\"i\""));
    decide(0, 1);
    ASSERT_TRUE(state.Checkpoint());
    for (int i = 1; i < kMany; ++i) decide(i, 1);
    state.Feed(name(0), TestEvent("gone", name(0), "delete", kTestTimeMs + 1, ""));
    ASSERT_TRUE(state.Checkpoint());
    EXPECT_EQ(audiences.waiting(), 1u) << "or the test shows nothing";
    take_told(state);
    EXPECT_EQ(told.size(), static_cast<size_t>(kMany));
  }
  TestState state(options, environment);
  const PartitionAudiences& audiences = state.partition().audiences();
  EXPECT_FALSE(audiences.Contains(profile::CustomerMap::Hash(name(0)), 0));
  EXPECT_TRUE(audiences.Contains(profile::CustomerMap::Hash(name(1)), 0));
  EXPECT_EQ(audiences.Sizes()[0].members, static_cast<uint64_t>(kMany - 1));
  EXPECT_EQ(audiences.waiting(), 1u);
  ASSERT_TRUE(state.Checkpoint());
  told.clear();
  take_told(state);
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back(), "u-0 left");
}

}  // namespace
}  // namespace kindred::node
