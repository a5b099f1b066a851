// What a crash, a full disk and damaged files leave of a store: an older moment, exactly as it was,
// or a refusal; never a wrong answer. Processes that die are this program with other arguments.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <ostream>
#include <random>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "store/store.h"
#include "store/testing/counting_state.h"
#include "store/testing/scratch_directory.h"

extern char** environ;

namespace kindred::store {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

StoreOptions Options(const std::string& data_dir, Durability durability) {
  StoreOptions options;
  options.data_dir = data_dir;
  options.cluster_id = "cluster";
  options.topic = "events";
  options.partition_count = 2;
  options.durability = durability;
  // Small, so that flushes and compactions go on all the time.
  options.write_buffer_bytes = 1 << 20;
  options.block_cache_bytes = 4 << 20;
  return options;
}

std::unique_ptr<Store> MustOpen(const std::string& data_dir, Durability durability) {
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(Options(data_dir, durability));
  KINDRED_CHECK(store.ok()) << store.status();
  return *std::move(store);
}

// ---- the processes that die ----

// Writes steps for ever; tells each one that must survive on stdout, 8 bytes each.
[[noreturn]] void WriteUntilKilled(const std::string& data_dir, Durability durability) {
  const std::unique_ptr<Store> store = MustOpen(data_dir, durability);
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

// Leaves table files up to step 600 and, with a log, the steps up to 1000 in it.
[[noreturn]] void WriteAndDie(const std::string& data_dir, Durability durability) {
  const std::unique_ptr<Store> store = MustOpen(data_dir, durability);
  KINDRED_CHECK(WriteCountingSteps(store.get(), 300).ok());
  KINDRED_CHECK(store->Flush().ok());
  KINDRED_CHECK(WriteCountingSteps(store.get(), 600).ok());
  KINDRED_CHECK(store->Flush().ok());
  KINDRED_CHECK(WriteCountingSteps(store.get(), 1000).ok());
  ::raise(SIGKILL);
  std::abort();
}

// Leaves several logs that are still needed, up to step 4000.
[[noreturn]] void WriteManyLogsAndDie(const std::string& data_dir, Durability durability) {
  const std::unique_ptr<Store> store = MustOpen(data_dir, durability);
  KINDRED_CHECK(WriteCountingSteps(store.get(), 4000).ok());
  ::raise(SIGKILL);
  std::abort();
}

// Marks a partition for deletion as the first step of DeletePartition does, and dies in the middle
// of the second.
[[noreturn]] void DeleteAndDie(const std::string& data_dir, Durability durability) {
  const std::unique_ptr<Store> store = MustOpen(data_dir, durability);
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
int SurviveAFullDisk(const std::string& mount_point) {
  // A mount of this process alone, which goes with it; without root inside a user namespace.
  const int spaces = ::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
  KINDRED_CHECK(::unshare(spaces) == 0) << "cannot make a mount namespace";
  KINDRED_CHECK(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
  KINDRED_CHECK(::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=24m") == 0);
  const std::string ballast = absl::StrCat(mount_point, "/ballast");
  std::ofstream(ballast) << std::string(8 << 20, 'b');

  StoreOptions options = Options(absl::StrCat(mount_point, "/data"), Durability::kWriteAheadLog);
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

absl::string_view NameOf(Durability durability) {
  return durability == Durability::kWriteAheadLog ? "log" : "flush";
}

// ---- starting them ----

struct Child {
  pid_t pid = -1;
  int out = -1;  // what it writes to stdout
};

Child Start(const std::string& role, const std::string& data_dir, Durability durability) {
  int ends[2];
  KINDRED_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string arguments[] = {"store_recovery_test", absl::StrCat("--role=", role), data_dir,
                             std::string(NameOf(durability))};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(),
                  arguments[3].data(), nullptr};
  Child child;
  KINDRED_CHECK(::posix_spawn(&child.pid, "/proc/self/exe", &actions, nullptr, argv, environ) == 0);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  child.out = ends[0];
  return child;
}

int WaitFor(const Child& child) {
  int status = 0;
  KINDRED_CHECK(::waitpid(child.pid, &status, 0) == child.pid);
  ::close(child.out);
  return status;
}

bool WasKilled(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }

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
    const Child child = Start("write", directory_.path(), GetParam());
    int64_t promised = 0;
    ASSERT_EQ(::read(child.out, &promised, sizeof(promised)), ssize_t{sizeof(promised)});
    absl::SleepFor(absl::Milliseconds(5 + random() % 60));
    ::kill(child.pid, SIGKILL);
    for (int64_t step = 0; ::read(child.out, &step, sizeof(step)) == sizeof(step);) promised = step;
    ASSERT_TRUE(WasKilled(WaitFor(child)));

    const std::unique_ptr<Store> store = MustOpen(directory_.path(), GetParam());
    const absl::StatusOr<int64_t> checked = CheckCountingState(*store);
    ASSERT_TRUE(checked.ok()) << checked.status();
    EXPECT_GE(*checked, promised);
    EXPECT_GT(*checked, stored);
    stored = *checked;
  }
}

TEST_P(CrashTest, ADeletionCutShortIsFinishedByTheNextOpen) {
  ASSERT_TRUE(WasKilled(WaitFor(Start("delete", directory_.path(), GetParam()))));
  const std::unique_ptr<Store> store = MustOpen(directory_.path(), GetParam());
  EXPECT_TRUE(store->Partitions()->empty());
  EXPECT_EQ(CheckCountingState(*store).value(), 0) << "nothing left of it";
  EXPECT_TRUE(WriteCountingSteps(store.get(), 3).ok());
}

TEST(LockTest, ASecondStoreOnADirectoryIsRefused) {
  ScratchDirectory directory;
  {
    const Child child = Start("write", directory.path(), Durability::kWriteAheadLog);
    int64_t first = 0;
    ASSERT_EQ(::read(child.out, &first, sizeof(first)), ssize_t{sizeof(first)});
    const absl::Status refused =
        Store::Open(Options(directory.path(), Durability::kWriteAheadLog)).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()),
                HasSubstr(absl::StrCat("in use by process ", child.pid, ";")));
    ::kill(child.pid, SIGKILL);
    WaitFor(child);
  }
  // The lock dies with its process; within one process it holds as well.
  std::unique_ptr<Store> store = MustOpen(directory.path(), Durability::kWriteAheadLog);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      Store::Open(Options(directory.path(), Durability::kWriteAheadLog)).status()));
  store.reset();
  MustOpen(directory.path(), Durability::kWriteAheadLog);
}

TEST(FullDiskTest, WritesStopReadsGoOnAndItRecoversByItself) {
  ScratchDirectory directory;
  const int status = WaitFor(Start("full-disk", directory.path(), Durability::kWriteAheadLog));
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

// ---- damaged files ----

// What a process wrote before it died.
struct Remains {
  const char* name;
  Durability durability;
  const char* role;
  int64_t whole;  // the next offset when nothing is damaged
};

// Without it a test's name would hold the bytes of its parameter, addresses among them.
void PrintTo(const Remains& remains, std::ostream* out) { *out << remains.name; }

class DamageTest : public ::testing::TestWithParam<Remains> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(WasKilled(WaitFor(Start(GetParam().role, original(), GetParam().durability))));
  }
  std::string original() const { return directory_.path() + "/original"; }
  std::string copy() const { return directory_.path() + "/copy"; }

  std::vector<fs::path> Files(absl::string_view prefix, absl::string_view suffix) const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(original() + "/db")) {
      const std::string name = entry.path().filename().string();
      if (absl::StartsWith(name, prefix) && absl::EndsWith(name, suffix)) {
        files.push_back(entry.path().lexically_relative(original()));
      }
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  void CopyAfresh() const {
    fs::remove_all(copy());
    fs::copy(original(), copy(), fs::copy_options::recursive);
  }

  enum class Outcome { kRefused, kNoticed, kOlder, kIntact };
  // Opens the copy, reads all of it and, if that went well, rewrites all of it and reads it again.
  // A wrong answer fails the test.
  Outcome Examine(const std::string& what) const {
    absl::StatusOr<std::unique_ptr<Store>> store =
        Store::Open(Options(copy(), GetParam().durability));
    if (!store.ok()) {
      EXPECT_TRUE(absl::IsDataLoss(store.status())) << what << ": " << store.status();
      EXPECT_THAT(std::string(store.status().message()),
                  HasSubstr("the state is rebuilt from Kafka"));
      return Outcome::kRefused;
    }
    const absl::StatusOr<int64_t> before = CheckCountingState(**store);
    EXPECT_FALSE(absl::IsInternal(before.status())) << what << ": " << before.status();
    if (!before.ok()) return Outcome::kNoticed;
    const absl::Status compacted = (*store)->CompactAll();
    const absl::StatusOr<int64_t> after = CheckCountingState(**store);
    EXPECT_FALSE(absl::IsInternal(after.status())) << what << ", rewritten: " << after.status();
    if (!after.ok() || !compacted.ok()) return Outcome::kNoticed;
    EXPECT_EQ(*before, *after) << what;
    return *after < GetParam().whole ? Outcome::kOlder : Outcome::kIntact;
  }

  Outcome FlipByte(const fs::path& file, uintmax_t at, uint8_t mask) const {
    CopyAfresh();
    std::fstream bytes(fs::path(copy()) / file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(bytes.get() ^ mask);
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put(byte);
    bytes.close();
    return Examine(absl::StrCat(file.string(), " byte ", at, " xor ", mask));
  }

  // Flips one byte at a time, at `flips` places over the file.
  std::map<Outcome, int> FlipBytes(const fs::path& file, uintmax_t flips, uint8_t mask) const {
    std::map<Outcome, int> outcomes;
    const uintmax_t size = fs::file_size(fs::path(original()) / file);
    for (uintmax_t i = 0; i < std::min(flips, size); ++i) {
      const uintmax_t at = size <= flips ? i : i * (size - 1) / (flips - 1);
      ++outcomes[FlipByte(file, at, mask)];
    }
    return outcomes;
  }

  // Where the records of a log file start.
  std::vector<size_t> Records(const fs::path& file) const {
    std::ifstream in(fs::path(original()) / file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    const auto byte = [&](size_t at) { return size_t{static_cast<unsigned char>(bytes[at])}; };
    constexpr size_t kBlock = 32 << 10;
    constexpr size_t kHeader = 7;
    std::vector<size_t> records;
    for (size_t at = 0; at + kHeader <= bytes.size();) {
      const size_t left = kBlock - at % kBlock;
      if (left < kHeader) {
        at += left;
        continue;
      }
      records.push_back(at);
      at += kHeader + byte(at + 4) + 256 * byte(at + 5);
    }
    return records;
  }
  // Bits of a record's length and type (byte of the header, mask): a length far too big, and a
  // type that says that the file has been used before.
  static constexpr std::pair<size_t, uint8_t> kHeaderFlips[] = {
      {4, 0x10}, {5, 0x02}, {5, 0x40}, {6, 0x04}};

  ScratchDirectory directory_;
};

INSTANTIATE_TEST_SUITE_P(Variants, DamageTest,
                         ::testing::Values(Remains{"log", Durability::kWriteAheadLog, "fill", 1000},
                                           Remains{"flush", Durability::kFlushOnly, "fill", 600}),
                         [](const auto& param) { return param.param.name; });

TEST_P(DamageTest, UndamagedIsIntact) {
  CopyAfresh();
  EXPECT_EQ(Examine("undamaged"), Outcome::kIntact);
}

TEST_P(DamageTest, AFlippedByteInTheLogGivesAnOlderMoment) {
  int older = 0;
  for (const fs::path& file : Files("", ".log")) {
    std::map<Outcome, int> outcomes = FlipBytes(file, 24, 0x40);
    older += outcomes[Outcome::kOlder];
    EXPECT_EQ(outcomes[Outcome::kRefused], 0);
  }
  EXPECT_EQ(older > 0, GetParam().durability == Durability::kWriteAheadLog);
}

class ManyLogsTest : public DamageTest {};

INSTANTIATE_TEST_SUITE_P(Variants, ManyLogsTest,
                         ::testing::Values(Remains{"log", Durability::kWriteAheadLog,
                                                   "fill-many-logs", 4000}),
                         [](const auto& param) { return param.param.name; });

TEST_P(ManyLogsTest, AFlippedBitInTheHeaderOfARecordIsNeverAWrongAnswer) {
  const std::vector<fs::path> logs = Files("", ".log");
  ASSERT_GT(logs.size(), 1u);
  std::map<Outcome, int> outcomes;
  for (const fs::path& file : logs) {
    const std::vector<size_t> records = Records(file);
    for (size_t i = 0; i < records.size(); i += std::max<size_t>(1, records.size() / 8)) {
      for (const auto& [byte, mask] : kHeaderFlips) {
        ++outcomes[FlipByte(file, records[i] + byte, mask)];
      }
    }
  }
  EXPECT_GT(outcomes[Outcome::kRefused], 0);
  EXPECT_GT(outcomes[Outcome::kOlder], 0);
  EXPECT_EQ(outcomes[Outcome::kIntact], 0);
}

TEST_P(DamageTest, AFlippedByteInATableIsNoticed) {
  int noticed = 0;
  for (const fs::path& file : Files("", ".sst")) {
    std::map<Outcome, int> outcomes = FlipBytes(file, 8, 0x01);
    noticed += outcomes[Outcome::kRefused] + outcomes[Outcome::kNoticed];
    EXPECT_EQ(outcomes[Outcome::kOlder], 0);
  }
  EXPECT_GT(noticed, 0);
}

TEST_P(DamageTest, ADamagedTableStopsTheStoreOnceItIsToBeRewritten) {
  CopyAfresh();
  const fs::path table = fs::path(copy()) / Files("", ".sst")[0];
  std::fstream bytes(table, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(100);
  bytes.put('\xff');
  bytes.seekp(101);
  bytes.put('\xff');
  bytes.close();
  absl::StatusOr<std::unique_ptr<Store>> store =
      Store::Open(Options(copy(), GetParam().durability));
  if (!store.ok()) {
    EXPECT_TRUE(absl::IsDataLoss(store.status())) << store.status();
    return;
  }
  EXPECT_TRUE((*store)->Health().ok());
  EXPECT_TRUE(absl::IsDataLoss((*store)->CompactAll()));
  EXPECT_TRUE(absl::IsDataLoss((*store)->Health())) << (*store)->Health();
  EXPECT_TRUE(absl::IsDataLoss((*store)->Write(CountingStep(**store, 2000))));
  EXPECT_TRUE(absl::IsDataLoss((*store)->Close()));
}

TEST_P(DamageTest, AFlippedByteInTheManifestOrCurrentIsNeverAWrongAnswer) {
  FlipBytes(Files("CURRENT", "")[0], 20, 0x01);
  FlipBytes(Files("MANIFEST-", "")[0], 60, 0x01);
  for (const size_t at : Records(Files("MANIFEST-", "")[0])) {
    for (const auto& [byte, mask] : kHeaderFlips) {
      EXPECT_EQ(FlipByte(Files("MANIFEST-", "")[0], at + byte, mask), Outcome::kRefused) << at;
    }
  }
}

TEST_P(DamageTest, AMissingTableOrCurrentIsRefused) {
  std::vector<fs::path> files = Files("", ".sst");
  files.push_back("db/CURRENT");
  files.push_back(Files("MANIFEST-", "")[0]);
  for (const fs::path& file : files) {
    CopyAfresh();
    fs::remove(fs::path(copy()) / file);
    EXPECT_EQ(Examine("without " + file.string()), Outcome::kRefused);
  }
}

TEST_P(DamageTest, ATornLogGivesAnOlderMoment) {
  for (const fs::path& file : Files("", ".log")) {
    const uintmax_t size = fs::file_size(fs::path(original()) / file);
    for (const uintmax_t cut : {uintmax_t{1}, uintmax_t{37}, size / 2}) {
      if (cut > size) continue;
      CopyAfresh();
      fs::resize_file(fs::path(copy()) / file, size - cut);
      const Outcome outcome = Examine(absl::StrCat(file.string(), " cut by ", cut));
      EXPECT_TRUE(outcome == Outcome::kOlder || (outcome == Outcome::kIntact && size == 0)) << file;
    }
  }
}

}  // namespace

int RunRole(const std::string& role, const std::string& data_dir, const std::string& durability) {
  const Durability mode = durability == NameOf(Durability::kFlushOnly) ? Durability::kFlushOnly
                                                                       : Durability::kWriteAheadLog;
  if (role == "write") WriteUntilKilled(data_dir, mode);
  if (role == "fill") WriteAndDie(data_dir, mode);
  if (role == "fill-many-logs") WriteManyLogsAndDie(data_dir, mode);
  if (role == "delete") DeleteAndDie(data_dir, mode);
  if (role == "full-disk") return SurviveAFullDisk(data_dir);
  return 2;
}

}  // namespace kindred::store

int main(int argc, char** argv) {
  if (argc == 4 && absl::StartsWith(argv[1], "--role=")) {
    return kindred::store::RunRole(argv[1] + 7, argv[2], argv[3]);
  }
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
