#include "learn/online_classifier.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace kindred::learn {
namespace {

constexpr uint8_t kFormat = 1;
constexpr double kLargestLogit = 35.0;

bool AllFinite(absl::Span<const double> x) {
  return std::all_of(x.begin(), x.end(), [](double v) { return std::isfinite(v); });
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
  std::vector<double> z(moments_.dims());
  for (const Labelled& row : batch) {
    if (!AllFinite(row.x)) continue;
    scaler_.Standardise(row.x, absl::MakeSpan(z));
    ftrl_.Learn(z, row.positive);
  }
  TakeWeights();
}

void OnlineClassifier::TakeWeights() {
  weights_.resize(ftrl_.dims());
  for (size_t i = 0; i < weights_.size(); ++i) weights_[i] = ftrl_.Weight(i);
  bias_ = ftrl_.Bias();
}

double OnlineClassifier::Raw(absl::Span<const double> x) const {
  std::vector<double> z(x.size());
  scaler_.Standardise(x, absl::MakeSpan(z));
  double logit = bias_;
  for (size_t i = 0; i < z.size(); ++i) logit += weights_[i] * z[i];
  return 1.0 / (1.0 + std::exp(-std::clamp(logit, -kLargestLogit, kLargestLogit)));
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
  const absl::string_view moments = reader.Bytes();
  const absl::string_view ftrl = reader.Bytes();
  const absl::string_view raw = reader.Bytes();
  const absl::string_view calibrated = reader.Bytes();
  if (!reader.Done()) return absl::InvalidArgumentError("classifier: bad length");
  OnlineClassifier result(dims, options);
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
