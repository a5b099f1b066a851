// What each part of a node may take of its memory, so that together they keep the bound.
#ifndef KINDRED_NODE_MEMORY_PLAN_H_
#define KINDRED_NODE_MEMORY_PLAN_H_

#include <cstddef>
#include <cstdint>

#include "kindred/config/v1/config.pb.h"

namespace kindred::node {

struct MemoryBudget {
  size_t profiles = 0;  // that all of them may take
  bool tight = false;   // near the bound: nothing that a checkpoint would have to hold may grow
};

// Bytes. A process with nothing in it takes kProcessBytes: code, threads, what the clients of Kafka
// and gRPC and the allocator keep. The parts are shares of what is left; profiles get what the
// others do not use (Node::WatchMemory).
struct MemoryPlan {
  static constexpr int64_t kProcessBytes = int64_t{80} << 20;

  int64_t limit = 0;           // store.memory_limit_mib, of the whole process
  size_t relations = 0;        // item relations, of all partitions
  size_t dedup = 0;            // the search for copies, of all partitions
  size_t block_cache = 0;      // of the store
  size_t write_buffers = 0;    // of the store
  size_t waiting = 0;          // checkpoints that wait for the disk
  size_t unstored = 0;         // changes that are in no checkpoint yet
  size_t worker_queues = 0;    // records that wait for their worker
  size_t client_queue = 0;     // records that the Kafka client fetched ahead
  size_t least_profiles = 0;   // is never taken from profiles
  size_t most_profiles = 0;    // while the process is within its bound
  size_t loaded_profiles = 0;  // are loaded at a start

  // Whether a process of so many resident bytes should give back what it can spare.
  bool Near(int64_t resident) const { return resident > Target(); }
  // For a process of so many resident bytes, `profile_bytes` of them profiles.
  MemoryBudget BudgetAt(int64_t resident, size_t profile_bytes) const;

 private:
  int64_t Target() const { return limit / 20 * 17; }
};

MemoryPlan MemoryPlanOf(const config::v1::NodeConfig& config);

}  // namespace kindred::node

#endif  // KINDRED_NODE_MEMORY_PLAN_H_
