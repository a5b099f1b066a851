// One thread, one seed: the node's pipeline and store between a log that repeats itself and leaves
// gaps, crashes, rebalances, and a disk that fails; compared with the oracle after every restart
// and at the end.
#ifndef KINDRED_SIMULATION_SIMULATION_H_
#define KINDRED_SIMULATION_SIMULATION_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace kindred::simulation {

// Faults put into the harness, never into the product, to see that the comparison sees them.
enum class Defect {
  kNone,
  kSkipOffset,         // after a restart, reading begins one record too late
  kOffsetBeforeState,  // the offset is written in a step of its own, before the state
  kForgetDuplicates,   // a checkpoint comes without what was seen
  kApplyTwice,         // after a rebalance the last event is applied once more
};
inline constexpr Defect kDefects[] = {Defect::kSkipOffset, Defect::kOffsetBeforeState,
                                      Defect::kForgetDuplicates, Defect::kApplyTwice};
absl::string_view DefectName(Defect defect);

struct Outcome {
  // The first difference; empty when there was none.
  std::string difference;
  int64_t records = 0;
  int64_t crashes = 0;
  int64_t rebalances = 0;
  int64_t disk_faults = 0;
  int64_t checkpoints = 0;
};

// The same arguments give the same outcome. `trace` prints every step.
Outcome Simulate(uint64_t seed, Defect defect, bool trace);

}  // namespace kindred::simulation

#endif  // KINDRED_SIMULATION_SIMULATION_H_
