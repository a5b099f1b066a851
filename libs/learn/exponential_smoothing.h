// Forecasts from the recent past: seasonal naive, moving average, and exponential smoothing of the
// level, of level and trend (Holt, damped), and of level, trend and season (Holt-Winters,
// additive). Sources: Holt, ONR memorandum 52 (1957); Winters, Management Science 6 (1960); damped
// trend: Gardner, McKenzie, Management Science 31 (1985); forecast variances: Hyndman, Koehler,
// Ord, Snyder: Forecasting with Exponential Smoothing (2008), table 6.1.
#ifndef KINDRED_LEARN_EXPONENTIAL_SMOOTHING_H_
#define KINDRED_LEARN_EXPONENTIAL_SMOOTHING_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "learn/series_model.h"

namespace kindred::learn {

// All: `series` holds finite values, oldest first; `season` is the steps of a season, 2 or more.
// InvalidArgument when the series is too short or holds a value that is not finite. Smoothing
// parameters are those with the least sum of squared one-step errors. Deterministic.

// The value one season before (season 1: the last value). Needs season + 1 values.
absl::StatusOr<SeriesModel> SeasonalNaive(absl::Span<const double> series, size_t season,
                                          size_t horizon);

// The mean of the last values; the window is the best of 3, 5, 7, 14, 28 and one or two seasons.
// Needs 4 values.
absl::StatusOr<SeriesModel> MovingAverage(absl::Span<const double> series, size_t season,
                                          size_t horizon);

// l = a y + (1 - a) l. Needs 3 values.
absl::StatusOr<SeriesModel> SimpleSmoothing(absl::Span<const double> series, size_t horizon);

// l = a y + (1 - a)(l + phi b); b = B (l - l') + (1 - B) phi b; phi between 0.8 and 1. Needs 5
// values.
absl::StatusOr<SeriesModel> Holt(absl::Span<const double> series, size_t horizon);

// Holt with a season added: s = g (y - l) + (1 - g) s. Needs two seasons and 3 values more.
absl::StatusOr<SeriesModel> HoltWinters(absl::Span<const double> series, size_t season,
                                        size_t horizon);

// Smooths the totals of whole seasons (counted back from the end) and spreads the forecast total by
// the share each position had of the last twelve seasons: a level that is learnt from seven days at
// once is steadier than one that is corrected daily, and a doubled week doubles every day in it.
// For counts and amounts: needs three seasons with a total above zero each.
absl::StatusOr<SeriesModel> SeasonTotals(absl::Span<const double> series, size_t season,
                                         size_t horizon);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_EXPONENTIAL_SMOOTHING_H_
