// Principal components, from the moments of a stream.
#ifndef KINDRED_LEARN_PCA_H_
#define KINDRED_LEARN_PCA_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "learn/covariance.h"
#include "learn/matrix.h"

namespace kindred::learn {

// Directions of largest variance, largest first. The sign of a direction is not determined by the
// data: its largest entry is made positive, so that pictures do not flip between two fits.
struct PrincipalComponents {
  std::vector<double> mean;
  Matrix directions;             // one unit vector per row
  std::vector<double> variance;  // along each direction, of the population
  double total_variance = 0;     // of all dimensions

  // Coordinates of `x` (as many values as dimensions) along the directions.
  std::vector<double> Project(absl::Span<const double> x) const;
};

// The first min(count, dims) components. Costs dims³.
PrincipalComponents Pca(const Covariance& covariance, size_t count);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_PCA_H_
