// A state that can be checked against nothing but its own next offset: what the steps 1 … n leave
// behind is a function of n. It spreads over all column families.
#ifndef KINDRED_STORE_TESTING_COUNTING_STATE_H_
#define KINDRED_STORE_TESTING_COUNTING_STATE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/checkpoint.h"
#include "store/store.h"

namespace kindred::store {

inline constexpr PartitionId kCountingPartition(1);

// Step `step` of the life of the state, 1 being the first.
Checkpoint CountingStep(const Store& store, int64_t step);

// Writes the steps from the stored offset up to `last`.
absl::Status WriteCountingSteps(Store* store, int64_t last);

// The stored offset, 0 when there is none, if everything stored is what the steps up to it leave.
// Internal when it is not: a wrong answer, which must never be. Any other error is the store's own:
// it noticed.
absl::StatusOr<int64_t> CheckCountingState(const Store& store);

}  // namespace kindred::store

#endif  // KINDRED_STORE_TESTING_COUNTING_STATE_H_
