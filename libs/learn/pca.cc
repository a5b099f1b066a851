#include "learn/pca.h"

#include <Eigen/Dense>
#include <algorithm>

namespace kindred::learn {

std::vector<double> PrincipalComponents::Project(absl::Span<const double> x) const {
  KINDRED_CHECK(x.size() == mean.size()) << "vector of " << x.size() << " values";
  std::vector<double> result(directions.rows(), 0.0);
  for (size_t c = 0; c < result.size(); ++c) {
    for (size_t d = 0; d < x.size(); ++d) result[c] += directions(c, d) * (x[d] - mean[d]);
  }
  return result;
}

PrincipalComponents Pca(const Covariance& covariance, size_t count) {
  const size_t dims = covariance.dims();
  PrincipalComponents result;
  if (dims == 0) return result;
  const auto n = static_cast<Eigen::Index>(dims);
  Eigen::MatrixXd matrix(n, n);
  for (size_t i = 0; i < dims; ++i) {
    result.mean.push_back(covariance.Mean(i));
    result.total_variance += covariance.At(i, i);
    for (size_t j = 0; j < dims; ++j) {
      matrix(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = covariance.At(i, j);
    }
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
  std::vector<double> direction(dims);
  for (size_t c = 0; c < std::min(count, dims); ++c) {
    const Eigen::Index from_largest = n - 1 - static_cast<Eigen::Index>(c);
    Eigen::VectorXd vector = solver.eigenvectors().col(from_largest);
    Eigen::Index largest = 0;
    vector.cwiseAbs().maxCoeff(&largest);
    if (vector[largest] < 0) vector = -vector;
    std::copy_n(vector.data(), dims, direction.begin());
    result.directions.AppendRow(direction);
    result.variance.push_back(std::max(0.0, solver.eigenvalues()[from_largest]));
  }
  return result;
}

}  // namespace kindred::learn
