#include "node/suspects.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "node/dead_letter.h"
#include "node/partition_set.h"
#include "node/test_state.h"
#include "store/testing/scratch_directory.h"

namespace kindred::node {
namespace {

constexpr int kRecords = 300;
constexpr int kBomb = 137;
constexpr int kDied = 77;

std::string UserOf(int offset) {
  return offset == kBomb ? "bomb" : absl::StrCat("u-", offset % 10);
}

std::vector<stream::RawRecord> Records(int begin, int end) {
  std::vector<stream::RawRecord> records;
  for (int offset = begin; offset < end; ++offset) {
    const std::string user = UserOf(offset);
    records.push_back(TestRecord(
        0, offset, user,
        TestEvent(absl::StrCat("e-", offset), user, "view", kTestTimeMs, "\"item_id\":\"i\"")));
  }
  return records;
}

// Reading this customer ends the process, as a fault of ours in applying its events would.
class Bomb final : public ColdReader {
 public:
  Bomb(const store::Store* store, bool armed) : store_(*store), armed_(armed) {}
  absl::StatusOr<std::vector<std::optional<std::string>>> Read(
      PartitionId partition, absl::Span<const absl::string_view> ids) const override {
    for (const absl::string_view id : ids) {
      if (armed_ && id == "bomb") _exit(kDied);
    }
    return store_.MultiGet(store::Table::kProfile, partition, ids);
  }

 private:
  const store::Store& store_;
  const bool armed_;
};

// One life of a process on the directory.
class Life {
 public:
  Life(const std::string& directory, bool armed) {
    store::StoreOptions options;
    options.data_dir = directory;
    options.cluster_id = "test";
    options.topic = "events";
    options.partition_count = 1;
    auto opened = store::Store::Open(options);
    EXPECT_TRUE(opened.ok()) << opened.status();
    store = *std::move(opened);
    SharedOptions shared_options;
    shared_options.partition_count = 1;
    shared = std::make_unique<SharedState>(shared_options);
    bench = std::make_unique<Workbench>(shared.get());
    EXPECT_TRUE(shared->items.Restore(*store).ok());
    EXPECT_TRUE(shared->terms.Restore(*store).ok());
    partition = std::make_unique<Partition>(PartitionId(0), shared.get());
    // Nothing is loaded: every customer is read when its next event comes.
    EXPECT_TRUE(partition->Restore(*store, 0).ok());
    cold = std::make_unique<Bomb>(store.get(), armed);
    suspects = std::make_unique<Suspects>(store.get());
    EXPECT_TRUE(suspects->Open().ok());
  }

  void Checkpoint() {
    std::optional<PendingCheckpoint> pending = partition->TakeCheckpoint(*store);
    ASSERT_TRUE(pending.has_value());
    ASSERT_TRUE(store->Write(std::move(pending->checkpoint)).ok());
    partition->CheckpointDone(*pending);
  }

  std::unique_ptr<store::Store> store;
  std::unique_ptr<SharedState> shared;
  std::unique_ptr<Workbench> bench;
  std::unique_ptr<Partition> partition;
  std::unique_ptr<Bomb> cold;
  std::unique_ptr<Suspects> suspects;
};

// A process of its own, so that it may die. Forked from a process that has never opened a store:
// the store's threads would not come along.
int InChild(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    std::fflush(nullptr);
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The customer is known and stored, so that its next event must be read back.
void StoreTheCustomer(const std::string& directory) {
  Life life(directory, /*armed=*/false);
  std::vector<stream::RawRecord> first;
  first.push_back(
      TestRecord(0, 0, "bomb", TestEvent("e-0", "bomb", "view", kTestTimeMs, "\"item_id\":\"i\"")));
  ASSERT_TRUE(life.suspects->Apply(life.partition.get(), first, *life.cold, life.bench.get()).ok());
  life.Checkpoint();
  ASSERT_TRUE(life.suspects->Close().ok());
}

// As the log hands them over, in polls. Dies where the bomb is, or gets through.
void ApplyAll(const std::string& directory) {
  Life life(directory, /*armed=*/true);
  for (int begin = 1; begin < kRecords; begin += 100) {
    ASSERT_TRUE(life.suspects
                    ->Apply(life.partition.get(), Records(begin, std::min(kRecords, begin + 100)),
                            *life.cold, life.bench.get())
                    .ok());
  }
  life.Checkpoint();
  ASSERT_TRUE(life.suspects->Close().ok());
}

void CheckThatOneIsSetAside(const std::string& directory) {
  Life life(directory, /*armed=*/false);
  EXPECT_FALSE(life.suspects->after_crash());
  EXPECT_EQ(life.partition->next_offset().value(), kRecords);
  const clean::QualityCounts quality = life.partition->figures().quality;
  EXPECT_EQ(quality.accepted, static_cast<uint64_t>(kRecords - 1)) << "the others, once each";
  EXPECT_EQ(quality.rejected_total(), 1u);
  std::vector<DeadLetter> letters;
  ASSERT_TRUE(life.store
                  ->ForEachOutbox(PartitionId(0), 0, 100,
                                  [&letters](uint64_t, absl::string_view bytes) {
                                    letters.push_back(*DecodeDeadLetter(bytes));
                                    return absl::OkStatus();
                                  })
                  .ok());
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].reason, "crashes_process");
  EXPECT_EQ(letters[0].stage, "apply");
  EXPECT_EQ(letters[0].offset.value(), kBomb);
  EXPECT_NE(letters[0].value->find("e-137"), std::string::npos) << "the record as it was";
}

TEST(SuspectsTest, ARecordThatEndsTheProcessThreeTimesIsSetAside) {
  const store::ScratchDirectory scratch;
  const std::string& directory = scratch.path();
  ASSERT_EQ(InChild([&] { StoreTheCustomer(directory); }), 0);
  // Once unwatched, then in a batch, then twice alone.
  for (int i = 0; i < 4; ++i) EXPECT_EQ(InChild([&] { ApplyAll(directory); }), kDied) << i;
  EXPECT_EQ(InChild([&] { ApplyAll(directory); }), 0);
  EXPECT_EQ(InChild([&] { CheckThatOneIsSetAside(directory); }), 0);
}

// The end of the log was applied, and the process is killed from outside before the next
// checkpoint.
void ApplyAndBeKilled(const std::string& directory) {
  Life life(directory, /*armed=*/false);
  for (const int begin : {0, 100, 101}) {
    const int end = begin == 0 ? 100 : begin + 1;
    ASSERT_TRUE(life.suspects
                    ->Apply(life.partition.get(), Records(begin, end), *life.cold, life.bench.get())
                    .ok());
  }
  _exit(kDied);
}

TEST(SuspectsTest, WhoeverKillsAProcessThatWaitsBlamesNoRecord) {
  const store::ScratchDirectory scratch;
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(InChild([&] { ApplyAndBeKilled(scratch.path()); }), kDied) << i;
  }
  const auto check = [&scratch] {
    Life life(scratch.path(), /*armed=*/false);
    EXPECT_TRUE(life.suspects->after_crash());
    ASSERT_TRUE(
        life.suspects->Apply(life.partition.get(), Records(0, 102), *life.cold, life.bench.get())
            .ok());
    const clean::QualityCounts quality = life.partition->figures().quality;
    EXPECT_EQ(quality.accepted, 102u);
    EXPECT_EQ(quality.rejected_total(), 0u);
  };
  EXPECT_EQ(InChild(check), 0);
}

TEST(SuspectsTest, ARunAfterACleanStopWritesNothing) {
  const store::ScratchDirectory scratch;
  const auto run = [&scratch] {
    Life life(scratch.path(), /*armed=*/false);
    EXPECT_FALSE(life.suspects->after_crash());
    ASSERT_TRUE(
        life.suspects->Apply(life.partition.get(), Records(0, 10), *life.cold, life.bench.get())
            .ok());
    EXPECT_FALSE(life.store->Get(store::Table::kMeta, store::kNodeScope, "attempt/0")->has_value());
  };
  EXPECT_EQ(InChild(run), 0);
}

TEST(AttemptTest, SurvivesStorage) {
  Attempt attempt;
  attempt.begin = 300;
  attempt.end = 301;
  attempt.count = 2;
  attempt.set_aside = {7, 1'000'000'000'000};
  const absl::StatusOr<Attempt> read = Attempt::Decode(attempt.Encode());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, attempt);
  const std::string bytes = attempt.Encode();
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_FALSE(Attempt::Decode(bytes.substr(0, cut)).ok()) << cut;
  }
  EXPECT_FALSE(Attempt::Decode(bytes + "x").ok());
}

}  // namespace
}  // namespace kindred::node
