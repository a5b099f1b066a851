// Failing writes and lost power, in memory, many times over: whatever happens, what is opened next
// is the state of its offset, and what was promised is in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/log.h"
#include "store/store.h"
#include "store/testing/counting_state.h"
#include "store/testing/fault_environment.h"

namespace kindred::store {
namespace {

class FaultTest : public ::testing::TestWithParam<Durability> {
 protected:
  FaultTest() {
    options_.data_dir = "/store";
    options_.cluster_id = "cluster";
    options_.topic = "events";
    options_.partition_count = 2;
    options_.write_buffer_bytes = 1 << 20;
    options_.block_cache_bytes = 4 << 20;
    options_.durability = GetParam();
    options_.environment = faults_.environment();
    base::SetLogSink([](absl::string_view) {});  // thousands of errors, all wanted
  }
  ~FaultTest() override { base::SetLogSink(nullptr); }

  // The stored offset after opening and checking everything.
  int64_t Reopen(std::unique_ptr<Store>* store) {
    absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(options_);
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (!opened.ok()) return -1;
    *store = *std::move(opened);
    const absl::StatusOr<int64_t> checked = CheckCountingState(**store);
    EXPECT_TRUE(checked.ok()) << checked.status();
    return checked.value_or(-1);
  }

  FaultEnvironment faults_;
  StoreOptions options_;
};

INSTANTIATE_TEST_SUITE_P(Variants, FaultTest,
                         ::testing::Values(Durability::kWriteAheadLog, Durability::kFlushOnly),
                         [](const auto& param) {
                           return param.param == Durability::kWriteAheadLog ? "log" : "flush";
                         });

TEST_P(FaultTest, AfterLostPowerTheStateIsThatOfItsOffsetAndWhatWasSyncedIsThere) {
  int64_t lost = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::unique_ptr<Store> store;
    int64_t step = Reopen(&store);
    ASSERT_GE(step, 0);
    int64_t synced = step;
    // The power fails at an operation nobody chose: in a log, a table, the manifest.
    faults_.FailAfter(static_cast<int64_t>(random() % 150), Fault::kTornWrite);
    while (true) {
      const bool sync = random() % 32 == 0;
      const absl::Status written =
          store->Write(CountingStep(*store, step + 1), sync ? Store::Sync::kYes : Store::Sync::kNo);
      if (!written.ok()) break;
      ++step;
      if (sync) synced = step;
      if (random() % 64 == 0) {
        if (!store->Flush().ok()) break;
        if (GetParam() == Durability::kFlushOnly) synced = step;
      }
    }
    store.reset();
    faults_.LosePower(seed);
    faults_.Heal();
    const int64_t found = Reopen(&store);
    ASSERT_GE(found, synced);
    ASSERT_LE(found, step + 1) << "a write that failed may still have reached the disk";
    lost += step - found;
  }
  EXPECT_GT(lost, 0) << "power was never lost over anything";
}

TEST_P(FaultTest, AfterAFailedOperationReadsGoOnAndNothingAcknowledgedIsLost) {
  for (const Fault fault : {Fault::kIoError, Fault::kNoSpace, Fault::kTornWrite}) {
    for (int64_t operation = 0; operation < 120; operation += 7) {
      SCOPED_TRACE(operation);
      std::unique_ptr<Store> store;
      int64_t step = Reopen(&store);
      ASSERT_GE(step, 0);
      int64_t durable = step;
      faults_.FailAfter(operation, fault);
      absl::Status failure;
      while (failure.ok()) {
        failure = store->Write(CountingStep(*store, step + 1));
        if (!failure.ok()) break;
        ++step;
        if (GetParam() == Durability::kWriteAheadLog) durable = step;
        if (step % 16 == 0) {
          failure = store->Flush();
          if (failure.ok()) durable = step;
        }
      }
      EXPECT_TRUE(absl::IsDataLoss(failure) || absl::IsUnavailable(failure) ||
                  absl::IsResourceExhausted(failure))
          << failure;
      EXPECT_EQ(CheckCountingState(*store).value_or(-1), step) << "reads";
      store.reset();
      faults_.Heal();
      const int64_t found = Reopen(&store);
      ASSERT_GE(found, durable);
      ASSERT_LE(found, step + 1);
    }
  }
}

TEST_P(FaultTest, OpeningOnAFailingDiskIsRefusedAndHarmsNothing) {
  std::unique_ptr<Store> store;
  ASSERT_EQ(Reopen(&store), 0);
  ASSERT_TRUE(WriteCountingSteps(store.get(), 100).ok());
  ASSERT_TRUE(store->Close().ok());
  store.reset();
  int refused = 0;
  for (int64_t operation = 0; operation < 40; ++operation) {
    SCOPED_TRACE(operation);
    faults_.FailAfter(operation, Fault::kNoSpace);
    const absl::Status status = Store::Open(options_).status();
    refused += status.ok() ? 0 : 1;
    EXPECT_TRUE(status.ok() || absl::IsResourceExhausted(status) || absl::IsUnavailable(status))
        << status;
    faults_.Heal();
    ASSERT_EQ(Reopen(&store), 100);
    store.reset();
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace kindred::store
