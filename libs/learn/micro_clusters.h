// A population in a few hundred points: many small clusters, each with its mean and how many it
// stands for, learned pass by pass like the segments. Clusterings of the points are clusterings of
// the population, in milliseconds however large it is.
#ifndef KINDRED_LEARN_MICRO_CLUSTERS_H_
#define KINDRED_LEARN_MICRO_CLUSTERS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "learn/matrix.h"
#include "learn/moments.h"

namespace kindred::learn {

// What a pass found. A plain value.
struct MicroClusterSet {
  Matrix centres;               // standardised; only clusters that have members
  std::vector<double> weights;  // vectors in each, every one counted once
  bool empty() const { return weights.empty(); }
};

// Within a pass the centres stand still, and the exact mean of each one's members is gathered (a
// Lloyd step with every member counted once); the pass ends with the centres there. A centre
// without members starts again at a vector of the sample.
// Deterministic. Threads: one at a time. State: count × dims doubles, twice.
class MicroClusters {
 public:
  explicit MicroClusters(size_t count, uint64_t seed = 1) : count_(count), seed_(seed) {}

  // Starts a pass. `sample`: vectors of the pass before, in original units, for the first centres
  // and for those that lost their members. `scaler`: for this pass.
  void BeginPass(const Scaler& scaler, const Matrix& sample);
  // Whole vectors in original units.
  void AddBatch(absl::Span<const double> vectors);
  // What was found; empty when the pass had no sample to start from.
  MicroClusterSet EndPass();

 private:
  const size_t count_;
  const uint64_t seed_;
  Scaler scaler_;
  Matrix centres_;  // standardised by scaler_
  Matrix sums_;
  std::vector<double> counts_;
  std::vector<double> rows_;
};

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_MICRO_CLUSTERS_H_
