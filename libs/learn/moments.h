// Mean and deviation of each dimension of a stream of vectors, and the standardisation made of
// them. Sources: Welford, Technometrics 4 (1962); Chan, Golub, LeVeque, Stanford CS-79-773 (1979).
#ifndef KINDRED_LEARN_MOMENTS_H_
#define KINDRED_LEARN_MOMENTS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kindred::learn {

// Mergeable: Merge() of two halves equals Add() of all, up to rounding.
// Threads: one writer at a time.
class Moments {
 public:
  Moments() = default;
  explicit Moments(size_t dims) : mean_(dims, 0.0), m2_(dims, 0.0) {}

  // Counts a vector of dims() values with a weight above zero. Returns false, and changes nothing,
  // when a value is not finite.
  bool Add(absl::Span<const double> x, double weight = 1.0);
  // `other` has the same dims().
  void Merge(const Moments& other);
  // Keeps the share `keep` (0 to 1) of the weight: what was seen before counts less from here on.
  void Forget(double keep);

  size_t dims() const { return mean_.size(); }
  double weight() const { return weight_; }
  double Mean(size_t dim) const { return mean_[dim]; }
  // Of the population (divided by the weight, not by the weight less one).
  double Variance(size_t dim) const { return weight_ > 0 ? m2_[dim] / weight_ : 0.0; }
  // 0 for a dimension that is constant up to rounding.
  double Deviation(size_t dim) const;

  // Bytes for a store, first byte 1 = this format. Parse: InvalidArgument for anything Append
  // cannot have written, or for other than `dims` dimensions.
  void Append(std::string* out) const;
  static absl::StatusOr<Moments> Parse(absl::string_view bytes, size_t dims);

 private:
  double weight_ = 0;
  std::vector<double> mean_;
  std::vector<double> m2_;
};

// Maps vectors to mean 0 and deviation 1 per dimension. A plain value.
struct Scaler {
  // Standardised values stay within ± this many deviations, so that one freak value cannot own a
  // cluster or a coefficient.
  static constexpr double kClip = 5.0;

  std::vector<double> mean;
  std::vector<double> deviation;  // 0: the dimension is constant and maps to 0

  static Scaler FromMoments(const Moments& moments);
  size_t dims() const { return mean.size(); }
  // `raw` and `out` have dims() values and may be the same memory. A value that is not finite maps
  // to 0.
  void Standardise(absl::Span<const double> raw, absl::Span<double> out) const;
  // Back to original units (without undoing the clip).
  double Original(size_t dim, double standardised) const {
    return mean[dim] + standardised * deviation[dim];
  }
  friend bool operator==(const Scaler&, const Scaler&) = default;
};

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_MOMENTS_H_
