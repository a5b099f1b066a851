// How good a clustering is, and how alike two of them are.
#ifndef KINDRED_LEARN_CLUSTER_QUALITY_H_
#define KINDRED_LEARN_CLUSTER_QUALITY_H_

#include <cstdint>

#include "absl/types/span.h"
#include "learn/matrix.h"

namespace kindred::learn {

// Mean silhouette, -1 to 1: how much nearer points are to their own cluster than to the next one.
// Points with a negative label (noise) are left out; a point alone in its cluster counts 0; 0 when
// there are fewer than two clusters. A point of weight w stands for w points at its place. Time
// n² × dims. Source: Rousseeuw, J. Comput. Appl. Math. 20 (1987).
double Silhouette(const Matrix& points, absl::Span<const double> weights,
                  absl::Span<const int32_t> labels);

// Agreement of two labellings of the same points, 1 = the same up to names, about 0 = by chance.
// Each label, negative ones too, is one cluster. Source: Hubert, Arabie, J. Classification 2
// (1985).
double AdjustedRandIndex(absl::Span<const int32_t> a, absl::Span<const int32_t> b);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_CLUSTER_QUALITY_H_
