// What a customer's next purchase will amount to, foretold from how often and for how much the
// customer has bought: log(next amount) = a + b log(frequency) + c log(total), by least squares.
//
// The logarithm, because amounts are heavy-tailed and a customer's own mean (total / frequency) is
// then a linear function: b = -1, c = 1. So the answer is the typical (median) amount: half of such
// purchases are larger.
#ifndef KINDRED_CLI_NEXT_AMOUNT_H_
#define KINDRED_CLI_NEXT_AMOUNT_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/customer_table.h"
#include "learn/linear_regression.h"

namespace kindred::cli {

struct NextAmountModel {
  learn::LinearModel regression;         // of the logarithms: intercept, b, c
  double low_ratio = 1, high_ratio = 1;  // 80 % of amounts lie between these times the answer
  double mean_ratio = 1;                 // the mean amount over the answer
  size_t purchases = 0;                  // learned from: all but each customer's first
  // Mean absolute error on the newest fifth of the purchases, learned from the others alone.
  size_t judged = 0;
  double error = 0;
  double own_mean_error = 0;         // of the customer's mean so far
  double population_mean_error = 0;  // of the mean of all purchases before

  // Both above 0.
  double Predict(double frequency, double total) const;
};

// InvalidArgument: fewer than 20 purchases that follow another one.
absl::StatusOr<NextAmountModel> LearnNextAmount(
    const std::vector<std::vector<PurchaseOccasion>>& customers);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_NEXT_AMOUNT_H_
