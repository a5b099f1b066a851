#include "learn/clv_evaluation.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "base/status_macros.h"

namespace kindred::learn {
namespace {

constexpr double kDaysPerWeek = 7.0;

struct Buyer {
  RepeatHistory history;
  double repeat_amount = 0;
  double holdout = 0;  // purchases
};

// `transactions` sorted by customer and day.
std::vector<Buyer> Summarise(absl::Span<const Transaction> transactions, int64_t calibration_end,
                             int64_t holdout_end) {
  std::vector<Buyer> buyers;
  for (size_t i = 0; i < transactions.size();) {
    const uint32_t customer = transactions[i].customer;
    const int64_t first = transactions[i].day;
    Buyer buyer;
    int64_t last_day = first;
    for (; i < transactions.size() && transactions[i].customer == customer; ++i) {
      const Transaction& t = transactions[i];
      const bool new_day = t.day != last_day;
      last_day = t.day;
      if (t.day <= calibration_end) {
        buyer.history.x += new_day ? 1 : 0;
        buyer.history.t_x = static_cast<double>(t.day - first) / kDaysPerWeek;
        if (t.day != first) buyer.repeat_amount += t.amount;
      } else if (t.day <= holdout_end) {
        buyer.holdout += new_day ? 1 : 0;
      }
    }
    if (first > calibration_end) continue;
    buyer.history.T = static_cast<double>(calibration_end - first) / kDaysPerWeek;
    buyers.push_back(buyer);
  }
  return buyers;
}

void CompareHoldout(absl::Span<const Buyer> buyers, double weeks, ClvEvaluation* result) {
  const double n = static_cast<double>(buyers.size());
  double sum_p = 0, sum_a = 0, sum_pp = 0, sum_aa = 0, sum_pa = 0, absolute = 0, squared = 0;
  for (const Buyer& buyer : buyers) {
    const double p = ExpectedPurchases(result->bgnbd, buyer.history, weeks);
    const double a = buyer.holdout;
    sum_p += p;
    sum_a += a;
    sum_pp += p * p;
    sum_aa += a * a;
    sum_pa += p * a;
    absolute += std::abs(p - a);
    squared += (p - a) * (p - a);
  }
  const double variances = (sum_pp - sum_p * sum_p / n) * (sum_aa - sum_a * sum_a / n);
  result->holdout_purchases = sum_a;
  result->holdout_correlation =
      variances > 0 ? (sum_pa - sum_p * sum_a / n) / std::sqrt(variances) : 0.0;
  result->holdout_rmse = std::sqrt(squared / n);
  result->holdout_mae = absolute / n;
  result->holdout_total_ratio = sum_a > 0 ? sum_p / sum_a : 0.0;
}

}  // namespace

absl::StatusOr<ClvEvaluation> EvaluateClv(std::vector<Transaction> transactions,
                                          int64_t calibration_end, int64_t holdout_end) {
  if (holdout_end <= calibration_end) {
    return absl::InvalidArgumentError("the holdout must end after the calibration");
  }
  std::stable_sort(transactions.begin(), transactions.end(), [](const auto& a, const auto& b) {
    return std::tie(a.customer, a.day) < std::tie(b.customer, b.day);
  });
  const std::vector<Buyer> buyers = Summarise(transactions, calibration_end, holdout_end);
  std::vector<RepeatHistory> histories;
  std::vector<SpendHistory> spends;
  ClvEvaluation result;
  result.customers = buyers.size();
  for (const Buyer& buyer : buyers) {
    histories.push_back(buyer.history);
    if (buyer.history.x <= 0) continue;
    ++result.repeat_customers;
    const double mean = buyer.repeat_amount / buyer.history.x;
    if (mean > 0 && std::isfinite(mean)) spends.push_back({buyer.history.x, mean});
  }
  KINDRED_ASSIGN_OR_RETURN(const BgNbdFit fit, FitBgNbd(GroupHistories(std::move(histories))));
  result.bgnbd = fit.parameters;
  result.log_likelihood = fit.log_likelihood;
  if (const auto spend = FitGammaGamma(spends); spend.ok()) {
    result.gamma_gamma = *spend;
    result.has_gamma_gamma = true;
  }
  CompareHoldout(buyers, static_cast<double>(holdout_end - calibration_end) / kDaysPerWeek,
                 &result);
  return result;
}

}  // namespace kindred::learn
