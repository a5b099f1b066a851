// Density-based clustering with noise.
// Source: Ester, Kriegel, Sander, Xu: A Density-Based Algorithm for Discovering Clusters (KDD
// 1996).
#ifndef KINDRED_LEARN_DBSCAN_H_
#define KINDRED_LEARN_DBSCAN_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "learn/matrix.h"

namespace kindred::learn {

struct DbscanOptions {
  double radius = 0.5;
  // A point is dense when the weight within the radius, its own included, reaches this.
  double least_weight = 5;
};

inline constexpr int32_t kNoise = -1;

// The cluster of every point, 0, 1 … by their first dense point, or kNoise. A point that is not
// dense itself belongs to the first cluster that reaches it. `weights` is empty (all 1) or has one
// value above zero per point. Time n² × dims: meant for up to some ten thousand points.
std::vector<int32_t> Dbscan(const Matrix& points, absl::Span<const double> weights,
                            const DbscanOptions& options);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_DBSCAN_H_
