#include "learn/moments.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "base/bytes.h"
#include "base/check.h"

namespace kindred::learn {
namespace {

constexpr uint8_t kFormat = 1;

}  // namespace

bool Moments::Add(absl::Span<const double> x, double weight) {
  KINDRED_CHECK(x.size() == dims()) << "vector of " << x.size() << " values";
  if (!std::all_of(x.begin(), x.end(), [](double v) { return std::isfinite(v); })) return false;
  weight_ += weight;
  const double share = weight / weight_;
  for (size_t i = 0; i < x.size(); ++i) {
    const double delta = x[i] - mean_[i];
    mean_[i] += delta * share;
    m2_[i] += weight * delta * (x[i] - mean_[i]);
  }
  return true;
}

void Moments::Merge(const Moments& other) {
  KINDRED_CHECK(other.dims() == dims()) << "merge of " << other.dims() << " dimensions";
  if (other.weight_ <= 0) return;
  const double total = weight_ + other.weight_;
  for (size_t i = 0; i < mean_.size(); ++i) {
    const double delta = other.mean_[i] - mean_[i];
    mean_[i] += delta * other.weight_ / total;
    m2_[i] += other.m2_[i] + delta * delta * weight_ * other.weight_ / total;
  }
  weight_ = total;
}

void Moments::Forget(double keep) {
  weight_ *= keep;
  for (double& value : m2_) value *= keep;
}

double Moments::Deviation(size_t dim) const {
  const double deviation = std::sqrt(std::max(0.0, Variance(dim)));
  return deviation > 1e-9 * std::max(1.0, std::abs(mean_[dim])) ? deviation : 0.0;
}

void Moments::Append(std::string* out) const {
  base::ByteWriter writer(out);
  writer.U8(kFormat);
  writer.Varint(dims());
  writer.F64(weight_);
  for (double value : mean_) writer.F64(value);
  for (double value : m2_) writer.F64(value);
}

absl::StatusOr<Moments> Moments::Parse(absl::string_view bytes, size_t dims) {
  base::ByteReader reader(bytes);
  if (reader.U8() != kFormat || reader.Varint() != dims) {
    return absl::InvalidArgumentError("moments: unknown format or other dimensions");
  }
  Moments result(dims);
  result.weight_ = reader.F64();
  bool sound = std::isfinite(result.weight_) && result.weight_ >= 0;
  for (double& value : result.mean_) {
    value = reader.F64();
    sound = sound && std::isfinite(value);
  }
  for (double& value : result.m2_) {
    value = reader.F64();
    sound = sound && std::isfinite(value) && value >= 0;
  }
  if (!reader.Done() || !sound) return absl::InvalidArgumentError("moments: bad length or value");
  return result;
}

Scaler Scaler::FromMoments(const Moments& moments) {
  Scaler scaler;
  for (size_t i = 0; i < moments.dims(); ++i) {
    scaler.mean.push_back(moments.Mean(i));
    scaler.deviation.push_back(moments.Deviation(i));
  }
  return scaler;
}

void Scaler::Standardise(absl::Span<const double> raw, absl::Span<double> out) const {
  KINDRED_CHECK(raw.size() == dims() && out.size() == dims()) << "vector of " << raw.size();
  for (size_t i = 0; i < raw.size(); ++i) {
    const double z = deviation[i] > 0 ? (raw[i] - mean[i]) / deviation[i] : 0.0;
    out[i] = std::isfinite(z) ? std::clamp(z, -kClip, kClip) : 0.0;
  }
}

}  // namespace kindred::learn
