// The probability of an outcome, learned prequentially: each batch is predicted before it is
// learned, so what is said about reliability was measured on data that was still unknown.
//
// What is true of all rows of a batch at once (a season, a holiday) moves its level, not the
// weights: logit = level of the batch + weights · x, with levels drawn around a mean. What is
// predicted for a batch to come has the mean of the levels so far, in which a batch counts by how
// much it tells of its level, so at most once, however many rows it has.
#ifndef KINDRED_LEARN_ONLINE_CLASSIFIER_H_
#define KINDRED_LEARN_ONLINE_CLASSIFIER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "learn/calibration.h"
#include "learn/ftrl.h"
#include "learn/moments.h"

namespace kindred::learn {

struct ClassifierOptions {
  FtrlOptions ftrl;
  // Share of what is known about calibration and reliability that survives a batch.
  double keep = 0.98;
  // The same of the mean level. Of weekly batches half is forgotten in 69, more than a year, so
  // that all seasons are in it.
  double keep_level = 0.99;
};

struct Labelled {
  std::vector<double> x;
  bool positive = false;
};

// A logistic regression (Ftrl) on standardised values, with its calibration.
// Deterministic: the same batches in the same order give the same bytes.
// Threads: one writer at a time.
class OnlineClassifier {
 public:
  OnlineClassifier(size_t dims, ClassifierOptions options);

  // Predicts all of the batch, then learns it. Rows with a value that is not finite are left out.
  void LearnBatch(absl::Span<const Labelled> batch);

  // Calibrated. 0.5 before anything was learned.
  double Predict(absl::Span<const double> x) const;
  // What moves the log-odds away from those of the average: weight times standardised value.
  std::vector<double> Contributions(absl::Span<const double> x) const;

  uint64_t count() const { return ftrl_.count(); }
  // Of predictions before their outcome was known, newer batches weighing more; as calibrated then.
  const Calibration& reliability() const { return calibrated_; }

  // Bytes for a store, first byte 2 = this format. Parse: InvalidArgument for anything Append
  // cannot have written.
  void Append(std::string* out) const;
  static absl::StatusOr<OnlineClassifier> Parse(absl::string_view bytes, size_t dims,
                                                ClassifierOptions options);

 private:
  double Raw(absl::Span<const double> x) const;
  double MeanLevel() const { return level_weight_ > 0 ? level_sum_ / level_weight_ : 0.0; }
  // The likeliest level of a batch, given the weights, and drawn around the mean.
  double LevelOf(const std::vector<double>& logits, const std::vector<bool>& positive) const;
  void TakeWeights();

  ClassifierOptions options_;
  Moments moments_;
  Scaler scaler_;
  Ftrl ftrl_;
  Calibration raw_;         // of the regression's own probabilities
  Calibration calibrated_;  // of what was answered
  Calibration::Curve curve_;
  std::vector<double> weights_;  // of ftrl_, as they are now
  double level_sum_ = 0;
  double level_weight_ = 0;
};

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_ONLINE_CLASSIFIER_H_
