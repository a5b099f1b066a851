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
      : shared(options), bench(options), cold(store) {}
  node::SharedState shared;
  node::Workbench bench;
  StoredProfiles cold;
  std::vector<std::unique_ptr<node::Partition>> partitions;
  // Checkpoints begun and not written yet, oldest first.
  std::deque<std::pair<size_t, node::PendingCheckpoint>> writing;
};

}  // namespace kindred::simulation

#endif  // KINDRED_SIMULATION_PROCESS_H_
