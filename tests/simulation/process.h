// What a process holds in memory, and loses when it dies.
#ifndef KINDRED_SIMULATION_PROCESS_H_
#define KINDRED_SIMULATION_PROCESS_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node/partition.h"
#include "node/shared_state.h"
#include "store/store.h"

namespace kindred::simulation {

// Of a store so small that a seed takes milliseconds.
inline store::StoreOptions StoreOptionsOf(size_t partitions) {
  store::StoreOptions options;
  options.data_dir = "/state";
  options.cluster_id = "simulated";
  options.topic = "events";
  options.partition_count = static_cast<int32_t>(partitions);
  options.block_cache_bytes = 4 << 20;
  options.write_buffer_bytes = 1 << 20;
  options.background_threads = 1;
  return options;
}

class StoredProfiles final : public node::ColdReader {
 public:
  explicit StoredProfiles(const store::Store* store) : store_(*store) {}
  absl::StatusOr<std::vector<std::optional<std::string>>> Read(
      PartitionId partition, absl::Span<const absl::string_view> ids) const override {
    if (failing) return absl::UnavailableError("simulated");
    return store_.MultiGet(store::Table::kProfile, partition, ids);
  }
  bool failing = false;

 private:
  const store::Store& store_;
};

// Everything that a process holds in memory.
struct Process {
  Process(const node::SharedOptions& options, const store::Store* store)
      : shared(options), bench(&shared), cold(store) {}
  node::SharedState shared;
  node::Workbench bench;
  StoredProfiles cold;
  std::vector<std::unique_ptr<node::Partition>> partitions;
  // Checkpoints begun and not written yet, oldest first.
  std::deque<std::pair<size_t, node::PendingCheckpoint>> writing;
};

}  // namespace kindred::simulation

#endif  // KINDRED_SIMULATION_PROCESS_H_
