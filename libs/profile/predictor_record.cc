// Predictor to and from the bytes that a store keeps.
#include <cmath>

#include "absl/status/status.h"
#include "base/bytes.h"
#include "base/status_macros.h"
#include "profile/predictor.h"

namespace kindred::profile {
namespace {

constexpr uint8_t kFormat = 1;
constexpr double kAmountRidge = 0.01;

}  // namespace

void Predictor::Append(std::string* out) const {
  base::ByteWriter writer(out);
  writer.U8(kFormat);
  writer.Varint(static_cast<uint64_t>(options_.churn_days));
  writer.Varint(version_);
  writer.Varint(static_cast<uint64_t>(learned_until_ms_));
  writer.Varint(cursors_.size());
  for (const auto& [partition, cursors] : cursors_) {
    writer.Varint(static_cast<uint64_t>(partition));
    for (int64_t cursor : cursors) writer.Varint(static_cast<uint64_t>(cursor));
  }
  std::string part;
  for (const learn::OnlineClassifier& classifier : classifiers_) {
    part.clear();
    classifier.Append(&part);
    writer.Bytes(part);
  }
  part.clear();
  amounts_.Append(&part);
  writer.Bytes(part);
  for (double value :
       {amount_errors_.weight, amount_errors_.model, amount_errors_.own_mean,
        amount_errors_.population, amount_errors_.seen, amount_errors_.sum, bgnbd_.r, bgnbd_.alpha,
        bgnbd_.a, bgnbd_.b, gamma_gamma_.p, gamma_gamma_.q, gamma_gamma_.v, fitted_on_}) {
    writer.F64(value);
  }
}

absl::StatusOr<Predictor> Predictor::Parse(absl::string_view bytes, PredictorOptions options) {
  base::ByteReader reader(bytes);
  if (reader.U8() != kFormat) return absl::InvalidArgumentError("predictor: unknown format");
  Predictor result(options);
  if (reader.Varint() != static_cast<uint64_t>(result.options_.churn_days)) {
    return absl::InvalidArgumentError("predictor: made for another horizon of churn");
  }
  bool sound = true;
  const auto read_positive = [&] {
    const uint64_t value = reader.Varint();
    sound = sound && value <= static_cast<uint64_t>(INT64_MAX);
    return static_cast<int64_t>(value);
  };
  result.version_ = reader.Varint();
  result.learned_until_ms_ = read_positive();
  const size_t partitions = reader.Count(1 + kHeads);
  for (size_t i = 0; i < partitions && sound && reader.ok(); ++i) {
    const int64_t partition = read_positive();
    Cursors cursors;
    for (int64_t& cursor : cursors) cursor = read_positive();
    sound = sound && partition <= INT32_MAX &&
            (result.cursors_.empty() || partition > result.cursors_.rbegin()->first);
    result.cursors_[static_cast<int32_t>(partition)] = cursors;
  }
  for (size_t head = 0; head < kClassifiers && reader.ok(); ++head) {
    const bool category = head == kCategory7 || head == kCategory30;
    KINDRED_ASSIGN_OR_RETURN(
        result.classifiers_[head],
        learn::OnlineClassifier::Parse(
            reader.Bytes(), kInputCount + (category ? kCategoryInputs : 0), options.classifier));
  }
  KINDRED_ASSIGN_OR_RETURN(result.amounts_,
                           learn::LinearRegression::Parse(reader.Bytes(), kInputCount));
  for (double* value :
       {&result.amount_errors_.weight, &result.amount_errors_.model,
        &result.amount_errors_.own_mean, &result.amount_errors_.population,
        &result.amount_errors_.seen, &result.amount_errors_.sum, &result.bgnbd_.r,
        &result.bgnbd_.alpha, &result.bgnbd_.a, &result.bgnbd_.b, &result.gamma_gamma_.p,
        &result.gamma_gamma_.q, &result.gamma_gamma_.v, &result.fitted_on_}) {
    *value = reader.F64();
    sound = sound && std::isfinite(*value) && *value >= 0;
  }
  const learn::BgNbdParameters& bgnbd = result.bgnbd_;
  const bool none = bgnbd.r == 0 && bgnbd.alpha == 0 && bgnbd.a == 0 && bgnbd.b == 0;
  sound = sound && (none || (bgnbd.r > 0 && bgnbd.alpha > 0 && bgnbd.a > 0 && bgnbd.b > 0));
  if (!reader.Done() || !sound) {
    return absl::InvalidArgumentError("predictor: bad length or value");
  }
  if (result.amounts_.weight() > 0) result.amount_model_ = result.amounts_.Solve(kAmountRidge);
  return result;
}

}  // namespace kindred::profile
