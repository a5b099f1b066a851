// K-means on points in memory: k-means++ start, Lloyd iterations, restarts. Points may carry
// weights, so the same code clusters customers and summaries of customers. Sources: Lloyd, IEEE
// Trans. Inf. Theory 28 (1982); Arthur, Vassilvitskii: k-means++ (SODA 2007), with the greedy
// choice among 2 + ln k candidates that section 7 of their report mentions.
#ifndef KINDRED_LEARN_KMEANS_H_
#define KINDRED_LEARN_KMEANS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "learn/matrix.h"
#include "learn/random.h"

namespace kindred::learn {

// Everything here is deterministic, takes squared Euclidean distance, and gives ties to the centre
// with the lower index. `weights` is empty (all 1) or has one value above zero per point.

// The nearest centre and the squared distance to it of every row in `rows` (whole rows of
// centres.cols() values). Requires a centre. `index` and `distance2` have one place per row.
void NearestCentres(absl::Span<const double> rows, const Matrix& centres,
                    absl::Span<uint32_t> index, absl::Span<double> distance2);

// Sum of weight times squared distance to the nearest centre.
double Inertia(const Matrix& points, absl::Span<const double> weights, const Matrix& centres);

// At most k starting centres, drawn from the points; fewer when fewer points are distinct.
Matrix KMeansPlusPlus(const Matrix& points, absl::Span<const double> weights, size_t k,
                      Random& random);

// One assignment and one move of every centre to the mean of its points. A centre without points
// stays where it is.
Matrix LloydStep(const Matrix& points, absl::Span<const double> weights, const Matrix& centres);

struct KMeansResult {
  Matrix centres;                    // at most k rows
  std::vector<uint32_t> assignment;  // one per point
  std::vector<double> sizes;         // weight per centre
  double inertia = 0;                // of these centres
  int iterations = 0;
};

// Lloyd iterations until no point changes its centre, the inertia falls by less than one part in
// 10^7, or `max_iterations`. An empty centre moves to the point farthest from its own centre.
KMeansResult Lloyd(const Matrix& points, absl::Span<const double> weights, Matrix centres,
                   int max_iterations = 300);

struct KMeansOptions {
  size_t k = 8;
  int restarts = 10;
  int max_iterations = 300;
  uint64_t seed = 1;
};

// The best of `restarts` runs of k-means++ and Lloyd. No points give no centres.
KMeansResult KMeans(const Matrix& points, absl::Span<const double> weights,
                    const KMeansOptions& options);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_KMEANS_H_
