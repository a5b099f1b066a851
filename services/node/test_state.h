// A partition's surroundings for tests: a store in memory, shared state, and the way from records
// to applied state and back from a checkpoint. What the process does with threads is done here step
// by step.
#ifndef KINDRED_NODE_TEST_STATE_H_
#define KINDRED_NODE_TEST_STATE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "node/item_record.h"
#include "node/partition.h"
#include "node/partition_set.h"
#include "node/shared_state.h"
#include "store/environment.h"
#include "store/store.h"

namespace kindred::node {

inline constexpr int64_t kTestTimeMs = 1'760'000'000'000;  // 2025-10-09

// An event as native JSON; `more` is further members: "\"item_id\":\"i\",…".
inline std::string TestEvent(const std::string& id, const std::string& user,
                             const std::string& type, int64_t time_ms, const std::string& more) {
  return absl::StrCat("{\"event_id\":\"", id, "\",\"user_id\":\"", user, "\",\"type\":\"", type,
                      "\",\"event_time\":", time_ms, more.empty() ? "" : ",", more, "}");
}

inline stream::RawRecord TestRecord(int32_t partition, int64_t offset, const std::string& key,
                                    std::string value, int64_t arrival_ms = kTestTimeMs) {
  stream::RecordParts parts;
  parts.topic = "events";
  parts.partition = PartitionId(partition);
  parts.offset = Offset(offset);
  parts.key = key;
  parts.value = std::move(value);
  parts.timestamp_ms = arrival_ms;
  parts.headers = {{"trace", "t-1"}};
  return stream::RawRecord(std::move(parts));
}

// Reads the store, or fails on demand.
class TestColdReader final : public ColdReader {
 public:
  explicit TestColdReader(const store::Store* store) : store_(*store) {}
  absl::StatusOr<std::vector<std::optional<std::string>>> Read(
      PartitionId partition, absl::Span<const absl::string_view> ids) const override {
    if (!failure.ok()) return failure;
    return store_.MultiGet(store::Table::kProfile, partition, ids);
  }
  absl::Status failure;

 private:
  const store::Store& store_;
};

// One life of a process; `environment` outlives it.
class TestState {
 public:
  TestState(const SharedOptions& options, std::shared_ptr<store::Environment> environment,
            size_t profile_bytes = SIZE_MAX) {
    store::StoreOptions store_options;
    store_options.data_dir = "/state";
    store_options.cluster_id = "test";
    store_options.topic = "events";
    store_options.partition_count = options.partition_count;
    store_options.environment = std::move(environment);
    auto opened = store::Store::Open(store_options);
    EXPECT_TRUE(opened.ok()) << opened.status();
    store = *std::move(opened);
    shared = std::make_unique<SharedState>(options);
    bench = std::make_unique<Workbench>(shared.get());
    cold = std::make_unique<TestColdReader>(store.get());
    partitions = std::make_unique<PartitionSet>(shared.get());
    Restore(profile_bytes);
  }

  Partition& partition(int32_t id = 0) { return partitions->Ensure(PartitionId(id)); }

  absl::Status Apply(const std::vector<stream::RawRecord>& records) {
    return partition(records.front().partition().value()).Apply(records, *cold, bench.get());
  }

  // The next offset of the partition, in a record of its own.
  void Feed(const std::string& key, const std::string& value, int32_t id = 0,
            int64_t arrival_ms = kTestTimeMs) {
    std::vector<stream::RawRecord> records;
    records.push_back(TestRecord(id, partition(id).next_offset().value(), key, value, arrival_ms));
    const absl::Status status = Apply(records);
    EXPECT_TRUE(status.ok()) << status;
  }

  // True when something was written.
  bool Checkpoint(int32_t id = 0) {
    std::optional<PendingCheckpoint> pending = partition(id).TakeCheckpoint(*store);
    if (!pending.has_value()) return false;
    const absl::Status written = store->Write(std::move(pending->checkpoint));
    EXPECT_TRUE(written.ok()) << written;
    partition(id).CheckpointDone(*pending);
    return true;
  }

  // The customer's profile as its bytes; empty when it was never seen.
  std::string Bytes(const std::string& customer, int32_t id = 0) {
    std::string bytes;
    const auto found =
        partition(id).Visit(customer, profile::CustomerMap::Hash(customer), *cold,
                            [&bytes](const profile::Profile& profile) { profile.Encode(&bytes); });
    EXPECT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, !bytes.empty());
    return bytes;
  }

  clean::QualityCounts quality(int32_t id = 0) { return partition(id).figures().quality; }

  std::unique_ptr<store::Store> store;
  std::unique_ptr<SharedState> shared;
  std::unique_ptr<Workbench> bench;
  std::unique_ptr<TestColdReader> cold;
  std::unique_ptr<PartitionSet> partitions;

 private:
  void Restore(size_t profile_bytes) {
    EXPECT_TRUE(shared->items.Restore(*store).ok());
    EXPECT_TRUE(shared->terms.Restore(*store).ok());
    EXPECT_TRUE(store
                    ->ForEach(store::Table::kCatalogue, store::kNodeScope,
                              [this](absl::string_view id, absl::string_view value) {
                                return RestoreItemRecord(ItemId(*store::ParseNumberKey(id)), value,
                                                         &shared->terms.names(), &shared->index);
                              })
                    .ok());
    const auto all = store->Partitions();
    ASSERT_TRUE(all.ok()) << all.status();
    for (const store::StoredPartition& stored : *all) {
      const absl::Status restored =
          partitions->Ensure(stored.partition).Restore(*store, profile_bytes);
      EXPECT_TRUE(restored.ok()) << restored;
    }
  }
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_TEST_STATE_H_
