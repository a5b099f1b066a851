// The forecast of an evenly spaced series by whichever method has forecast it best so far.
#ifndef KINDRED_LEARN_FORECAST_H_
#define KINDRED_LEARN_FORECAST_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "learn/series_model.h"

namespace kindred::learn {

struct ForecastOptions {
  size_t horizon = 28;
  size_t season = 7;         // steps of a season; 1: none, as for series below two seasons
  double coverage = 0.8;     // share of future values the interval should hold, 0.5 to 0.99
  size_t folds = 8;          // backtest origins, half a horizon apart
  bool non_negative = true;  // counts and amounts: nothing below 0 is forecast
};

// A method's record in the backtest.
struct BacktestScore {
  std::string method;
  double mase = 0;  // mean absolute error over the folds, see Mase()
};

struct Forecast {
  SeriesModel model;  // the winner, fitted to the whole series; mean is clipped if non_negative
  std::vector<double> lower;
  std::vector<double> upper;
  double mase = 0;                      // of the winner; 0 when the series is too short to backtest
  std::vector<BacktestScore> backtest;  // all methods that could be fitted, best first
};

// Compares seasonal naive, moving average, simple smoothing, Holt, season totals, Holt-Winters,
// ARIMA and ARIMA on the seasonally adjusted series at several past origins, takes the one with the
// least error (the simpler one within one per cent) and forecasts with it. The interval is the
// model's standard error times the factor that would have covered the backtest's errors. Only the
// last 2,000 values are used. Deterministic. InvalidArgument: fewer than 4 values, a value that is
// not finite, or options out of range (horizon 1 to 1,000).
absl::StatusOr<Forecast> ForecastSeries(absl::Span<const double> series,
                                        const ForecastOptions& options);

// Mean absolute scaled error (Hyndman, Koehler, Int. J. Forecasting 22, 2006): mean |actual -
// forecast| over the mean |y_t - y_{t-season}| of the history. Below 1 = better than repeating the
// last season was, on average, one season ahead. Sizes of actual and forecast are equal. 0 over 0
// gives 0; a history without variation gives infinity otherwise.
double Mase(absl::Span<const double> history, size_t season, absl::Span<const double> actual,
            absl::Span<const double> forecast);

// How unusual `value` is among `history`: its distance to the median in robust standard deviations
// (1.4826 x the median absolute deviation; where that is 0, 1.2533 x the mean absolute deviation).
// 0 for an empty history or when nothing varies and value is the same; ±infinity if it is not.
double RobustScore(absl::Span<const double> history, double value);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_FORECAST_H_
