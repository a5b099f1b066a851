// The partitions whose state this node keeps: those it owns, and those it owned and may again.
#ifndef KINDRED_NODE_PARTITION_SET_H_
#define KINDRED_NODE_PARTITION_SET_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/strong_int.h"
#include "node/partition.h"
#include "node/shared_state.h"

namespace kindred::node {

enum class Ownership : uint8_t {
  kNever,    // not assigned since the start
  kOwned,    // assigned to this node
  kRevoked,  // another node has it: answering would contradict that node
  kLost,     // taken away, and the next assignment is not known yet (a rebalance, the brokers are
             // away): answers go on, and say how old they are
};

// One partition and what the outside knows of it.
struct PartitionSlot {
  std::unique_ptr<Partition> state;  // null: nothing is kept of it
  std::atomic<Ownership> ownership{Ownership::kNever};
  // Everything that the log held when the partition was assigned has been applied.
  std::atomic<bool> caught_up{false};
  std::atomic<int64_t> end_offset{-1};       // of the log, as last heard
  std::atomic<int64_t> catch_up_offset{-1};  // the end when it was assigned; -1 not known yet
  // Wall clock of the last word from Kafka about it, once what an absence missed was applied.
  std::atomic<int64_t> last_heard_ms{0};
};

// Threads: slots are made at the start and stay; `state` is set before ownership leaves kNever and
//          never reset. The rest is atomic.
class PartitionSet {
 public:
  explicit PartitionSet(SharedState* shared);

  int32_t count() const { return static_cast<int32_t>(slots_.size()); }
  PartitionSlot& slot(PartitionId id) { return *slots_[static_cast<size_t>(id.value())]; }
  const PartitionSlot& slot(PartitionId id) const {
    return *slots_[static_cast<size_t>(id.value())];
  }
  bool Contains(PartitionId id) const { return id.value() >= 0 && id.value() < count(); }

  // Makes the state of a partition, empty, if there is none.
  Partition& Ensure(PartitionId id);
  // Calls `visit` for every partition whose state is kept.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const auto& slot : slots_) {
      if (slot->has_state.load(std::memory_order_acquire)) visit(*slot);
    }
  }

  // After a start: logs which partitions are halted; `resume` lets them go on.
  void TellHalted(bool resume);

  // Ok when the partition's customers can be answered for; Unavailable with the progress or with
  // what to do.
  absl::Status Ready(PartitionId id) const;
  // As Ready(), without words.
  bool Answers(PartitionId id) const;
  // The partition of a customer.
  PartitionId Home(absl::string_view customer_id) const;

  // The newest event time over all partitions; 0 before the first event.
  int64_t newest_event_ms() const;
  uint64_t customers() const;

 private:
  struct Slot : PartitionSlot {
    std::atomic<bool> has_state{false};
  };
  SharedState& shared_;
  std::vector<std::unique_ptr<Slot>> slots_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_PARTITION_SET_H_
