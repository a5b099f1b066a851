// Least squares on a stream: y = intercept + coefficients · x. Kept as sums (the information form
// of recursive least squares), so that two learners merge, forgetting is a factor, and the solution
// is the exact one whatever the order.
#ifndef KINDRED_LEARN_LINEAR_REGRESSION_H_
#define KINDRED_LEARN_LINEAR_REGRESSION_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "learn/covariance.h"

namespace kindred::learn {

struct LinearModel {
  double intercept = 0;
  std::vector<double> coefficients;
  double residual_variance = 0;  // mean squared error on what it was made of
  double r_squared = 0;          // share of the variance of y explained; 0 when y is constant

  // `x` has one value per coefficient.
  double Predict(absl::Span<const double> x) const;
};

// Threads: one writer at a time.
class LinearRegression {
 public:
  explicit LinearRegression(size_t dims) : moments_(dims + 1), row_(dims + 1) {}

  // Learns one observation. Returns false, and changes nothing, when a value is not finite.
  bool Add(absl::Span<const double> x, double y, double weight = 1.0);
  void Merge(const LinearRegression& other) { moments_.Merge(other.moments_); }
  void Forget(double keep) { moments_.Forget(keep); }
  double weight() const { return moments_.weight(); }
  double Mean(size_t dim) const { return moments_.Mean(dim); }
  size_t dims() const { return row_.size() - 1; }

  // The solution so far; of several (dependent dimensions, few observations) the one with the
  // smallest coefficients. `ridge` >= 0 is added to the variance of every dimension, in units of
  // that variance. Costs dims³.
  LinearModel Solve(double ridge = 0.0) const;

  void Append(std::string* out) const { moments_.Append(out); }
  static absl::StatusOr<LinearRegression> Parse(absl::string_view bytes, size_t dims);

 private:
  Covariance moments_;  // of (x, y)
  std::vector<double> row_;
};

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_LINEAR_REGRESSION_H_
