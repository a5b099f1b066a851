#include "learn/forecast.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "learn/arima.h"
#include "learn/exponential_smoothing.h"

namespace kindred::learn {
namespace {

constexpr size_t kLongestSeries = 2000;
constexpr size_t kLongestHorizon = 1000;
constexpr size_t kShortest = 4;
// Backtest errors needed before they, and not the normal distribution, set the interval.
constexpr size_t kEnoughErrors = 20;
constexpr double kAsGood = 0.01;

struct Method {
  std::string name;
  // A fit for the backtest may be rougher than the one that forecasts.
  std::function<absl::StatusOr<SeriesModel>(absl::Span<const double>, size_t horizon, ArimaFitting)>
      fit;
};

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

// Mean deviation of each position in the season from the centred moving average, summing to 0.
std::vector<double> SeasonalIndices(absl::Span<const double> series, size_t season) {
  const size_t m = season;
  std::vector<double> sums(m, 0.0);
  std::vector<double> counts(m, 0.0);
  const size_t half = m / 2;
  for (size_t t = half; t + half < series.size(); ++t) {
    // An even season takes half of each end.
    double mean = 0;
    for (size_t i = t - half; i <= t + half; ++i) {
      const bool end = m % 2 == 0 && (i == t - half || i == t + half);
      mean += (end ? 0.5 : 1.0) * series[i] / static_cast<double>(m);
    }
    sums[t % m] += series[t] - mean;
    counts[t % m] += 1;
  }
  double total = 0;
  for (size_t i = 0; i < m; ++i) {
    sums[i] = counts[i] > 0 ? sums[i] / counts[i] : 0.0;
    total += sums[i];
  }
  for (double& index : sums) index -= total / static_cast<double>(m);
  return sums;
}

absl::StatusOr<SeriesModel> Arima(absl::Span<const double> series, const ArimaOrder& order,
                                  size_t horizon, ArimaFitting fitting) {
  KINDRED_ASSIGN_OR_RETURN(ArimaFit fit, FitArima(series, order, horizon, fitting));
  return std::move(fit.model);
}

std::vector<double> Adjusted(absl::Span<const double> series, const std::vector<double>& indices) {
  std::vector<double> result(series.begin(), series.end());
  for (size_t t = 0; t < result.size(); ++t) result[t] -= indices[t % indices.size()];
  return result;
}

absl::StatusOr<SeriesModel> AdjustedArima(absl::Span<const double> series, const ArimaOrder& order,
                                          size_t season, size_t horizon, ArimaFitting fitting) {
  const std::vector<double> indices = SeasonalIndices(series, season);
  KINDRED_ASSIGN_OR_RETURN(SeriesModel model,
                           Arima(Adjusted(series, indices), order, horizon, fitting));
  absl::StrAppend(&model.name, " on the seasonally adjusted series");
  for (size_t h = 0; h < horizon; ++h) model.mean[h] += indices[(series.size() + h) % season];
  return model;
}

// Simplest first. Orders of ARIMA are chosen once, on `first_training`.
std::vector<Method> Methods(absl::Span<const double> first_training, size_t season) {
  std::vector<Method> methods = {
      {"seasonal naive", [season](auto y, size_t h, auto) { return SeasonalNaive(y, season, h); }},
      {"moving average", [season](auto y, size_t h, auto) { return MovingAverage(y, season, h); }},
      {"simple exponential smoothing",
       [](auto y, size_t h, auto) { return SimpleSmoothing(y, h); }},
      {"Holt", [](auto y, size_t h, auto) { return Holt(y, h); }}};
  if (season > 1) {
    methods.push_back(
        {"season totals", [season](auto y, size_t h, auto) { return SeasonTotals(y, season, h); }});
    methods.push_back(
        {"Holt-Winters", [season](auto y, size_t h, auto) { return HoltWinters(y, season, h); }});
  }
  if (const auto order = ChooseArimaOrder(first_training); order.ok()) {
    methods.push_back(
        {"ARIMA", [order = *order](auto y, size_t h, auto f) { return Arima(y, order, h, f); }});
  }
  if (season > 1 && first_training.size() >= 3 * season) {
    const auto order =
        ChooseArimaOrder(Adjusted(first_training, SeasonalIndices(first_training, season)));
    if (order.ok()) {
      methods.push_back(
          {"seasonally adjusted ARIMA", [order = *order, season](auto y, size_t h, auto f) {
             return AdjustedArima(y, order, season, h, f);
           }});
    }
  }
  return methods;
}

void Clip(bool non_negative, std::vector<double>* values) {
  if (!non_negative) return;
  for (double& value : *values) value = std::max(0.0, value);
}

// What one method did at the past origins.
struct Trial {
  double mase = std::numeric_limits<double>::infinity();
  std::vector<double> ratios;  // |error| over the model's standard error
};

Trial Backtest(const Method& method, absl::Span<const double> series,
               absl::Span<const size_t> origins, const ForecastOptions& options) {
  Trial trial;
  double sum = 0;
  for (size_t origin : origins) {
    const auto history = series.first(origin);
    const auto actual = series.subspan(origin, std::min(options.horizon, series.size() - origin));
    auto model = method.fit(history, actual.size(), ArimaFitting::kSquares);
    if (!model.ok()) return trial;
    Clip(options.non_negative, &model->mean);
    // One scale for all origins, so that none of them counts more than another.
    sum += Mase(series.first(origins.back()), options.season, actual, model->mean);
    for (size_t h = 0; h < actual.size(); ++h) {
      const double error = std::abs(actual[h] - model->mean[h]);
      if (model->deviation[h] > 0) trial.ratios.push_back(error / model->deviation[h]);
    }
  }
  trial.mase = sum / static_cast<double>(origins.size());
  return trial;
}

// Newest first; each leaves a horizon to compare with (as far as the series is long enough) and at
// least two thirds of what the newest one has to learn from.
std::vector<size_t> Origins(size_t size, const ForecastOptions& options) {
  const size_t horizon = std::min(options.horizon, size / 3);
  std::vector<size_t> origins;
  if (horizon == 0) return origins;
  const size_t step = std::max<size_t>(1, horizon / 2);
  const size_t newest = size - horizon;
  const size_t least = std::max({size_t{kShortest}, 2 * newest / 3, options.season + 1});
  for (size_t i = 0; i < options.folds && newest >= least + i * step; ++i) {
    origins.push_back(newest - i * step);
  }
  return origins;
}

// Two-sided quantile of the standard normal distribution, by bisection of its error function.
double NormalFactor(double coverage) {
  double low = 0;
  double high = 10;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (std::erf(middle / std::sqrt(2.0)) < coverage ? low : high) = middle;
  }
  return low;
}

double IntervalFactor(std::vector<double> ratios, double coverage) {
  const double normal = NormalFactor(coverage);
  if (ratios.size() < kEnoughErrors) return normal;
  const size_t at = std::min(ratios.size() - 1,
                             static_cast<size_t>(coverage * static_cast<double>(ratios.size())));
  std::nth_element(ratios.begin(), ratios.begin() + static_cast<ptrdiff_t>(at), ratios.end());
  return std::clamp(ratios[at], 0.5 * normal, 3 * normal);
}

absl::Status Check(absl::Span<const double> series, const ForecastOptions& options) {
  if (options.horizon < 1 || options.horizon > kLongestHorizon || options.season < 1 ||
      !(options.coverage >= 0.5 && options.coverage <= 0.99)) {
    return absl::InvalidArgumentError("forecast: option out of range");
  }
  if (series.size() < kShortest) {
    return absl::InvalidArgumentError(absl::StrCat("forecast: needs ", kShortest, " values"));
  }
  if (!std::all_of(series.begin(), series.end(), [](double y) { return std::isfinite(y); })) {
    return absl::InvalidArgumentError("forecast: a value is not finite");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Forecast> ForecastSeries(absl::Span<const double> series,
                                        const ForecastOptions& asked) {
  KINDRED_RETURN_IF_ERROR(Check(series, asked));
  ForecastOptions options = asked;
  if (series.size() < 2 * options.season) options.season = 1;
  if (series.size() > kLongestSeries) series = series.last(kLongestSeries);
  const std::vector<size_t> origins = Origins(series.size(), options);
  const std::vector<Method> methods =
      Methods(origins.empty() ? series : series.first(origins.back()), options.season);
  Forecast result;
  const Method* best = nullptr;
  Trial best_trial;
  for (const Method& method : methods) {
    if (origins.empty()) break;
    Trial trial = Backtest(method, series, origins, options);
    if (std::isnan(trial.mase) || std::isinf(trial.mase)) continue;
    result.backtest.push_back({method.name, trial.mase});
    if (best == nullptr || trial.mase < (1 - kAsGood) * best_trial.mase) {
      best = &method;
      best_trial = std::move(trial);
    }
  }
  std::stable_sort(result.backtest.begin(), result.backtest.end(),
                   [](const auto& a, const auto& b) { return a.mase < b.mase; });
  if (best != nullptr) {
    result.mase = best_trial.mase;
    KINDRED_ASSIGN_OR_RETURN(result.model,
                             best->fit(series, options.horizon, ArimaFitting::kLikelihood));
  } else {
    // Too short, or nothing varied before the first origin: the level is all there is to say.
    KINDRED_ASSIGN_OR_RETURN(result.model, SimpleSmoothing(series, options.horizon));
  }
  const double factor = IntervalFactor(std::move(best_trial.ratios), options.coverage);
  for (size_t h = 0; h < options.horizon; ++h) {
    const double reach = factor * result.model.deviation[h];
    result.lower.push_back(result.model.mean[h] - reach);
    result.upper.push_back(result.model.mean[h] + reach);
  }
  Clip(options.non_negative, &result.model.mean);
  Clip(options.non_negative, &result.lower);
  Clip(options.non_negative, &result.upper);
  return result;
}

double Mase(absl::Span<const double> history, size_t season, absl::Span<const double> actual,
            absl::Span<const double> forecast) {
  KINDRED_CHECK(actual.size() == forecast.size() && season > 0) << "sizes differ";
  double scale = 0;
  for (size_t t = season; t < history.size(); ++t) {
    scale +=
        std::abs(history[t] - history[t - season]) / static_cast<double>(history.size() - season);
  }
  double error = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    error += std::abs(actual[i] - forecast[i]) / static_cast<double>(actual.size());
  }
  return error == 0 ? 0.0 : error / scale;
}

double RobustScore(absl::Span<const double> history, double value) {
  if (history.empty()) return 0.0;
  const double median = Median(std::vector<double>(history.begin(), history.end()));
  std::vector<double> deviations;
  double mean = 0;
  for (double y : history) {
    deviations.push_back(std::abs(y - median));
    mean += deviations.back() / static_cast<double>(history.size());
  }
  double scale = 1.4826 * Median(std::move(deviations));
  if (scale <= 0) scale = 1.2533 * mean;
  return value == median ? 0.0 : (value - median) / scale;
}

}  // namespace kindred::learn
