// ARIMA(p,d,q) of small order: phi(B) ((1 - B)^d y - mu) = theta(B) e with
// phi(B) = 1 - phi_1 B - …, theta(B) = 1 + theta_1 B + ….
// Sources: Box, Jenkins: Time Series Analysis (1970), conditional sum of squares; stationary and
// invertible parameters through partial autocorrelations: Jones, Technometrics 22 (1980); d by
// repeated KPSS tests as in Hyndman, Khandakar, J. Statistical Software 27 (2008).
#ifndef KINDRED_LEARN_ARIMA_H_
#define KINDRED_LEARN_ARIMA_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "learn/series_model.h"

namespace kindred::learn {

struct ArimaOrder {
  size_t p = 0;
  size_t d = 0;
  size_t q = 0;
  bool constant = true;  // mu is fitted, else 0
};

struct ArimaFit {
  ArimaOrder order;
  double mu = 0;
  std::vector<double> phi;
  std::vector<double> theta;
  double aicc = 0;
  SeriesModel model;
};

// How the parameters are found. kSquares: conditional least squares, about a fifth of the time;
// kLikelihood: from there on exact maximum likelihood, from several starts.
enum class ArimaFitting { kSquares, kLikelihood };

// Fits one order. `series` holds finite values, oldest first. InvalidArgument: p, q > 5 or d > 2,
// fewer than p + q + d + 5 values, or a value that is not finite.
absl::StatusOr<ArimaFit> FitArima(absl::Span<const double> series, ArimaOrder order, size_t horizon,
                                  ArimaFitting fitting = ArimaFitting::kLikelihood);

// The order with the least AICc among p, q <= max_order with p + q <= 4, with and without constant
// (d = 2: without), all judged by conditional least squares on the same values. InvalidArgument as
// above, for 12 values or fewer.
absl::StatusOr<ArimaOrder> ChooseArimaOrder(absl::Span<const double> series, size_t max_order = 3);

// How often to difference until a KPSS test at 5 % no longer rejects stationarity; 0 to 2.
size_t Differences(absl::Span<const double> series);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_ARIMA_H_
