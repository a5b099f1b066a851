// What a stream of predicted probabilities was worth: how well it ranks, how far it is off, and the
// curve that puts it right.
// Sources: isotonic regression by pooling adjacent violators: Ayer et al., Ann. Math. Stat. 26
// (1955); as calibration: Zadrozny, Elkan (KDD 2002); area under the curve by ranks: Hanley,
// McNeil, Radiology 143 (1982).
#ifndef KINDRED_LEARN_CALIBRATION_H_
#define KINDRED_LEARN_CALIBRATION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kindred::learn {

// Keeps predictions with their outcomes in bins that are equally wide in log-odds, from -6 to 6.
// State: three doubles a bin. Mergeable in principle, bounded, independent of order but for
// forgetting. Threads: one writer at a time.
class Calibration {
 public:
  static constexpr size_t kBins = 48;

  // `predicted` must have been made before its outcome was known.
  void Add(double predicted, bool positive, double weight = 1.0);
  // Keeps the share `keep` (0 to 1) of all weight.
  void Forget(double keep);

  double weight() const;
  double positives() const;  // weight of the positive ones
  // Share of positives; 0 without any weight.
  double BaseRate() const { return weight() > 0 ? positives() / weight() : 0.0; }
  // Probability that a positive was ranked above a negative, pairs of the same bin counted half;
  // 0.5 when either kind is missing.
  double Auc() const;
  // Mean squared error of the predictions as they were made.
  double Brier() const { return weight() > 0 ? squared_ / weight() : 0.0; }

  // Non-decreasing curve through what was observed, linear between the bins' means, with a few
  // observations' worth of trust in the predictions as they were; so without observations it is the
  // identity. Make it once and ask it often.
  class Curve {
   public:
    double operator()(double predicted) const;

   private:
    friend class Calibration;
    std::vector<double> from_;  // ascending
    std::vector<double> to_;
  };
  Curve MakeCurve() const;

  // Bytes for a store, first byte 1 = this format. Parse: InvalidArgument for anything Append
  // cannot have written.
  void Append(std::string* out) const;
  static absl::StatusOr<Calibration> Parse(absl::string_view bytes);

 private:
  struct Bin {
    double weight = 0;
    double positives = 0;
    double predicted = 0;  // sum of the predictions
  };
  std::array<Bin, kBins> bins_;
  double squared_ = 0;
};

// Probability that a positive has a higher score than a negative, ties counted half; 0.5 when
// either kind is missing. `positive` has one value (0 or 1) per score.
double AreaUnderCurve(absl::Span<const double> scores, absl::Span<const uint8_t> positive);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_CALIBRATION_H_
