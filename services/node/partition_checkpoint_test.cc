// What a partition's checkpoints hold, and when.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/partition.h"
#include "node/test_state.h"

namespace kindred::node {
namespace {

using ::testing::SizeIs;

std::string View(const std::string& id, const std::string& user, const std::string& item,
                 int64_t time_ms) {
  return TestEvent(id, user, "view", time_ms, absl::StrCat("\"item_id\":\"", item, "\""));
}

class PartitionCheckpointTest : public ::testing::Test {
 protected:
  PartitionCheckpointTest() { options_.partition_count = 1; }
  void Restart() {
    state_.reset();
    state_ = std::make_unique<TestState>(options_, environment_, SIZE_MAX);
  }
  TestState& state() {
    if (state_ == nullptr) Restart();
    return *state_;
  }

  SharedOptions options_;
  std::shared_ptr<store::Environment> environment_ = store::NewMemoryEnvironment();
  std::unique_ptr<TestState> state_;
};

TEST_F(PartitionCheckpointTest, CheckpointWithoutNewsIsNone) {
  EXPECT_FALSE(state().Checkpoint());
  state().Feed("u-1", View("e-1", "u-1", "sku-1", kTestTimeMs));
  EXPECT_GT(state().partition().dirty_bytes(), 0u);
  std::optional<PendingCheckpoint> first = state().partition().TakeCheckpoint(*state().store);
  ASSERT_TRUE(first.has_value());
  state().Feed("u-1", View("e-2", "u-1", "sku-1", kTestTimeMs));
  EXPECT_FALSE(state().partition().TakeCheckpoint(*state().store).has_value()) << "one at a time";
  state().partition().Evict(0);
  EXPECT_NE(state().Bytes("u-1"), "") << "nothing leaves memory before it is written";
  ASSERT_TRUE(state().store->Write(std::move(first->checkpoint)).ok());
  state().partition().CheckpointDone(*first);
  EXPECT_EQ(state().partition().stored_offset().value(), 1);
  EXPECT_TRUE(state().Checkpoint());
  EXPECT_FALSE(state().Checkpoint());
}

TEST_F(PartitionCheckpointTest, ACheckpointCollectedWhileEventsComeIsOfItsBeginning) {
  const auto feed = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string user = absl::StrCat("u-", i % 20);
      state().Feed(user,
                   View(absl::StrCat("e-", i), user, absl::StrCat("sku-", i % 7), kTestTimeMs + i));
    }
  };
  feed(0, 60);
  std::vector<std::string> before;
  for (int i = 0; i < 20; ++i) before.push_back(state().Bytes(absl::StrCat("u-", i)));
  ASSERT_TRUE(state().partition().BeginCheckpoint(*state().store));
  std::optional<PendingCheckpoint> pending;
  for (int i = 60; !pending.has_value(); i += 3) {
    ASSERT_LT(i, 300);
    feed(i, i + 3);
    pending = state().partition().CollectCheckpoint(2);
  }
  EXPECT_EQ(pending->next_offset.value(), 60);
  ASSERT_TRUE(state().store->Write(std::move(pending->checkpoint)).ok());
  state().partition().CheckpointDone(*pending);
  Restart();
  EXPECT_EQ(state().partition().next_offset().value(), 60);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(state().Bytes(absl::StrCat("u-", i)), before[static_cast<size_t>(i)]);
  }
}

TEST_F(PartitionCheckpointTest, NamesAreStoredBeforeOrWithWhatUsesThem) {
  options_.partition_count = 2;
  // Both partitions name the same item; only one of them is stored.
  state().Feed("a", View("e-1", "a", "sku-1", kTestTimeMs), 0);
  state().Feed("b", View("e-2", "b", "sku-1", kTestTimeMs), 1);
  state().Checkpoint(1);
  Restart();
  const uint32_t item = state().shared->items.names().Find("sku-1");
  ASSERT_NE(item, 0u);
  const auto found = state().partition(1).Visit(
      "b", profile::CustomerMap::Hash("b"), *state().cold, [&](const profile::Profile& profile) {
        ASSERT_THAT(profile.recent_items(), SizeIs(1));
        EXPECT_EQ(profile.recent_items()[0].item.value(), item);
      });
  EXPECT_TRUE(found.ok() && *found);
  EXPECT_EQ(state().partition(0).next_offset().value(), 0);
}

}  // namespace
}  // namespace kindred::node
