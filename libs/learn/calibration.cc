#include "learn/calibration.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "base/bytes.h"
#include "base/check.h"

namespace kindred::learn {
namespace {

constexpr uint8_t kFormat = 1;
constexpr double kRange = 6.0;  // log-odds
// Observations that the predictions themselves count for, in each bin.
constexpr double kTrust = 4.0;

size_t BinOf(double predicted) {
  const double p = std::clamp(predicted, 1e-6, 1 - 1e-6);
  const double logit = std::clamp(std::log(p / (1 - p)), -kRange, kRange);
  const double place = (logit + kRange) / (2 * kRange) * static_cast<double>(Calibration::kBins);
  return std::min(Calibration::kBins - 1, static_cast<size_t>(place));
}

}  // namespace

void Calibration::Add(double predicted, bool positive, double weight) {
  if (!(predicted >= 0 && predicted <= 1) || !(weight > 0) || !std::isfinite(weight)) return;
  Bin& bin = bins_[BinOf(predicted)];
  bin.weight += weight;
  bin.predicted += weight * predicted;
  if (positive) bin.positives += weight;
  const double error = predicted - (positive ? 1.0 : 0.0);
  squared_ += weight * error * error;
}

void Calibration::Forget(double keep) {
  for (Bin& bin : bins_) {
    bin.weight *= keep;
    bin.positives *= keep;
    bin.predicted *= keep;
  }
  squared_ *= keep;
}

double Calibration::weight() const {
  double sum = 0;
  for (const Bin& bin : bins_) sum += bin.weight;
  return sum;
}

double Calibration::positives() const {
  double sum = 0;
  for (const Bin& bin : bins_) sum += bin.positives;
  return sum;
}

double Calibration::Auc() const {
  double negatives_below = 0;
  double area = 0;
  double positives = 0;
  for (const Bin& bin : bins_) {
    const double negatives = bin.weight - bin.positives;
    area += bin.positives * (negatives_below + 0.5 * negatives);
    negatives_below += negatives;
    positives += bin.positives;
  }
  const double pairs = positives * negatives_below;
  return pairs > 0 ? area / pairs : 0.5;
}

Calibration::Curve Calibration::MakeCurve() const {
  struct Block {
    double weight;
    double outcome;    // sum
    double predicted;  // sum
  };
  std::vector<Block> blocks;
  for (const Bin& bin : bins_) {
    if (!(bin.weight > 0)) continue;
    const double mean = bin.predicted / bin.weight;
    blocks.push_back(
        {bin.weight + kTrust, bin.positives + kTrust * mean, bin.predicted + kTrust * mean});
    while (blocks.size() > 1) {
      const Block& last = blocks.back();
      Block& before = blocks[blocks.size() - 2];
      if (before.outcome * last.weight <= last.outcome * before.weight) break;
      before.weight += last.weight;
      before.outcome += last.outcome;
      before.predicted += last.predicted;
      blocks.pop_back();
    }
  }
  Curve curve;
  if (blocks.empty()) return curve;
  curve.from_.push_back(0);
  curve.to_.push_back(0);
  for (const Block& block : blocks) {
    const double from = block.predicted / block.weight;
    if (!(from > curve.from_.back() && from < 1)) continue;
    curve.from_.push_back(from);
    curve.to_.push_back(std::clamp(block.outcome / block.weight, 0.0, 1.0));
  }
  curve.from_.push_back(1);
  curve.to_.push_back(1);
  return curve;
}

double Calibration::Curve::operator()(double predicted) const {
  const double p = predicted >= 0 && predicted <= 1 ? predicted : 0.5;
  if (from_.empty()) return p;
  size_t above =
      static_cast<size_t>(std::upper_bound(from_.begin(), from_.end(), p) - from_.begin());
  above = std::clamp<size_t>(above, 1, from_.size() - 1);
  const double width = from_[above] - from_[above - 1];
  const double part = width > 0 ? (p - from_[above - 1]) / width : 0.0;
  return to_[above - 1] + part * (to_[above] - to_[above - 1]);
}

void Calibration::Append(std::string* out) const {
  base::ByteWriter writer(out);
  writer.U8(kFormat);
  writer.F64(squared_);
  for (const Bin& bin : bins_) {
    writer.F64(bin.weight);
    writer.F64(bin.positives);
    writer.F64(bin.predicted);
  }
}

absl::StatusOr<Calibration> Calibration::Parse(absl::string_view bytes) {
  base::ByteReader reader(bytes);
  if (reader.U8() != kFormat) return absl::InvalidArgumentError("calibration: unknown format");
  Calibration result;
  result.squared_ = reader.F64();
  bool sound = std::isfinite(result.squared_) && result.squared_ >= 0;
  for (Bin& bin : result.bins_) {
    bin.weight = reader.F64();
    bin.positives = reader.F64();
    bin.predicted = reader.F64();
    // Rounding may put a sum slightly beyond the weight.
    const double most = bin.weight * (1 + 1e-9);
    sound = sound && std::isfinite(bin.weight) && bin.weight >= 0 && bin.positives >= 0 &&
            bin.positives <= most && bin.predicted >= 0 && bin.predicted <= most;
  }
  if (!reader.Done() || !sound) {
    return absl::InvalidArgumentError("calibration: bad length or value");
  }
  return result;
}

double AreaUnderCurve(absl::Span<const double> scores, absl::Span<const uint8_t> positive) {
  KINDRED_CHECK(scores.size() == positive.size()) << positive.size() << " outcomes";
  std::vector<size_t> order(scores.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&scores](size_t a, size_t b) { return scores[a] < scores[b]; });
  double negatives_below = 0;
  double positives = 0;
  double area = 0;
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    double tied_positives = 0;
    for (; end < order.size() && scores[order[end]] == scores[order[begin]]; ++end) {
      if (positive[order[end]] != 0) ++tied_positives;
    }
    const double tied_negatives = static_cast<double>(end - begin) - tied_positives;
    area += tied_positives * (negatives_below + 0.5 * tied_negatives);
    negatives_below += tied_negatives;
    positives += tied_positives;
    begin = end;
  }
  const double pairs = positives * negatives_below;
  return pairs > 0 ? area / pairs : 0.5;
}

}  // namespace kindred::learn
