// Gamma-Gamma: what a customer spends per purchase, between the own mean and the population's.
// Source: Fader, Hardie: The Gamma-Gamma Model of Monetary Value (note, 2013), equations 1a and 5.
#ifndef KINDRED_LEARN_GAMMA_GAMMA_H_
#define KINDRED_LEARN_GAMMA_GAMMA_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace kindred::learn {

// `x` > 0 purchases of mean amount `mean` > 0.
struct SpendHistory {
  double x = 0;
  double mean = 0;
};

// Amounts of a customer are gamma(p, nu), nu is gamma(q, v) over customers.
struct GammaGammaParameters {
  double p = 0;
  double q = 0;
  double v = 0;
};

double GammaGammaLogLikelihood(const GammaGammaParameters& parameters,
                               absl::Span<const SpendHistory> histories);

// Maximum likelihood. Holds where spend does not depend on frequency. InvalidArgument: a history
// breaks the rules above, or there are fewer than three.
absl::StatusOr<GammaGammaParameters> FitGammaGamma(absl::Span<const SpendHistory> histories);

// Expected amount of a future purchase: w mean + (1 - w) p v / (q - 1) with w = p x / (p x + q -
// 1). x = 0 gives the population's mean, p v / (q - 1). Where q <= 1 (the population's mean does
// not exist) and x = 0 it gives 0.
double ExpectedSpend(const GammaGammaParameters& parameters, const SpendHistory& history);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_GAMMA_GAMMA_H_
