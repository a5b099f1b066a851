#include "node/partition_audiences.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
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
  ASSERT_TRUE(again.Restore(*state.store, PartitionId(0)).ok());
  EXPECT_TRUE(again.Contains(hash, 0) && again.Contains(hash, 1));
  EXPECT_EQ(again.Sizes()[1].members, 1u);
  EXPECT_FALSE(again.RestoreRow("u-2", "\x01\x04").ok()) << "an audience that has no name";
  EXPECT_FALSE(again.RestoreRow("u-2", "\x02\x01").ok());
  EXPECT_FALSE(again.RestoreRow("u-2", absl::string_view("\x01\x00", 2)).ok());
  EXPECT_FALSE(again.RestoreRow("u-2", "\x01\x01\x01").ok());
  EXPECT_FALSE(again.RestoreNames((*names)->substr(0, 20)).ok());
}

}  // namespace
}  // namespace kindred::node
