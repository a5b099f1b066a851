// Hierarchical clustering by Ward's criterion: join, again and again, the two clusters whose union
// adds least to the sum of squared distances to the means.
// Sources: Ward, JASA 58 (1963); nearest-neighbour chains: Murtagh, The Computer Journal 26 (1983).
#ifndef KINDRED_LEARN_AGGLOMERATIVE_H_
#define KINDRED_LEARN_AGGLOMERATIVE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "learn/matrix.h"

namespace kindred::learn {

// One union. Points are nodes 0 … n-1; the union at place i of a dendrogram is node n + i.
struct Join {
  size_t left = 0;  // left < right
  size_t right = 0;
  double height = 0;  // sqrt(2 * what it adds): two single points join at their distance
  double weight = 0;  // of all points below
};

// Lowest join first; n - 1 joins, none for fewer than two points.
struct Dendrogram {
  size_t points = 0;
  std::vector<Join> joins;
};

// `weights` is empty (all 1) or has one value above zero per point; a point of weight w stands for
// w points at its place. Time n² × dims, memory n: meant for up to a few thousand summaries.
Dendrogram Ward(const Matrix& points, absl::Span<const double> weights = {});

// The cluster (0 … k-1, numbered by their first point) of every point when the k - 1 highest joins
// are undone. k is taken as between 1 and the number of points.
std::vector<uint32_t> Cut(const Dendrogram& dendrogram, size_t k);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_AGGLOMERATIVE_H_
