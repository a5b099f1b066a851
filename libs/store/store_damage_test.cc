// What damaged files leave of a store: an older moment, exactly as it was, or a refusal; never a
// wrong answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <ostream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "store/store.h"
#include "store/testing/counting_state.h"
#include "store/testing/dying_process.h"
#include "store/testing/held_tables.h"
#include "store/testing/scratch_directory.h"

namespace kindred::store {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// ---- the processes that die ----

// A flush is over a moment before the logs it made superfluous are gone.
void WaitForOneLog(const std::string& data_dir) {
  const auto logs = [&] {
    int count = 0;
    for (const auto& entry : fs::directory_iterator(data_dir + "/db")) {
      if (entry.path().extension() == ".log") ++count;
    }
    return count;
  };
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (logs() > 1 && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(1));
  KINDRED_CHECK(logs() == 1) << logs();
}

// Leaves table files up to step 600 and, with a log, the steps up to 1000 in it.
int WriteAndDie(const std::string& data_dir, Durability durability) {
  HeldTables tables;
  StoreOptions options = SmallStore(data_dir, durability);
  options.environment = tables.environment();
  const std::unique_ptr<Store> store = MustOpen(options);
  KINDRED_CHECK(WriteCountingSteps(store.get(), 300).ok());
  KINDRED_CHECK(store->Flush().ok());
  KINDRED_CHECK(WriteCountingSteps(store.get(), 600).ok());
  KINDRED_CHECK(store->Flush().ok());
  WaitForOneLog(data_dir);
  tables.Hold();
  KINDRED_CHECK(WriteCountingSteps(store.get(), 1000).ok());
  return ::raise(SIGKILL);
}

// Leaves several logs that are still needed, up to step 1600.
int WriteManyLogsAndDie(const std::string& data_dir, Durability durability) {
  HeldTables tables;
  StoreOptions options = SmallStore(data_dir, durability);
  options.environment = tables.environment();
  const std::unique_ptr<Store> store = MustOpen(options);
  tables.Hold();
  KINDRED_CHECK(WriteCountingSteps(store.get(), 1600).ok());
  return ::raise(SIGKILL);
}

// ---- what is left, and damaged ----

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
        Store::Open(SmallStore(copy(), GetParam().durability));
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
                                                   "fill-many-logs", 1600}),
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
      Store::Open(SmallStore(copy(), GetParam().durability));
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
}  // namespace kindred::store

int main(int argc, char** argv) {
  using namespace kindred::store;
  return MainWithRoles(argc, argv,
                       {{"fill", WriteAndDie}, {"fill-many-logs", WriteManyLogsAndDie}});
}
