// What a crash and a full disk leave of a store: an older moment, exactly as it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "store/store.h"
#include "store/testing/counting_state.h"
#include "store/testing/dying_process.h"
#include "store/testing/scratch_directory.h"

namespace kindred::store {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// ---- the processes that die ----

// Writes steps for ever; tells each one that must survive on stdout, 8 bytes each.
int WriteUntilKilled(const std::string& data_dir, Durability durability) {
  const std::unique_ptr<Store> store = MustOpen(SmallStore(data_dir, durability));
  int64_t step = CheckCountingState(*store).value();
  while (true) {
    const absl::Status status = store->Write(CountingStep(*store, ++step));
    KINDRED_CHECK(status.ok()) << status;
    const bool flush = step % 64 == 0;
    if (flush) KINDRED_CHECK(store->Flush().ok());
    if (flush || durability == Durability::kWriteAheadLog) {
      KINDRED_CHECK(::write(STDOUT_FILENO, &step, sizeof(step)) == sizeof(step));
    }
  }
}

// Marks a partition for deletion as the first step of DeletePartition does, and dies in the middle
// of the second.
int DeleteAndDie(const std::string& data_dir, Durability durability) {
  const std::unique_ptr<Store> store = MustOpen(SmallStore(data_dir, durability));
  KINDRED_CHECK(WriteCountingSteps(store.get(), 50).ok());
  std::thread killer([&] {
    while (store->NextOffset(kCountingPartition)->has_value()) {
    }
    ::kill(::getpid(), SIGKILL);
  });
  KINDRED_CHECK(store->DeletePartition(kCountingPartition).ok());
  killer.join();
  std::abort();
}

// On a file system of 24 MB that runs full and is freed again. Exit code 0: all was as it must be.
int SurviveAFullDisk(const std::string& mount_point, Durability durability) {
  // A mount of this process alone, which goes with it; without root inside a user namespace.
  const int spaces = ::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
  KINDRED_CHECK(::unshare(spaces) == 0) << "cannot make a mount namespace";
  KINDRED_CHECK(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
  KINDRED_CHECK(::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=24m") == 0);
  const std::string ballast = absl::StrCat(mount_point, "/ballast");
  std::ofstream(ballast) << std::string(8 << 20, 'b');

  StoreOptions options = SmallStore(absl::StrCat(mount_point, "/data"), durability);
  options.write_buffer_bytes = 8 << 20;  // its log alone fills the disk
  std::unique_ptr<Store> store = *Store::Open(options);
  absl::Status status;
  int64_t stored = 0;
  while (status.ok()) {
    status = store->Write(CountingStep(*store, stored + 1));
    if (status.ok()) ++stored;
  }
  KINDRED_CHECK(absl::IsResourceExhausted(status)) << status;
  KINDRED_CHECK(stored > 1000) << stored;
  KINDRED_CHECK(absl::IsResourceExhausted(store->Health())) << store->Health();
  KINDRED_CHECK(CheckCountingState(*store).value() == stored) << "reads go on";

  KINDRED_CHECK(fs::remove(ballast));
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (!store->Health().ok() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(20));
  KINDRED_CHECK(store->Health().ok()) << store->Health();
  KINDRED_CHECK(store->Stats().recoveries >= 1u);
  status = WriteCountingSteps(store.get(), stored + 100);
  KINDRED_CHECK(status.ok()) << status;
  KINDRED_CHECK(store->Close().ok());
  store = *Store::Open(options);
  KINDRED_CHECK(CheckCountingState(*store).value() == stored + 100);
  return 0;
}

// ---- crashes ----

class CrashTest : public ::testing::TestWithParam<Durability> {
 protected:
  ScratchDirectory directory_;
};

INSTANTIATE_TEST_SUITE_P(Variants, CrashTest,
                         ::testing::Values(Durability::kWriteAheadLog, Durability::kFlushOnly),
                         [](const auto& param) { return std::string(NameOf(param.param)); });

TEST_P(CrashTest, AfterKillNineTheStateIsThatOfItsOffsetAndNothingPromisedIsLost) {
  std::minstd_rand random(42);
  int64_t stored = 0;
  for (int round = 0; round < 8; ++round) {
    const DyingProcess child = Start("write", directory_.path(), GetParam());
    int64_t promised = 0;
    ASSERT_EQ(::read(child.out, &promised, sizeof(promised)), ssize_t{sizeof(promised)});
    absl::SleepFor(absl::Milliseconds(5 + random() % 60));
    ::kill(child.pid, SIGKILL);
    for (int64_t step = 0; ::read(child.out, &step, sizeof(step)) == sizeof(step);) promised = step;
    ASSERT_TRUE(WasKilled(WaitFor(child)));

    const std::unique_ptr<Store> store = MustOpen(SmallStore(directory_.path(), GetParam()));
    const absl::StatusOr<int64_t> checked = CheckCountingState(*store);
    ASSERT_TRUE(checked.ok()) << checked.status();
    EXPECT_GE(*checked, promised);
    EXPECT_GT(*checked, stored);
    stored = *checked;
  }
}

TEST_P(CrashTest, ADeletionCutShortIsFinishedByTheNextOpen) {
  ASSERT_TRUE(WasKilled(WaitFor(Start("delete", directory_.path(), GetParam()))));
  const std::unique_ptr<Store> store = MustOpen(SmallStore(directory_.path(), GetParam()));
  EXPECT_TRUE(store->Partitions()->empty());
  EXPECT_EQ(CheckCountingState(*store).value(), 0) << "nothing left of it";
  EXPECT_TRUE(WriteCountingSteps(store.get(), 3).ok());
}

TEST(LockTest, ASecondStoreOnADirectoryIsRefused) {
  ScratchDirectory directory;
  {
    const DyingProcess child = Start("write", directory.path(), Durability::kWriteAheadLog);
    int64_t first = 0;
    ASSERT_EQ(::read(child.out, &first, sizeof(first)), ssize_t{sizeof(first)});
    const absl::Status refused =
        Store::Open(SmallStore(directory.path(), Durability::kWriteAheadLog)).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()),
                HasSubstr(absl::StrCat("in use by process ", child.pid, ";")));
    ::kill(child.pid, SIGKILL);
    WaitFor(child);
  }
  // The lock dies with its process; within one process it holds as well.
  std::unique_ptr<Store> store = MustOpen(SmallStore(directory.path(), Durability::kWriteAheadLog));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      Store::Open(SmallStore(directory.path(), Durability::kWriteAheadLog)).status()));
  store.reset();
  MustOpen(SmallStore(directory.path(), Durability::kWriteAheadLog));
}

TEST(FullDiskTest, WritesStopReadsGoOnAndItRecoversByItself) {
  ScratchDirectory directory;
  const int status = WaitFor(Start("full-disk", directory.path(), Durability::kWriteAheadLog));
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace kindred::store

int main(int argc, char** argv) {
  using namespace kindred::store;
  return MainWithRoles(
      argc, argv,
      {{"write", WriteUntilKilled}, {"delete", DeleteAndDie}, {"full-disk", SurviveAFullDisk}});
}
