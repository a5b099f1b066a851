// How likely a series is under an autoregression with a moving average, exactly: the first values
// count as what a stationary process would say of them, not as given.
// Sources: the state-space form of Harvey, Phillips, Biometrika 66 (1979); the filter as in
// Gardner, Harvey, Phillips, Applied Statistics 29 (1980), AS 154; the first covariance by
// doubling.
#ifndef KINDRED_LEARN_ARMA_LIKELIHOOD_H_
#define KINDRED_LEARN_ARMA_LIKELIHOOD_H_

#include <array>
#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace kindred::learn {

inline constexpr size_t kMostArmaLags = 5;
inline constexpr size_t kMostArmaStates = kMostArmaLags + 1;

// What the filter knows after the last value: the mean of what follows. Advance() goes on a step.
struct ArmaState {
  std::array<double, kMostArmaStates> at{};

  double next() const { return at[0]; }
  // As if the next value were exactly the one expected.
  void Advance(absl::Span<const double> phi);
};

struct ArmaFilter {
  double squares = 0;  // sum of squared one-step errors, each over its variance factor
  // Sum of the logarithms of these factors (1: the variance of the noise): minus twice the
  // logarithm of the likelihood, with the best variance of the noise put in, is
  // n log(squares / n) + log_factors and what depends on n alone.
  double log_factors = 0;
  ArmaState state;
};

// `values`: w_t = phi_1 w_(t-1) + … + e_t + theta_1 e_(t-1) + …, mean 0. `phi` must be stationary;
// at most kMostArmaLags of each. If `errors` is not null it gets one error for each value, over the
// root of its factor, so that all have the variance of the noise.
ArmaFilter FilterArma(absl::Span<const double> phi, absl::Span<const double> theta,
                      absl::Span<const double> values, std::vector<double>* errors = nullptr);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_ARMA_LIKELIHOOD_H_
