#include "recommend/revisits.h"

#include <algorithm>
#include <cmath>

namespace kindred::recommend {
namespace {

double Load(const double& value) {
  return std::atomic_ref<double>(const_cast<double&>(value)).load(std::memory_order_relaxed);
}

void Add(double& sum, double value) {
  std::atomic_ref<double>(sum).store(std::max(0.0, sum + value), std::memory_order_relaxed);
}

void Cap(double& part, double whole) {
  if (part > whole) std::atomic_ref<double>(part).store(whole, std::memory_order_relaxed);
}

}  // namespace

double RevisitSums::RevisitShare(size_t step, double prior) const {
  step = std::clamp<size_t>(step, 1, kSteps);
  const double usual = 0.1 * std::exp(-(static_cast<double>(step) - 1) / 3);
  return (revisited[step] + prior * usual) / (offered[step] + prior);
}

double RevisitSums::ForetoldShare(double prior) const {
  return std::max((foretold + prior * 0.1) / (asked + prior), 0.005);
}

void Revisits::Observe(ItemId item, absl::Span<const Touch> recent, uint32_t strongest,
                       double weight) {
  if (recent.empty()) return;
  Add(sums_.asked, weight);
  if (strongest == item.value()) Add(sums_.foretold, weight);
  const size_t steps = std::min(recent.size(), RevisitSums::kSteps);
  for (size_t i = 0; i < steps; ++i) {
    if (recent[i].kind == Interaction::kPurchase) continue;
    bool newer = false;
    for (size_t j = 0; j < i && !newer; ++j) newer = recent[j].item == recent[i].item;
    if (newer) continue;
    Add(sums_.offered[i + 1], weight);
    if (recent[i].item == item) Add(sums_.revisited[i + 1], weight);
    // Of an observation taken back that was not made.
    if (weight < 0) Cap(sums_.revisited[i + 1], sums_.offered[i + 1]);
  }
  if (weight < 0) Cap(sums_.foretold, sums_.asked);
}

void Revisits::AddTo(RevisitSums* sums) const {
  for (size_t step = 1; step <= RevisitSums::kSteps; ++step) {
    sums->offered[step] += Load(sums_.offered[step]);
    sums->revisited[step] += Load(sums_.revisited[step]);
  }
  sums->asked += Load(sums_.asked);
  sums->foretold += Load(sums_.foretold);
}

void Revisits::Encode(base::ByteWriter* writer, double factor) const {
  for (size_t step = 1; step <= RevisitSums::kSteps; ++step) {
    // Of nothing but rounding, once everything was taken back, more may have been offered than
    // asked.
    const double offered = std::min(sums_.offered[step], sums_.asked);
    writer->F64(offered * factor);
    writer->F64(std::min(sums_.revisited[step], offered) * factor);
  }
  writer->F64(sums_.asked * factor);
  writer->F64(std::min(sums_.foretold, sums_.asked) * factor);
}

bool Revisits::Decode(base::ByteReader* reader, double factor) {
  RevisitSums sums;
  bool good = true;
  const auto read = [&](double* whole, double* part) {
    // Fractions of what was asked, as Encode() was told to make them.
    *whole = reader->F64();
    *part = reader->F64();
    good = good && *whole <= 1 && *part >= 0 && *part <= *whole;
    *whole *= factor;
    *part *= factor;
  };
  for (size_t step = 1; step <= RevisitSums::kSteps; ++step) {
    read(&sums.offered[step], &sums.revisited[step]);
  }
  read(&sums.asked, &sums.foretold);
  if (!good || !reader->ok()) return false;
  sums_ = sums;
  return true;
}

}  // namespace kindred::recommend
