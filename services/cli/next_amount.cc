#include "cli/next_amount.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace kindred::cli {
namespace {

constexpr size_t kFewest = 20;

// One purchase, and what was known before it.
struct Observation {
  int64_t time_ms;
  double frequency;
  double total;
  double amount;
};

learn::LinearModel Fit(const std::vector<Observation>& observations) {
  learn::LinearRegression regression(2);
  for (const Observation& o : observations) {
    regression.Add(std::array<double, 2>{std::log(o.frequency), std::log(o.total)},
                   std::log(o.amount));
  }
  return regression.Solve();
}

double PredictBy(const learn::LinearModel& model, double frequency, double total) {
  return std::exp(model.Predict(std::array<double, 2>{std::log(frequency), std::log(total)}));
}

// How well the last fifth is foretold from what came before.
void Judge(const std::vector<Observation>& observations, NextAmountModel* result) {
  const size_t split = observations.size() * 4 / 5;
  const std::vector<Observation> before(observations.begin(),
                                        observations.begin() + static_cast<ptrdiff_t>(split));
  const learn::LinearModel model = Fit(before);
  double mean = 0;
  for (const Observation& o : before) mean += o.amount / static_cast<double>(before.size());
  result->judged = observations.size() - split;
  for (size_t i = split; i < observations.size(); ++i) {
    const Observation& o = observations[i];
    const double share = 1 / static_cast<double>(result->judged);
    result->error += std::abs(o.amount - PredictBy(model, o.frequency, o.total)) * share;
    result->own_mean_error += std::abs(o.amount - o.total / o.frequency) * share;
    result->population_mean_error += std::abs(o.amount - mean) * share;
  }
}

}  // namespace

double NextAmountModel::Predict(double frequency, double total) const {
  return PredictBy(regression, frequency, total);
}

absl::StatusOr<NextAmountModel> LearnNextAmount(
    const std::vector<std::vector<PurchaseOccasion>>& customers) {
  std::vector<Observation> observations;
  for (const std::vector<PurchaseOccasion>& occasions : customers) {
    double total = 0;
    for (size_t i = 0; i < occasions.size(); ++i) {
      if (i > 0 && occasions[i].amount > 0 && total > 0) {
        observations.push_back(
            {occasions[i].time_ms, static_cast<double>(i), total, occasions[i].amount});
      }
      total += occasions[i].amount;
    }
  }
  if (observations.size() < kFewest) {
    return absl::InvalidArgumentError(
        absl::StrCat("needs ", kFewest, " purchases of customers who bought before, found ",
                     observations.size()));
  }
  std::stable_sort(observations.begin(), observations.end(),
                   [](const auto& a, const auto& b) { return a.time_ms < b.time_ms; });
  NextAmountModel result;
  result.purchases = observations.size();
  Judge(observations, &result);
  result.regression = Fit(observations);
  std::vector<double> ratios;
  for (const Observation& o : observations) {
    ratios.push_back(o.amount / result.Predict(o.frequency, o.total));
  }
  result.mean_ratio =
      std::accumulate(ratios.begin(), ratios.end(), 0.0) / static_cast<double>(ratios.size());
  std::sort(ratios.begin(), ratios.end());
  result.low_ratio = ratios[ratios.size() / 10];
  result.high_ratio = ratios[ratios.size() * 9 / 10];
  return result;
}

}  // namespace kindred::cli
