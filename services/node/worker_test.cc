// The thread that applies, and a disk that does not keep up with it.
#include "node/worker.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "node/checkpointer.h"
#include "node/suspects.h"
#include "node/test_state.h"
#include "store/testing/fault_environment.h"

namespace kindred::node {
namespace {

constexpr int kRecords = 4000;
constexpr int kBatch = 50;
constexpr size_t kUnstoredBytes = 100'000;

std::vector<stream::RawRecord> Batch(int begin) {
  std::vector<stream::RawRecord> records;
  for (int offset = begin; offset < begin + kBatch; ++offset) {
    const std::string user = absl::StrCat("u-", offset % 1000);
    records.push_back(TestRecord(
        0, offset, user,
        TestEvent(absl::StrCat("e-", offset), user, "view", kTestTimeMs, "\"item_id\":\"i\"")));
  }
  return records;
}

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() : state_(OnePartition(), faults_.environment()), suspects_(state_.store.get()) {
    EXPECT_TRUE(suspects_.Open().ok());
  }

  static SharedOptions OnePartition() {
    SharedOptions options;
    options.partition_count = 1;
    return options;
  }

  bool WaitUntil(absl::FunctionRef<bool()> reached) {
    for (int i = 0; i < 3000 && !reached(); ++i) absl::SleepFor(absl::Milliseconds(10));
    return reached();
  }

  store::FaultEnvironment faults_;
  TestState state_;
  Suspects suspects_;
  telemetry::Registry registry_;
};

TEST_F(WorkerTest, AppliesNoMoreThanMayWaitForTheDiskAndGoesOnWithIt) {
  Checkpointer checkpointer(
      state_.store.get(), &registry_, [](Partition&, const PendingCheckpoint&) {},
      [](absl::Status status) { ADD_FAILURE() << status; });
  WorkerOptions options;
  options.checkpoint_interval = absl::Milliseconds(1);
  options.unstored_bytes = kUnstoredBytes / 2;
  options.waiting_bytes = kUnstoredBytes / 2;
  Worker worker(options, state_.shared.get(), state_.store.get(), state_.cold.get(), &checkpointer,
                &suspects_, &registry_, [](absl::Status status) { ADD_FAILURE() << status; });
  Partition& partition = state_.partition();
  faults_.FailAfter(0, store::Fault::kHang);
  for (int begin = 0; begin < kRecords; begin += kBatch) worker.Enqueue(&partition, Batch(begin));
  // A first checkpoint is smaller than what it was taken for: it goes on a little after that.
  uint64_t progress = 0;
  ASSERT_TRUE(WaitUntil([&] {
    const bool stands = worker.waits_for_disk() && worker.progress() == progress;
    progress = worker.progress();
    absl::SleepFor(absl::Milliseconds(100));
    return stands && worker.progress() == progress;
  })) << "applies while the disk takes nothing";
  EXPECT_LT(partition.next_offset().value(), kRecords);
  EXPECT_FALSE(worker.idle());
  // Of the batch that reached the bound, all is applied.
  EXPECT_LT(checkpointer.waiting_bytes() + partition.dirty_bytes(), 2 * kUnstoredBytes);
  faults_.Heal();
  EXPECT_TRUE(WaitUntil([&] { return partition.stored_offset().value() == kRecords; }))
      << partition.next_offset().value() << " applied, " << partition.stored_offset().value()
      << " stored";
  EXPECT_TRUE(WaitUntil([&] { return !worker.waits_for_disk(); }));
  EXPECT_EQ(checkpointer.waiting_bytes(), 0u);
  EXPECT_EQ(state_.quality().accepted, uint64_t{kRecords});
  worker.Stop();
  checkpointer.Stop();
}

TEST_F(WorkerTest, WhereMemoryIsTightNothingIsAppliedWhileACheckpointWaits) {
  Checkpointer checkpointer(
      state_.store.get(), &registry_, [](Partition&, const PendingCheckpoint&) {},
      [](absl::Status status) { ADD_FAILURE() << status; });
  WorkerOptions options;
  options.checkpoint_interval = absl::Milliseconds(1);
  Worker worker(options, state_.shared.get(), state_.store.get(), state_.cold.get(), &checkpointer,
                &suspects_, &registry_, [](absl::Status status) { ADD_FAILURE() << status; });
  worker.SetMemoryTight(true);
  Partition& partition = state_.partition();
  for (int begin = 0; begin < kRecords / 2; begin += kBatch) {
    worker.Enqueue(&partition, Batch(begin));
  }
  EXPECT_TRUE(WaitUntil([&] { return partition.stored_offset().value() == kRecords / 2; }))
      << "a disk that keeps up lets all through";
  faults_.FailAfter(0, store::Fault::kHang);
  for (int begin = kRecords / 2; begin < kRecords; begin += kBatch) {
    worker.Enqueue(&partition, Batch(begin));
  }
  ASSERT_TRUE(WaitUntil([&] { return checkpointer.waiting_bytes() > 0; }));
  ASSERT_TRUE(WaitUntil([&] { return worker.waits_for_disk(); }));
  const int64_t applied = partition.next_offset().value();
  absl::SleepFor(absl::Milliseconds(200));
  EXPECT_EQ(partition.next_offset().value(), applied);
  EXPECT_LT(applied, kRecords);
  faults_.Heal();
  EXPECT_TRUE(WaitUntil([&] { return partition.stored_offset().value() == kRecords; }));
  worker.Stop();
  checkpointer.Stop();
}

}  // namespace
}  // namespace kindred::node
