#include "learn/covariance.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "base/bytes.h"
#include "base/check.h"

namespace kindred::learn {
namespace {

constexpr uint8_t kFormat = 1;

bool AllFinite(absl::Span<const double> x) {
  return std::all_of(x.begin(), x.end(), [](double v) { return std::isfinite(v); });
}

}  // namespace

bool Covariance::Add(absl::Span<const double> x, double weight) {
  KINDRED_CHECK(x.size() == dims()) << "vector of " << x.size() << " values";
  if (!AllFinite(x)) return false;
  const double before = weight_;
  weight_ += weight;
  const double share = weight / weight_;
  for (size_t i = 0; i < x.size(); ++i) {
    delta_[i] = x[i] - mean_[i];
    mean_[i] += delta_[i] * share;
  }
  for (size_t i = 0; i < x.size(); ++i) {
    const double scaled = delta_[i] * before * share;
    for (size_t j = 0; j < x.size(); ++j) m2_(i, j) += scaled * delta_[j];
  }
  return true;
}

void Covariance::Merge(const Covariance& other) {
  KINDRED_CHECK(other.dims() == dims()) << "merge of " << other.dims() << " dimensions";
  if (other.weight_ <= 0) return;
  const double total = weight_ + other.weight_;
  for (size_t i = 0; i < dims(); ++i) delta_[i] = other.mean_[i] - mean_[i];
  const double factor = weight_ * other.weight_ / total;
  for (size_t i = 0; i < dims(); ++i) {
    for (size_t j = 0; j < dims(); ++j) {
      m2_(i, j) += other.m2_(i, j) + factor * delta_[i] * delta_[j];
    }
    mean_[i] += delta_[i] * other.weight_ / total;
  }
  weight_ = total;
}

void Covariance::Forget(double keep) {
  weight_ *= keep;
  for (double& value : m2_.data()) value *= keep;
}

Covariance Covariance::Part(absl::Span<const size_t> which, absl::Span<const double> scale) const {
  KINDRED_CHECK(scale.size() == dims()) << scale.size() << " scales";
  Covariance part(which.size());
  part.weight_ = weight_;
  for (size_t i = 0; i < which.size(); ++i) {
    for (size_t j = 0; j < which.size(); ++j) {
      const double unit = scale[which[i]] * scale[which[j]];
      part.m2_(i, j) = unit > 0 ? m2_(which[i], which[j]) / unit : 0.0;
    }
  }
  return part;
}

void Covariance::Append(std::string* out) const {
  base::ByteWriter writer(out);
  writer.U8(kFormat);
  writer.Varint(dims());
  writer.F64(weight_);
  for (double value : mean_) writer.F64(value);
  for (double value : m2_.data()) writer.F64(value);
}

absl::StatusOr<Covariance> Covariance::Parse(absl::string_view bytes, size_t dims) {
  base::ByteReader reader(bytes);
  if (reader.U8() != kFormat || reader.Varint() != dims) {
    return absl::InvalidArgumentError("covariance: unknown format or other dimensions");
  }
  Covariance result(dims);
  result.weight_ = reader.F64();
  for (double& value : result.mean_) value = reader.F64();
  for (double& value : result.m2_.data()) value = reader.F64();
  if (!reader.Done() || !std::isfinite(result.weight_) || result.weight_ < 0 ||
      !AllFinite(result.mean_) || !AllFinite(result.m2_.data())) {
    return absl::InvalidArgumentError("covariance: bad length or value");
  }
  return result;
}

}  // namespace kindred::learn
