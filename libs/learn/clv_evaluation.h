// How well BG/NBD and Gamma-Gamma, fitted on the first part of a purchase log, predict the rest.
#ifndef KINDRED_LEARN_CLV_EVALUATION_H_
#define KINDRED_LEARN_CLV_EVALUATION_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "learn/bgnbd.h"
#include "learn/gamma_gamma.h"

namespace kindred::learn {

struct Transaction {
  uint32_t customer = 0;  // any number that stands for one customer
  int64_t day = 0;        // days since some fixed day
  double amount = 0;
};

struct ClvEvaluation {
  BgNbdParameters bgnbd;  // in weeks
  GammaGammaParameters gamma_gamma;
  bool has_gamma_gamma = false;  // false: too few repeat buyers with an amount
  double log_likelihood = 0;     // of BG/NBD on the calibration part
  uint64_t customers = 0;        // with a purchase in the calibration part
  uint64_t repeat_customers = 0;
  // Purchases per customer in the holdout part, predicted against actual.
  double holdout_purchases = 0;    // actual, all customers
  double holdout_correlation = 0;  // 0 when either side is constant
  double holdout_rmse = 0;
  double holdout_mae = 0;
  double holdout_total_ratio = 0;  // predicted / actual; 0 when there is no actual purchase
};

// Calibration: days up to and including `calibration_end`; holdout: days after it, up to and
// including `holdout_end`. Purchases of a customer on one day count as one, with the sum of the
// amounts. A customer's T runs from the first purchase to calibration_end; customers who first buy
// later are left out. Amounts of repeat purchases feed Gamma-Gamma where their mean is above zero.
// InvalidArgument: the end of the holdout is not after the calibration, or nobody bought again.
absl::StatusOr<ClvEvaluation> EvaluateClv(std::vector<Transaction> transactions,
                                          int64_t calibration_end, int64_t holdout_end);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_CLV_EVALUATION_H_
