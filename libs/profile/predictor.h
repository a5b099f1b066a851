// What customers will do: the models that are trained on outcome samples, and their answers.
//
//   whether they buy      logistic regressions on PredictionInputs, for 7 and 30 days and for the
//                         horizon of churn (churn = 1 - that), and within a category
//   how much next time    least squares on the logarithm of the next purchase's amount; the answer
//                         is the mean that a log-normal amount has
//   how often, how much   BG/NBD and Gamma-Gamma on (x, t_x, T) of the sampled customers
//
// Prequential: an example is predicted when its outcome is known, and only then learned; the
// figures on reliability come from these predictions.
#ifndef KINDRED_PROFILE_PREDICTOR_H_
#define KINDRED_PROFILE_PREDICTOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "learn/bgnbd.h"
#include "learn/forward_decay.h"
#include "learn/gamma_gamma.h"
#include "learn/linear_regression.h"
#include "learn/online_classifier.h"
#include "profile/outcome_sample.h"
#include "profile/prediction_inputs.h"
#include "profile/profile.h"

namespace kindred::profile {

struct PredictorOptions {
  int churn_days = 90;            // 1 to 180
  int value_days = 365;           // horizon of expected purchases and lifetime value
  uint64_t least_examples = 200;  // before a model answers
  learn::ClassifierOptions classifier;
};

// How a model did on examples that it had not learned yet, newer ones weighing more.
struct Reliability {
  std::string measure;  // "auc" (0.5: by chance, 1: perfect), "mean_absolute_error"
  double value = 0;
  double baseline = 0;   // the same measure of the simplest alternative
  double base_rate = 0;  // probabilities: how often it came true
  double brier = 0;      // probabilities: mean squared error
  double examples = 0;
};

struct PredictionDriver {
  std::string input;
  double value = 0;
  double effect = 0;  // on the log-odds or the logarithm of the amount, against an average customer
};

struct Prediction {
  std::string name;      // "churn", "buy", "buy_category", "next_purchase_amount", …
  TermId category;       // 0 unless it is about one
  int horizon_days = 0;  // 0: none
  double value = 0;
  std::string unit;                       // "probability", "currency", "purchases"
  std::vector<PredictionDriver> drivers;  // strongest first, at most 3
  Reliability reliability;
};

// What of a profile the purchase models see; times in days. x = -1: never bought.
struct PurchaseHistory {
  double x = -1;
  double t_x = 0;
  double T = 0;
  double mean_amount = 0;
};
PurchaseHistory HistoryOf(const Profile& profile, int64_t as_of_ms);

// Deterministic: the same samples, gathered at the same steps, give the same bytes.
// Threads: one writer at a time; copies are independent and may be read by all.
class Predictor {
 public:
  struct Example {
    int64_t boundary;
    uint64_t rank;
    Snapshot snapshot;
  };
  explicit Predictor(PredictorOptions options);

  // Takes what a partition's sample has learned since the last time: outcomes whose horizon has
  // passed. Kept aside until LearnGathered().
  void Gather(int32_t partition, const OutcomeSample& sample);
  // What was gathered for the horizon of churn, for those who want to check it elsewhere.
  absl::Span<const Example> gathered_for_churn() const { return gathered_[kBuyAgain]; }
  // Learns what was gathered, oldest grid time first. Returns how many examples.
  size_t LearnGathered();
  // Fits the purchase models anew. Does nothing where they cannot be fitted (nobody bought again).
  void FitPurchaseModels(absl::Span<const PurchaseHistory> histories);

  // In the order of the list above; what cannot be told yet is left out.
  std::vector<Prediction> Predict(const Profile& profile, const learn::ForwardDecay& decay,
                                  int64_t as_of_ms) const;
  // Probability of a purchase within the horizon of churn; none before there is a model.
  absl::StatusOr<double> BuysAgain(const InputVector& inputs) const;
  // The expected amount of the next purchase; none before there is a model.
  absl::StatusOr<double> NextAmount(const InputVector& inputs) const;

  uint64_t version() const { return version_; }
  // Grid time of the newest example learned; 0 before the first.
  int64_t learned_until_ms() const { return learned_until_ms_; }
  uint64_t examples() const;
  Reliability churn_reliability() const { return ReliabilityOf(kBuyAgain); }
  bool has_purchase_model() const { return bgnbd_.r > 0; }
  const PredictorOptions& options() const { return options_; }

  // Bytes for a store, first byte 1 = this format. Parse: InvalidArgument for anything Append
  // cannot have written; what was gathered is not in it.
  void Append(std::string* out) const;
  static absl::StatusOr<Predictor> Parse(absl::string_view bytes, PredictorOptions options);

 private:
  // Stored: never reorder.
  enum Head { kBuy7, kBuy30, kBuyAgain, kCategory7, kCategory30, kAmount };
  static constexpr size_t kClassifiers = kAmount;
  static constexpr size_t kHeads = kAmount + 1;
  using Cursors = std::array<int64_t, kHeads>;
  // Sums of absolute errors, newer ones weighing more.
  struct AmountErrors {
    double weight = 0;
    double model = 0;
    double own_mean = 0;
    double population = 0;  // of the mean of all amounts seen before
    double seen = 0;        // amounts seen, and their sum
    double sum = 0;
  };

  bool HasAmounts() const;
  double AmountOf(const InputVector& inputs) const;  // requires HasAmounts()
  int64_t HorizonMs(size_t head) const;
  void LearnBatch(size_t head, absl::Span<const Example> batch);
  void LearnAmounts(absl::Span<const Example> batch);
  Reliability ReliabilityOf(size_t head) const;
  std::vector<PredictionDriver> DriversOf(size_t head, absl::Span<const double> x) const;
  void PredictPurchases(const Profile& profile, int64_t as_of_ms,
                        std::vector<Prediction>* out) const;

  PredictorOptions options_;
  uint64_t version_ = 0;
  int64_t learned_until_ms_ = 0;
  std::map<int32_t, Cursors> cursors_;  // by partition: newest boundary learned by each head
  std::vector<learn::OnlineClassifier> classifiers_;
  learn::LinearRegression amounts_;
  learn::LinearModel amount_model_;
  AmountErrors amount_errors_;
  learn::BgNbdParameters bgnbd_;             // weeks; r = 0: none
  learn::GammaGammaParameters gamma_gamma_;  // p = 0: none
  double fitted_on_ = 0;                     // buyers
  std::array<std::vector<Example>, kHeads> gathered_;
};

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_PREDICTOR_H_
