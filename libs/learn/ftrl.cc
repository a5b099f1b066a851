#include "learn/ftrl.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "base/bytes.h"
#include "base/check.h"

namespace kindred::learn {
namespace {

constexpr uint8_t kFormat = 1;
// Beyond this the probability no longer differs from 0 or 1 in a way that matters.
constexpr double kLargestLogit = 35.0;

double Finite(double value) { return std::isfinite(value) ? value : 0.0; }

double Logistic(double logit) {
  return 1.0 / (1.0 + std::exp(-std::clamp(logit, -kLargestLogit, kLargestLogit)));
}

}  // namespace

double Ftrl::WeightAt(size_t i, double l1, double l2) const {
  if (std::abs(z_[i]) <= l1) return 0.0;
  const double beyond = z_[i] - std::copysign(l1, z_[i]);
  return -beyond / ((options_.beta + std::sqrt(n_[i])) / options_.alpha + l2);
}

double Ftrl::Predict(absl::Span<const double> x) const {
  KINDRED_CHECK(x.size() == dims()) << "vector of " << x.size() << " values";
  double logit = Bias();
  for (size_t i = 0; i < x.size(); ++i) logit += Weight(i) * Finite(x[i]);
  return Logistic(logit);
}

void Ftrl::Descend(size_t i, double gradient, double weight) {
  const double squares = n_[i] + gradient * gradient;
  if (gradient == 0.0 || !std::isfinite(squares)) return;
  const double sigma = (std::sqrt(squares) - std::sqrt(n_[i])) / options_.alpha;
  z_[i] += gradient - sigma * weight;
  n_[i] = squares;
}

double Ftrl::Learn(absl::Span<const double> x, bool positive, double weight) {
  const double predicted = Predict(x);
  const double error = weight * (predicted - (positive ? 1.0 : 0.0));
  for (size_t i = 0; i < x.size(); ++i) Descend(i, error * Finite(x[i]), Weight(i));
  Descend(dims(), error, Bias());
  ++count_;
  return predicted;
}

void Ftrl::LearnAround(absl::Span<const double> x, double level, bool positive) {
  KINDRED_CHECK(x.size() == dims()) << "vector of " << x.size() << " values";
  double logit = level;
  for (size_t i = 0; i < x.size(); ++i) logit += Weight(i) * Finite(x[i]);
  const double error = Logistic(logit) - (positive ? 1.0 : 0.0);
  for (size_t i = 0; i < x.size(); ++i) Descend(i, error * Finite(x[i]), Weight(i));
  ++count_;
}

void Ftrl::Append(std::string* out) const {
  base::ByteWriter writer(out);
  writer.U8(kFormat);
  writer.Varint(dims());
  writer.Varint(count_);
  for (double value : n_) writer.F64(value);
  for (double value : z_) writer.F64(value);
}

absl::StatusOr<Ftrl> Ftrl::Parse(absl::string_view bytes, size_t dims, FtrlOptions options) {
  base::ByteReader reader(bytes);
  if (reader.U8() != kFormat || reader.Varint() != dims) {
    return absl::InvalidArgumentError("ftrl: unknown format or other dimensions");
  }
  Ftrl result(dims, options);
  result.count_ = reader.Varint();
  bool sound = true;
  for (double& value : result.n_) {
    value = reader.F64();
    sound = sound && std::isfinite(value) && value >= 0;
  }
  for (double& value : result.z_) {
    value = reader.F64();
    sound = sound && std::isfinite(value);
  }
  if (!reader.Done() || !sound) {
    return absl::InvalidArgumentError("ftrl: bad length or value");
  }
  return result;
}

}  // namespace kindred::learn
