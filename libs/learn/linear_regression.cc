#include "learn/linear_regression.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"

namespace kindred::learn {

double LinearModel::Predict(absl::Span<const double> x) const {
  KINDRED_CHECK(x.size() == coefficients.size()) << "vector of " << x.size() << " values";
  double y = intercept;
  for (size_t i = 0; i < x.size(); ++i) y += coefficients[i] * x[i];
  return y;
}

bool LinearRegression::Add(absl::Span<const double> x, double y, double weight) {
  KINDRED_CHECK(x.size() == dims()) << "vector of " << x.size() << " values";
  std::copy(x.begin(), x.end(), row_.begin());
  row_.back() = y;
  return moments_.Add(row_, weight);
}

LinearModel LinearRegression::Solve(double ridge) const {
  const size_t d = dims();
  LinearModel model;
  model.coefficients.assign(d, 0.0);
  // Solved in standardised dimensions, so that units do not decide what counts as dependent.
  std::vector<double> deviation(d);
  for (size_t i = 0; i < d; ++i) {
    const double s = std::sqrt(std::max(0.0, moments_.At(i, i)));
    deviation[i] = s > 1e-12 * std::max(1.0, std::abs(moments_.Mean(i))) ? s : 0.0;
  }
  const auto n = static_cast<Eigen::Index>(d);
  Eigen::MatrixXd a = Eigen::MatrixXd::Zero(n, n);
  Eigen::VectorXd b = Eigen::VectorXd::Zero(n);
  for (size_t i = 0; i < d; ++i) {
    if (deviation[i] == 0.0) continue;
    const auto row = static_cast<Eigen::Index>(i);
    b[row] = moments_.At(i, d) / deviation[i];
    for (size_t j = 0; j < d; ++j) {
      if (deviation[j] == 0.0) continue;
      a(row, static_cast<Eigen::Index>(j)) = moments_.At(i, j) / (deviation[i] * deviation[j]);
    }
    a(row, row) += ridge;
  }
  Eigen::CompleteOrthogonalDecomposition<Eigen::MatrixXd> solver;
  solver.setThreshold(1e-10);
  solver.compute(a);
  const Eigen::VectorXd solution = solver.solve(b);
  model.intercept = moments_.Mean(d);
  for (size_t i = 0; i < d; ++i) {
    if (deviation[i] == 0.0) continue;
    model.coefficients[i] = solution[static_cast<Eigen::Index>(i)] / deviation[i];
    model.intercept -= model.coefficients[i] * moments_.Mean(i);
  }
  const double variance = moments_.At(d, d);
  const double explained = 2 * solution.dot(b) - solution.dot(a * solution);
  model.residual_variance = std::max(0.0, variance - explained);
  if (variance > 0) model.r_squared = std::clamp(explained / variance, 0.0, 1.0);
  return model;
}

absl::StatusOr<LinearRegression> LinearRegression::Parse(absl::string_view bytes, size_t dims) {
  LinearRegression result(dims);
  KINDRED_ASSIGN_OR_RETURN(result.moments_, Covariance::Parse(bytes, dims + 1));
  return result;
}

}  // namespace kindred::learn
