#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "store/testing/scratch_directory.h"

namespace kindred::store {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::Pair;

constexpr PartitionId kP0(0);
constexpr PartitionId kP1(1);

// Every promise holds in memory and on disk, with and without a write-ahead log.
struct Variant {
  const char* name;
  bool in_memory;
  Durability durability;
};

// Without it a test's name would hold the bytes of its parameter, addresses among them.
void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.name; }

class StoreTest : public ::testing::TestWithParam<Variant> {
 protected:
  StoreTest() {
    options_.data_dir = GetParam().in_memory ? "/store" : directory_.path();
    options_.cluster_id = "cluster";
    options_.topic = "events";
    options_.partition_count = 4;
    options_.durability = GetParam().durability;
    if (GetParam().in_memory) options_.environment = NewMemoryEnvironment();
  }

  std::unique_ptr<Store> Open() {
    absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(options_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  ScratchDirectory directory_;
  StoreOptions options_;
};

INSTANTIATE_TEST_SUITE_P(
    Variants, StoreTest,
    ::testing::Values(Variant{"DiskWithLog", false, Durability::kWriteAheadLog},
                      Variant{"DiskWithoutLog", false, Durability::kFlushOnly},
                      Variant{"MemoryWithLog", true, Durability::kWriteAheadLog},
                      Variant{"MemoryWithoutLog", true, Durability::kFlushOnly}),
    [](const auto& param) { return param.param.name; });

std::vector<std::pair<std::string, std::string>> All(const Store& store, Table table,
                                                     PartitionId partition,
                                                     const Snapshot* snapshot = nullptr,
                                                     absl::string_view from = {}) {
  std::vector<std::pair<std::string, std::string>> records;
  const absl::Status status = store.ForEach(
      table, partition,
      [&](absl::string_view id, absl::string_view value) {
        records.emplace_back(id, value);
        return absl::OkStatus();
      },
      snapshot, from);
  EXPECT_TRUE(status.ok()) << status;
  return records;
}

std::vector<std::pair<uint64_t, std::string>> Outbox(const Store& store, PartitionId partition,
                                                     uint64_t from = 0, size_t limit = 1000) {
  std::vector<std::pair<uint64_t, std::string>> entries;
  const absl::Status status =
      store.ForEachOutbox(partition, from, limit, [&](uint64_t sequence, absl::string_view value) {
        entries.emplace_back(sequence, value);
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  return entries;
}

TEST_P(StoreTest, ACheckpointIsStoredOverAllItsTables) {
  const std::unique_ptr<Store> store = Open();
  Checkpoint checkpoint = store->NewCheckpoint(kP0);
  EXPECT_TRUE(checkpoint.empty());
  for (const Table table : kAllTables) {
    if (table == Table::kStore || table == Table::kOutbox) continue;
    checkpoint.Put(table, "id", TableName(table));
  }
  checkpoint.PutOutbox(3, "letter");
  checkpoint.SetNextOffset(Offset(42));
  EXPECT_EQ(checkpoint.changes(), kAllTables.size());
  EXPECT_EQ(checkpoint.next_offset(), Offset(42));
  for (const Table table : kAllTables) {
    EXPECT_THAT(*store->Get(table, kP0, "id"), Eq(std::nullopt)) << "before the write";
  }

  ASSERT_TRUE(store->Write(std::move(checkpoint)).ok());
  for (const Table table : kAllTables) {
    if (table == Table::kStore || table == Table::kOutbox) continue;
    EXPECT_THAT(*store->Get(table, kP0, "id"), Optional(std::string(TableName(table))));
    // What belongs to the node is found from everywhere, the rest only in its partition.
    const bool elsewhere = store->Get(table, kP1, "id")->has_value();
    EXPECT_EQ(elsewhere, ScopeOf(table) == Scope::kNode) << TableName(table);
  }
  EXPECT_THAT(Outbox(*store, kP0), ElementsAre(Pair(3, "letter")));
  EXPECT_THAT(*store->NextOffset(kP0), Optional(Offset(42)));
  EXPECT_THAT(*store->NextOffset(kP1), Eq(std::nullopt));
}

TEST_P(StoreTest, WhatWasWrittenIsThereAfterReopening) {
  {
    const std::unique_ptr<Store> store = Open();
    for (int round = 1; round <= 3; ++round) {
      Checkpoint checkpoint = store->NewCheckpoint(kP1);
      checkpoint.Put(Table::kProfile, absl::StrCat("u", round), absl::StrCat("v", round));
      checkpoint.Delete(Table::kProfile, absl::StrCat("u", round - 1));
      checkpoint.SetNextOffset(Offset(round));
      ASSERT_TRUE(store->Write(std::move(checkpoint)).ok());
    }
    ASSERT_TRUE(store->Close().ok());
    ASSERT_TRUE(store->Close().ok()) << "twice";
    EXPECT_TRUE(absl::IsFailedPrecondition(store->Get(Table::kProfile, kP1, "u3").status()));
  }
  const std::unique_ptr<Store> store = Open();
  EXPECT_THAT(All(*store, Table::kProfile, kP1), ElementsAre(Pair("u3", "v3")));
  const std::vector<StoredPartition> partitions = *store->Partitions();
  ASSERT_EQ(partitions.size(), 1u);
  EXPECT_EQ(partitions[0].partition, kP1);
  EXPECT_EQ(partitions[0].next_offset, Offset(3));
}

TEST_P(StoreTest, AnOffsetNeverGoesBack) {
  std::unique_ptr<Store> store = Open();
  const auto write = [&](int64_t next) {
    Checkpoint checkpoint = store->NewCheckpoint(kP0);
    checkpoint.Put(Table::kProfile, "u", absl::StrCat(next));
    checkpoint.SetNextOffset(Offset(next));
    return store->Write(std::move(checkpoint));
  };
  ASSERT_TRUE(write(10).ok());
  EXPECT_TRUE(write(10).ok()) << "the same again: only an outbox or a model changed";
  EXPECT_TRUE(absl::IsFailedPrecondition(write(9)));
  store.reset();
  store = Open();
  EXPECT_TRUE(absl::IsFailedPrecondition(write(9))) << "also over a restart";
  EXPECT_THAT(*store->Get(Table::kProfile, kP0, "u"), Optional(std::string("10")));
}

TEST_P(StoreTest, APartitionTheTopicDoesNotHaveIsRefused) {
  const std::unique_ptr<Store> store = Open();
  Checkpoint checkpoint = store->NewCheckpoint(PartitionId(4));
  checkpoint.SetNextOffset(Offset(1));
  EXPECT_TRUE(absl::IsFailedPrecondition(store->Write(std::move(checkpoint))));
  EXPECT_TRUE(store->Partitions()->empty());
}

TEST_P(StoreTest, MultiGetAnswersInTheOrderAsked) {
  const std::unique_ptr<Store> store = Open();
  for (const PartitionId partition : {kP0, kP1}) {
    Checkpoint checkpoint = store->NewCheckpoint(partition);
    for (int i = 0; i < 500; ++i) {
      checkpoint.Put(Table::kProfile, absl::StrCat("u", i),
                     absl::StrCat(partition.value(), "/", i));
    }
    ASSERT_TRUE(store->Write(std::move(checkpoint)).ok());
    if (partition == kP0) {
      ASSERT_TRUE(store->Flush().ok());  // one from files, one from memory
    }
  }
  std::vector<std::string> names;
  for (int i = 999; i >= 0; i -= 3) names.push_back(absl::StrCat("u", i));
  names.push_back("u0");
  names.push_back("u0");
  const std::vector<absl::string_view> ids(names.begin(), names.end());
  for (const PartitionId partition : {kP0, kP1}) {
    const auto found = store->MultiGet(Table::kProfile, partition, ids);
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_EQ(found->size(), names.size());
    for (size_t i = 0; i < names.size(); ++i) {
      const int number = std::stoi(names[i].substr(1));
      if (number >= 500) {
        EXPECT_FALSE((*found)[i].has_value()) << names[i];
      } else {
        EXPECT_THAT((*found)[i], Optional(absl::StrCat(partition.value(), "/", number)));
      }
    }
  }
  EXPECT_TRUE(store->MultiGet(Table::kProfile, kP0, {})->empty());
}

TEST_P(StoreTest, ForEachSeesOnePartitionInOrder) {
  const std::unique_ptr<Store> store = Open();
  for (const PartitionId partition : {kP1, kP0, PartitionId(2)}) {
    Checkpoint checkpoint = store->NewCheckpoint(partition);
    for (const uint32_t number : {300u, 2u, 1u << 31, 255u}) {
      checkpoint.Put(Table::kItemRow, NumberKey(number), absl::StrCat(partition.value()));
    }
    checkpoint.Put(Table::kPrice, NumberKey(1), "price");
    ASSERT_TRUE(store->Write(std::move(checkpoint)).ok());
  }
  EXPECT_THAT(All(*store, Table::kItemRow, kP1),
              ElementsAre(Pair(NumberKey(2), "1"), Pair(NumberKey(255), "1"),
                          Pair(NumberKey(300), "1"), Pair(NumberKey(1u << 31), "1")));
  EXPECT_THAT(All(*store, Table::kItemRow, kP1, nullptr, NumberKey(256)),
              ElementsAre(Pair(NumberKey(300), "1"), Pair(NumberKey(1u << 31), "1")));
  EXPECT_THAT(All(*store, Table::kItemRow, PartitionId(3)), IsEmpty());
  int visited = 0;
  EXPECT_EQ(store->ForEach(Table::kItemRow, kP1,
                           [&](absl::string_view, absl::string_view) {
                             return ++visited == 2 ? absl::AbortedError("enough")
                                                   : absl::OkStatus();
                           }),
            absl::AbortedError("enough"));
  EXPECT_EQ(visited, 2);
}

TEST_P(StoreTest, TheDictionaryComesBackByNumberFromAnyPartition) {
  const std::unique_ptr<Store> store = Open();
  Checkpoint first = store->NewCheckpoint(kP1);
  first.Put(Table::kDictionary, NumberKey(1), "tea");
  first.Put(Table::kDictionary, NumberKey(2), "cups");
  ASSERT_TRUE(store->Write(std::move(first)).ok());
  Checkpoint second = store->NewCheckpoint(kNodeScope);
  second.Put(Table::kDictionary, NumberKey(256), "pots");
  ASSERT_TRUE(store->Write(std::move(second)).ok());
  EXPECT_THAT(All(*store, Table::kDictionary, kNodeScope),
              ElementsAre(Pair(NumberKey(1), "tea"), Pair(NumberKey(2), "cups"),
                          Pair(NumberKey(256), "pots")));
}

TEST_P(StoreTest, ASnapshotShowsOneMoment) {
  const std::unique_ptr<Store> store = Open();
  const auto write = [&](absl::string_view value, int64_t next) {
    Checkpoint checkpoint = store->NewCheckpoint(kP0);
    checkpoint.Put(Table::kProfile, "u", value);
    checkpoint.SetNextOffset(Offset(next));
    ASSERT_TRUE(store->Write(std::move(checkpoint)).ok());
  };
  write("old", 1);
  {
    const std::shared_ptr<const Snapshot> snapshot = store->TakeSnapshot();
    write("new", 2);
    EXPECT_THAT(All(*store, Table::kProfile, kP0, snapshot.get()), ElementsAre(Pair("u", "old")));
    EXPECT_THAT(*store->NextOffset(kP0, snapshot.get()), Optional(Offset(1)));
    EXPECT_EQ(store->Partitions(snapshot.get())->at(0).next_offset, Offset(1));
  }
  EXPECT_THAT(All(*store, Table::kProfile, kP0), ElementsAre(Pair("u", "new")));
}

TEST_P(StoreTest, TheOutboxIsAQueue) {
  const std::unique_ptr<Store> store = Open();
  Checkpoint checkpoint = store->NewCheckpoint(kP0);
  for (const uint64_t sequence : {7u, 5u, 300u, 6u}) {
    checkpoint.PutOutbox(sequence, absl::StrCat("m", sequence));
  }
  ASSERT_TRUE(store->Write(std::move(checkpoint)).ok());
  EXPECT_THAT(Outbox(*store, kP0),
              ElementsAre(Pair(5, "m5"), Pair(6, "m6"), Pair(7, "m7"), Pair(300, "m300")));
  EXPECT_THAT(Outbox(*store, kP0, 6, 2), ElementsAre(Pair(6, "m6"), Pair(7, "m7")));
  EXPECT_THAT(Outbox(*store, kP0, 0, 0), IsEmpty());
  EXPECT_THAT(Outbox(*store, kP1), IsEmpty());

  const uint64_t acknowledged[] = {5, 7};
  ASSERT_TRUE(store->DeleteOutbox(kP0, acknowledged).ok());
  ASSERT_TRUE(store->DeleteOutbox(kP0, {}).ok());
  Checkpoint later = store->NewCheckpoint(kP0);
  later.DeleteOutbox(300);
  ASSERT_TRUE(store->Write(std::move(later)).ok());
  EXPECT_THAT(Outbox(*store, kP0), ElementsAre(Pair(6, "m6")));
}

TEST_P(StoreTest, ADeletedPartitionLeavesNothingAndNobodyElse) {
  const std::unique_ptr<Store> store = Open();
  for (const PartitionId partition : {kP0, kP1}) {
    Checkpoint checkpoint = store->NewCheckpoint(partition);
    for (int i = 0; i < 5000; ++i) checkpoint.Put(Table::kProfile, absl::StrCat(i), "v");
    for (const Table table : kAllTables) {
      if (table == Table::kStore || table == Table::kOutbox) continue;
      checkpoint.Put(table, "id", "v");
    }
    checkpoint.PutOutbox(1, "v");
    checkpoint.SetNextOffset(Offset(5));
    ASSERT_TRUE(store->Write(std::move(checkpoint)).ok());
  }
  ASSERT_TRUE(store->DeletePartition(kP0).ok());
  EXPECT_THAT(*store->NextOffset(kP0), Eq(std::nullopt));
  for (const Table table : kAllTables) {
    if (table == Table::kStore || ScopeOf(table) == Scope::kNode) continue;
    EXPECT_THAT(All(*store, table, kP0), IsEmpty()) << TableName(table);
    EXPECT_FALSE(All(*store, table, kP1).empty()) << TableName(table);
  }
  EXPECT_EQ(All(*store, Table::kModel, kP0).size(), 1u) << "the node's own stays";
  EXPECT_EQ(store->Partitions()->size(), 1u);
  // It may be filled again, from the log's start.
  Checkpoint again = store->NewCheckpoint(kP0);
  again.SetNextOffset(Offset(1));
  EXPECT_TRUE(store->Write(std::move(again)).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(store->DeletePartition(kNodeScope)));
}

TEST_P(StoreTest, AnotherClusterTopicOrPartitionCountIsRefused) {
  Open().reset();
  const StoreOptions right = options_;
  options_.cluster_id = "other";
  EXPECT_THAT(Store::Open(options_).status().message(), HasSubstr("Kafka cluster cluster"));
  options_ = right;
  options_.topic = "other";
  EXPECT_TRUE(absl::IsFailedPrecondition(Store::Open(options_).status()));
  options_ = right;
  options_.partition_count = 8;
  EXPECT_TRUE(absl::IsFailedPrecondition(Store::Open(options_).status()));
  options_ = right;
  EXPECT_NE(Open(), nullptr);
}

TEST_P(StoreTest, NothingIsMadeUnasked) {
  options_.create_if_missing = false;
  EXPECT_TRUE(absl::IsNotFound(Store::Open(options_).status()));
  options_.create_if_missing = true;
  Open().reset();
  options_.create_if_missing = false;
  EXPECT_NE(Open(), nullptr);
}

TEST_P(StoreTest, OptionsWithoutBoundsOrIdentityAreRefused) {
  for (const auto& spoil : std::initializer_list<std::function<void(StoreOptions&)>>{
           [](StoreOptions& o) { o.data_dir.clear(); },
           [](StoreOptions& o) { o.cluster_id.clear(); }, [](StoreOptions& o) { o.topic.clear(); },
           [](StoreOptions& o) { o.partition_count = 0; },
           [](StoreOptions& o) { o.max_open_files = -1; },
           [](StoreOptions& o) { o.block_cache_bytes = 0; },
           [](StoreOptions& o) { o.write_buffer_bytes = 0; }}) {
    StoreOptions options = options_;
    spoil(options);
    EXPECT_TRUE(absl::IsInvalidArgument(Store::Open(options).status()));
  }
}

TEST_P(StoreTest, FiguresFollowWhatHappens) {
  const std::unique_ptr<Store> store = Open();
  Checkpoint checkpoint = store->NewCheckpoint(kP0);
  for (int i = 0; i < 1000; ++i) {
    checkpoint.Put(Table::kProfile, absl::StrCat(i), std::string(100, static_cast<char>(i)));
  }
  const size_t bytes = checkpoint.bytes();
  EXPECT_GE(bytes, 100u * 1000u);
  ASSERT_TRUE(store->Write(std::move(checkpoint)).ok());
  const StoreStats before = store->Stats();
  EXPECT_EQ(before.checkpoints, 1u);
  EXPECT_EQ(before.checkpoint_bytes, bytes);
  EXPECT_GE(before.write_buffer_bytes, 100 * 1000);
  ASSERT_TRUE(store->CompactAll().ok());
  const StoreStats after = store->Stats();
  EXPECT_GT(after.file_bytes, 1000);
  EXPECT_GE(after.estimated_records, 1000);
  EXPECT_FALSE(after.writes_stopped);
  EXPECT_TRUE(store->Health().ok());
  if (!GetParam().in_memory) {
    EXPECT_GT(after.disk_free_bytes, 0);
  }
}

// The priority of the thread of this name; none: there is no such thread.
std::optional<int> NiceOfThread(absl::string_view name) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string found;
    std::getline(std::ifstream(task.path() / "comm"), found);
    if (found != name) continue;
    return getpriority(PRIO_PROCESS, static_cast<id_t>(std::stoi(task.path().filename())));
  }
  return std::nullopt;
}

TEST_P(StoreTest, CompactionsComeBehindAllElse) {
  const std::unique_ptr<Store> store = Open();
  Checkpoint checkpoint = store->NewCheckpoint(kP0);
  checkpoint.Put(Table::kProfile, "u-1", "a profile");
  ASSERT_TRUE(store->Write(std::move(checkpoint)).ok());
  ASSERT_TRUE(store->CompactAll().ok());
  EXPECT_THAT(NiceOfThread("rocksdb:low"), Optional(::testing::Ge(15)));
}

// Readers see checkpoints as a whole, also while they are being written. For the thread sanitizer
// as much as for the promise itself.
TEST_P(StoreTest, ReadersNeverSeeHalfACheckpoint) {
  const std::unique_ptr<Store> store = Open();
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int round = 1; round <= 300; ++round) {
      Checkpoint checkpoint = store->NewCheckpoint(kP0);
      checkpoint.Put(Table::kProfile, "a", absl::StrCat(round));
      checkpoint.Put(Table::kItemRow, "b", absl::StrCat(round));
      checkpoint.SetNextOffset(Offset(round));
      EXPECT_TRUE(store->Write(std::move(checkpoint)).ok());
      if (round % 100 == 0) {
        EXPECT_TRUE(store->Flush().ok());
      }
    }
    done = true;
  });
  while (!done) {
    const std::shared_ptr<const Snapshot> snapshot = store->TakeSnapshot();
    const auto profiles = All(*store, Table::kProfile, kP0, snapshot.get());
    const auto rows = All(*store, Table::kItemRow, kP0, snapshot.get());
    const std::optional<Offset> next = *store->NextOffset(kP0, snapshot.get());
    if (!next.has_value()) {
      EXPECT_THAT(profiles, IsEmpty());
      continue;
    }
    EXPECT_THAT(profiles, ElementsAre(Pair("a", absl::StrCat(next->value()))));
    EXPECT_THAT(rows, ElementsAre(Pair("b", absl::StrCat(next->value()))));
  }
  writer.join();
}

TEST(CheckpointDeathTest, TablesKeepToTheirScope) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  StoreOptions options;
  options.data_dir = "/store";
  options.cluster_id = "cluster";
  options.topic = "events";
  options.partition_count = 1;
  options.environment = NewMemoryEnvironment();
  const std::unique_ptr<Store> store = *Store::Open(options);
  Checkpoint node = store->NewCheckpoint(kNodeScope);
  EXPECT_DEATH(node.Put(Table::kProfile, "u", "v"), "belongs to partitions");
  EXPECT_DEATH(node.Put(Table::kStore, "u", "v"), "own table");
  EXPECT_DEATH(node.SetNextOffset(Offset(1)), "no offset");
}

}  // namespace
}  // namespace kindred::store
