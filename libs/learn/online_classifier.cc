#include "learn/online_classifier.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace kindred::learn {
namespace {

constexpr uint8_t kFormat = 2;
constexpr double kLargestLogit = 35.0;
// Levels of batches are drawn with variance 1, a wide one, where a single one is estimated …
constexpr double kLevelVariance = 1.0;
// … and a batch of this many rows tells half as much of the mean as an endless one: a level known
// to within 4 / rows among levels that vary by 0.08.
constexpr double kHalfTold = 50.0;

bool AllFinite(absl::Span<const double> x) {
  return std::all_of(x.begin(), x.end(), [](double v) { return std::isfinite(v); });
}

double Logistic(double logit) {
  return 1.0 / (1.0 + std::exp(-std::clamp(logit, -kLargestLogit, kLargestLogit)));
}

}  // namespace

OnlineClassifier::OnlineClassifier(size_t dims, ClassifierOptions options)
    : options_(options), moments_(dims), ftrl_(dims, options.ftrl) {
  scaler_ = Scaler::FromMoments(moments_);
  TakeWeights();
}

void OnlineClassifier::LearnBatch(absl::Span<const Labelled> batch) {
  if (batch.empty()) return;
  if (count() > 0) {
    raw_.Forget(options_.keep);
    calibrated_.Forget(options_.keep);
    for (const Labelled& row : batch) {
      if (!AllFinite(row.x)) continue;
      const double raw = Raw(row.x);
      raw_.Add(raw, row.positive);
      calibrated_.Add(curve_(raw), row.positive);
    }
    curve_ = raw_.MakeCurve();
  }
  for (const Labelled& row : batch) moments_.Add(row.x);
  scaler_ = Scaler::FromMoments(moments_);
  std::vector<std::vector<double>> standardised;
  std::vector<double> logits;
  std::vector<bool> positive;
  for (const Labelled& row : batch) {
    if (!AllFinite(row.x)) continue;
    std::vector<double>& z = standardised.emplace_back(row.x.size());
    scaler_.Standardise(row.x, absl::MakeSpan(z));
    logits.push_back(std::inner_product(z.begin(), z.end(), weights_.begin(), 0.0));
    positive.push_back(row.positive);
  }
  const double level = LevelOf(logits, positive);
  for (size_t i = 0; i < standardised.size(); ++i) {
    ftrl_.LearnAround(standardised[i], level, positive[i]);
  }
  const double rows = static_cast<double>(standardised.size());
  const double told = rows / (rows + kHalfTold);
  level_sum_ = level_sum_ * options_.keep_level + told * level;
  level_weight_ = level_weight_ * options_.keep_level + told;
  TakeWeights();
}

double OnlineClassifier::LevelOf(const std::vector<double>& logits,
                                 const std::vector<bool>& positive) const {
  const double mean = MeanLevel();
  double level = mean;
  for (int i = 0; i < 20; ++i) {  // Newton's steps
    double slope = (mean - level) / kLevelVariance;
    double curvature = 1 / kLevelVariance;
    for (size_t row = 0; row < logits.size(); ++row) {
      const double p = Logistic(logits[row] + level);
      slope += (positive[row] ? 1.0 : 0.0) - p;
      curvature += p * (1 - p);
    }
    const double step = std::clamp(slope / curvature, -2.0, 2.0);
    level += step;
    if (std::abs(step) < 1e-9) break;
  }
  return level;
}

void OnlineClassifier::TakeWeights() {
  weights_.resize(ftrl_.dims());
  for (size_t i = 0; i < weights_.size(); ++i) weights_[i] = ftrl_.Weight(i);
}

double OnlineClassifier::Raw(absl::Span<const double> x) const {
  std::vector<double> z(x.size());
  scaler_.Standardise(x, absl::MakeSpan(z));
  double logit = MeanLevel();
  for (size_t i = 0; i < z.size(); ++i) logit += weights_[i] * z[i];
  return Logistic(logit);
}

double OnlineClassifier::Predict(absl::Span<const double> x) const { return curve_(Raw(x)); }

std::vector<double> OnlineClassifier::Contributions(absl::Span<const double> x) const {
  std::vector<double> z(x.size());
  scaler_.Standardise(x, absl::MakeSpan(z));
  for (size_t i = 0; i < z.size(); ++i) z[i] *= weights_[i];
  return z;
}

void OnlineClassifier::Append(std::string* out) const {
  base::ByteWriter writer(out);
  writer.U8(kFormat);
  writer.F64(level_sum_);
  writer.F64(level_weight_);
  std::string part;
  const auto put = [&](const auto& from) {
    part.clear();
    from.Append(&part);
    writer.Bytes(part);
  };
  put(moments_);
  put(ftrl_);
  put(raw_);
  put(calibrated_);
}

absl::StatusOr<OnlineClassifier> OnlineClassifier::Parse(absl::string_view bytes, size_t dims,
                                                         ClassifierOptions options) {
  base::ByteReader reader(bytes);
  if (reader.U8() != kFormat) return absl::InvalidArgumentError("classifier: unknown format");
  OnlineClassifier result(dims, options);
  result.level_sum_ = reader.F64();
  result.level_weight_ = reader.F64();
  const absl::string_view moments = reader.Bytes();
  const absl::string_view ftrl = reader.Bytes();
  const absl::string_view raw = reader.Bytes();
  const absl::string_view calibrated = reader.Bytes();
  if (!reader.Done() || !std::isfinite(result.level_sum_) || !std::isfinite(result.level_weight_) ||
      result.level_weight_ < 0) {
    return absl::InvalidArgumentError("classifier: bad length or value");
  }
  KINDRED_ASSIGN_OR_RETURN(result.moments_, Moments::Parse(moments, dims));
  KINDRED_ASSIGN_OR_RETURN(result.ftrl_, Ftrl::Parse(ftrl, dims, options.ftrl));
  KINDRED_ASSIGN_OR_RETURN(result.raw_, Calibration::Parse(raw));
  KINDRED_ASSIGN_OR_RETURN(result.calibrated_, Calibration::Parse(calibrated));
  result.scaler_ = Scaler::FromMoments(result.moments_);
  result.curve_ = result.raw_.MakeCurve();
  result.TakeWeights();
  return result;
}

}  // namespace kindred::learn
