// BG/NBD: how often customers without a contract will buy again, and whether they still do.
// Source: Fader, Hardie, Lee: "Counting Your Customers" the Easy Way, Marketing Science 24 (2005);
// conditional expectation in the form of Hardie's note on it (2F1 by Euler's transformation, DLMF
// 15.8.1, which keeps the series short and finite for long horizons).
#ifndef KINDRED_LEARN_BGNBD_H_
#define KINDRED_LEARN_BGNBD_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace kindred::learn {

// What is known of one buyer, or of `count` buyers alike. Any unit of time, the same everywhere;
// parameters come in that unit (the literature uses weeks).
struct RepeatHistory {
  double x = 0;    // repeat purchases: purchase times after the first
  double t_x = 0;  // first to last purchase; 0 when x = 0
  double T = 0;    // first purchase to now; t_x <= T
  double count = 1;
};

// Purchase rates are gamma(r, alpha), the chance to stop after a purchase is beta(a, b).
struct BgNbdParameters {
  double r = 0;
  double alpha = 0;
  double a = 0;
  double b = 0;
};

struct BgNbdFit {
  BgNbdParameters parameters;
  double log_likelihood = 0;
};

// Joins equal histories, so that a fit costs what the distinct ones cost. Order: by x, t_x, T.
std::vector<RepeatHistory> GroupHistories(std::vector<RepeatHistory> histories);

// Sum over all buyers.
double BgNbdLogLikelihood(const BgNbdParameters& parameters,
                          absl::Span<const RepeatHistory> histories);

// Maximum likelihood. InvalidArgument: a history breaks the rules above, or nobody bought again.
absl::StatusOr<BgNbdFit> FitBgNbd(absl::Span<const RepeatHistory> histories);

// Expected purchases within `t` from now; t >= 0.
double ExpectedPurchases(const BgNbdParameters& parameters, const RepeatHistory& history, double t);

// Probability that the buyer will buy at all any more. 1 for every buyer with x = 0, by the model's
// definition: rank churn by ExpectedPurchases(), or show this for x >= 1 only.
double ProbabilityAlive(const BgNbdParameters& parameters, const RepeatHistory& history);

// Gauss' 2F1(a, b; c; z) by series in z or 1 - z, for 0 <= z < 1 and c not 0, -1, -2 …; to about
// ten digits.
double Hypergeometric2F1(double a, double b, double c, double z);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_BGNBD_H_
