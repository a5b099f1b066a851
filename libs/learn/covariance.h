// Means and co-moments of all pairs of dimensions of a stream of vectors: what principal components
// and linear regression are made of.
// Source: the pairwise form of Welford's update, Chan, Golub, LeVeque, Stanford CS-79-773 (1979).
#ifndef KINDRED_LEARN_COVARIANCE_H_
#define KINDRED_LEARN_COVARIANCE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "learn/matrix.h"

namespace kindred::learn {

// Mergeable: Merge() of two halves equals Add() of all, up to rounding. dims()² doubles.
// Threads: one writer at a time.
class Covariance {
 public:
  Covariance() = default;
  explicit Covariance(size_t dims) : mean_(dims, 0.0), m2_(dims, dims), delta_(dims) {}

  // Counts a vector of dims() values with a weight above zero. Returns false, and changes nothing,
  // when a value is not finite.
  bool Add(absl::Span<const double> x, double weight = 1.0);
  void Merge(const Covariance& other);
  // Keeps the share `keep` (0 to 1) of the weight of what was seen so far.
  void Forget(double keep);

  size_t dims() const { return mean_.size(); }
  double weight() const { return weight_; }
  double Mean(size_t dim) const { return mean_[dim]; }
  // Of the population (divided by the weight); 0 without any.
  double At(size_t row, size_t col) const { return weight_ > 0 ? m2_(row, col) / weight_ : 0.0; }

  // Of some dimensions, about a mean of zero, each divided by its `scale` (one value per dimension
  // of this; where it is 0 the dimension is constant): principal components of standardised values.
  Covariance Part(absl::Span<const size_t> which, absl::Span<const double> scale) const;

  // Bytes for a store, first byte 1 = this format. Parse: InvalidArgument for anything Append
  // cannot have written, or for other than `dims` dimensions.
  void Append(std::string* out) const;
  static absl::StatusOr<Covariance> Parse(absl::string_view bytes, size_t dims);

 private:
  double weight_ = 0;
  std::vector<double> mean_;
  Matrix m2_;
  std::vector<double> delta_;  // scratch
};

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_COVARIANCE_H_
