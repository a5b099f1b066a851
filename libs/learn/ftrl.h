// Logistic regression on a stream, with per-coordinate rates and sparse weights: FTRL-proximal.
// Source: McMahan et al.: Ad Click Prediction: a View from the Trenches (KDD 2013), algorithm 1.
#ifndef KINDRED_LEARN_FTRL_H_
#define KINDRED_LEARN_FTRL_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kindred::learn {

struct FtrlOptions {
  double alpha = 0.1;  // rate of learning
  double beta = 1.0;
  double l1 = 0.0;  // weights whose evidence stays below this are exactly 0
  double l2 = 1.0;
};

// Values should be standardised. A bias that is not regularised is kept besides the weights.
// State: two doubles per dimension. Threads: one writer at a time.
class Ftrl {
 public:
  Ftrl(size_t dims, FtrlOptions options) : options_(options), n_(dims + 1), z_(dims + 1) {}

  size_t dims() const { return n_.size() - 1; }
  // Observations learnt.
  uint64_t count() const { return count_; }
  double Weight(size_t dim) const { return WeightAt(dim, options_.l1, options_.l2); }
  double Bias() const { return WeightAt(dims(), 0.0, 0.0); }

  // Probability of a positive, in (0, 1). `x` has dims() values; those not finite count as 0.
  double Predict(absl::Span<const double> x) const;
  // Learns one outcome and returns what was predicted before (for progressive validation).
  double Learn(absl::Span<const double> x, bool positive, double weight = 1.0);

  // Learns one outcome around a level that the caller gives in place of the bias, which stays as it
  // is.
  void LearnAround(absl::Span<const double> x, double level, bool positive);

  // Bytes for a store, first byte 1 = this format. Parse: InvalidArgument for anything Append
  // cannot have written, or for other than `dims` dimensions.
  void Append(std::string* out) const;
  static absl::StatusOr<Ftrl> Parse(absl::string_view bytes, size_t dims, FtrlOptions options);

 private:
  double WeightAt(size_t i, double l1, double l2) const;
  void Descend(size_t i, double gradient, double weight);

  FtrlOptions options_;
  uint64_t count_ = 0;
  std::vector<double> n_;  // sums of squared gradients; the bias comes last
  std::vector<double> z_;
};

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_FTRL_H_
