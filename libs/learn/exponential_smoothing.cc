#include "learn/exponential_smoothing.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "learn/nelder_mead.h"

namespace kindred::learn {
namespace {

absl::Status Check(absl::Span<const double> series, size_t least) {
  if (series.size() < least) {
    return absl::InvalidArgumentError(absl::StrCat("series: needs ", least, " values"));
  }
  if (!std::all_of(series.begin(), series.end(), [](double y) { return std::isfinite(y); })) {
    return absl::InvalidArgumentError("series: a value is not finite");
  }
  return absl::OkStatus();
}

double RootMeanSquare(absl::Span<const double> values) {
  double sum = 0;
  for (double v : values) sum += v * v;
  return values.empty() ? 0.0 : std::sqrt(sum / static_cast<double>(values.size()));
}

double Mean(absl::Span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// What is smoothed, and how.
struct Smoothing {
  bool trend = false;
  size_t season = 0;  // 0: none
  double alpha = 0;
  double beta = 0;
  double gamma = 0;
  double phi = 1;
};

struct SmoothingState {
  double level = 0;
  double slope = 0;
  std::vector<double> season;  // by position in the series modulo its length

  double Next(const Smoothing& s, size_t at) const {
    return level + s.phi * slope + (season.empty() ? 0.0 : season[at % season.size()]);
  }
  // Error-correction form of the recursions in the header.
  void Correct(const Smoothing& s, size_t at, double error) {
    level += s.phi * slope + s.alpha * error;
    slope = s.phi * slope + s.alpha * s.beta * error;
    if (!season.empty()) season[at % season.size()] += s.gamma * (1 - s.alpha) * error;
  }
};

// From the first two seasons, or the first few values.
SmoothingState Start(const Smoothing& s, absl::Span<const double> series) {
  SmoothingState state;
  if (s.season == 0) {
    const size_t few = std::min<size_t>(series.size(), s.trend ? 5 : 3);
    state.level = Mean(series.first(few));
    if (s.trend) {
      state.slope = (series[few - 1] - series[0]) / static_cast<double>(few - 1);
      state.level = series[0] - state.slope;
    }
    return state;
  }
  const size_t m = s.season;
  const double first = Mean(series.first(m));
  const double second = Mean(series.subspan(m, m));
  const double middle = (static_cast<double>(m) - 1) / 2;
  state.slope = (second - first) / static_cast<double>(m);
  state.level = first - state.slope * (middle + 1);
  state.season.resize(m);
  for (size_t i = 0; i < m; ++i) {
    const double in_first = series[i] - first - state.slope * (static_cast<double>(i) - middle);
    const double in_second =
        series[m + i] - second - state.slope * (static_cast<double>(i) - middle);
    state.season[i] = (in_first + in_second) / 2;
  }
  return state;
}

// Runs over the series; returns the sum of squared one-step errors.
double Run(const Smoothing& s, absl::Span<const double> series, SmoothingState* state,
           std::vector<double>* residuals) {
  double squares = 0;
  for (size_t t = 0; t < series.size(); ++t) {
    const double error = series[t] - state->Next(s, t);
    state->Correct(s, t, error);
    squares += error * error;
    if (residuals != nullptr) residuals->push_back(error);
  }
  return squares;
}

double Sigmoid(double u) { return 1 / (1 + std::exp(-u)); }

Smoothing WithParameters(Smoothing s, absl::Span<const double> u) {
  s.alpha = Sigmoid(u[0]);
  if (s.trend) {
    s.beta = Sigmoid(u[1]);
    s.phi = 0.8 + 0.2 * Sigmoid(u[2]);
  }
  if (s.season > 0) s.gamma = Sigmoid(u[3]);
  return s;
}

SeriesModel Fit(Smoothing shape, absl::Span<const double> series, size_t horizon) {
  const SmoothingState start = Start(shape, series);
  std::vector<double> u = {-1.0};
  if (shape.trend) u.insert(u.end(), {-2.0, 2.0});
  if (shape.season > 0) u.push_back(-2.0);
  const Minimum minimum = NelderMead(
      [&](absl::Span<const double> at) {
        for (double value : at) {
          if (std::abs(value) > 12) return std::numeric_limits<double>::infinity();
        }
        SmoothingState state = start;
        return Run(WithParameters(shape, at), series, &state, nullptr);
      },
      u, {.step = 1.0, .tolerance = 1e-7, .max_evaluations = 600, .restarts = 1});
  const Smoothing s = WithParameters(shape, minimum.at);
  SeriesModel model;
  SmoothingState state = start;
  Run(s, series, &state, &model.residuals);
  model.sigma = RootMeanSquare(model.residuals);
  model.parameters = {{"alpha", s.alpha}};
  if (s.trend) {
    model.parameters.emplace_back("beta", s.beta);
    model.parameters.emplace_back("phi", s.phi);
  }
  if (s.season > 0) model.parameters.emplace_back("gamma", s.gamma);
  double damping = 0;  // phi + phi² + … + phi^h
  double variance = 1;
  for (size_t h = 1; h <= horizon; ++h) {
    const double before = damping;
    damping += std::pow(s.phi, static_cast<double>(h));
    if (h > 1) {
      double psi = s.alpha * (1 + s.beta * before);
      if (s.season > 0 && (h - 1) % s.season == 0) psi += s.gamma * (1 - s.alpha);
      variance += psi * psi;
    }
    const size_t at = series.size() + h - 1;
    model.mean.push_back(state.level + damping * state.slope +
                         (s.season > 0 ? state.season[at % s.season] : 0.0));
    model.deviation.push_back(model.sigma * std::sqrt(variance));
  }
  return model;
}

}  // namespace

absl::StatusOr<SeriesModel> SeasonalNaive(absl::Span<const double> series, size_t season,
                                          size_t horizon) {
  const size_t m = std::max<size_t>(1, season);
  KINDRED_RETURN_IF_ERROR(Check(series, m + 1));
  SeriesModel model;
  model.name = "seasonal naive";
  for (size_t t = m; t < series.size(); ++t) model.residuals.push_back(series[t] - series[t - m]);
  model.sigma = RootMeanSquare(model.residuals);
  for (size_t h = 0; h < horizon; ++h) {
    model.mean.push_back(series[series.size() - m + h % m]);
    model.deviation.push_back(model.sigma * std::sqrt(static_cast<double>(h / m + 1)));
  }
  return model;
}

absl::StatusOr<SeriesModel> MovingAverage(absl::Span<const double> series, size_t season,
                                          size_t horizon) {
  KINDRED_RETURN_IF_ERROR(Check(series, 4));
  std::vector<size_t> windows = {3, 5, 7, 14, 28};
  if (season > 1) windows.insert(windows.end(), {season, 2 * season});
  SeriesModel best;
  size_t best_window = 0;
  for (size_t window : windows) {
    // Every window is judged on at least half of the series.
    if (window > 3 && window > series.size() / 2) continue;
    SeriesModel model;
    for (size_t t = window; t < series.size(); ++t) {
      model.residuals.push_back(series[t] - Mean(series.subspan(t - window, window)));
    }
    model.sigma = RootMeanSquare(model.residuals);
    if (best_window == 0 || model.sigma < best.sigma) {
      best = std::move(model);
      best_window = window;
    }
  }
  best.name = "moving average";
  best.parameters = {{"window", static_cast<double>(best_window)}};
  const double window = static_cast<double>(best_window);
  best.mean.assign(horizon, Mean(series.last(best_window)));
  for (size_t h = 0; h < horizon; ++h) {
    best.deviation.push_back(best.sigma *
                             std::sqrt(1 + static_cast<double>(h) / (window * window)));
  }
  return best;
}

absl::StatusOr<SeriesModel> SimpleSmoothing(absl::Span<const double> series, size_t horizon) {
  KINDRED_RETURN_IF_ERROR(Check(series, 3));
  SeriesModel model = Fit({}, series, horizon);
  model.name = "simple exponential smoothing";
  return model;
}

absl::StatusOr<SeriesModel> Holt(absl::Span<const double> series, size_t horizon) {
  KINDRED_RETURN_IF_ERROR(Check(series, 5));
  SeriesModel model = Fit({.trend = true}, series, horizon);
  model.name = "Holt";
  return model;
}

absl::StatusOr<SeriesModel> HoltWinters(absl::Span<const double> series, size_t season,
                                        size_t horizon) {
  if (season < 2) return absl::InvalidArgumentError("Holt-Winters: a season has 2 steps or more");
  KINDRED_RETURN_IF_ERROR(Check(series, 2 * season + 3));
  SeriesModel model = Fit({.trend = true, .season = season}, series, horizon);
  model.name = "Holt-Winters";
  return model;
}

absl::StatusOr<SeriesModel> SeasonTotals(absl::Span<const double> series, size_t season,
                                         size_t horizon) {
  constexpr size_t kSharesFrom = 12;
  if (season < 2) return absl::InvalidArgumentError("season totals: a season has 2 steps or more");
  KINDRED_RETURN_IF_ERROR(Check(series, 3 * season));
  const size_t seasons = series.size() / season;
  series = series.last(seasons * season);
  std::vector<double> totals;
  for (size_t k = 0; k < seasons; ++k) {
    const auto part = series.subspan(k * season, season);
    totals.push_back(std::accumulate(part.begin(), part.end(), 0.0));
    if (totals.back() < 0) return absl::InvalidArgumentError("season totals: a total below zero");
  }
  const SeriesModel level = Fit({}, totals, 1);
  const double alpha = level.parameters[0].second;
  const size_t used = std::min(kSharesFrom, seasons);
  const double used_total =
      std::accumulate(totals.end() - static_cast<ptrdiff_t>(used), totals.end(), 0.0);
  if (used_total <= 0) return absl::InvalidArgumentError("season totals: nothing but zeros");
  std::vector<double> shares(season, 0.0);
  for (size_t t = (seasons - used) * season; t < series.size(); ++t) {
    shares[t % season] += series[t] / used_total;
  }
  SeriesModel model;
  model.name = "season totals";
  model.parameters = {{"alpha", alpha}};
  for (size_t k = 1; k < seasons; ++k) {
    const double expected = totals[k] - level.residuals[k];
    for (size_t i = 0; i < season; ++i) {
      model.residuals.push_back(series[k * season + i] - expected * shares[i]);
    }
  }
  model.sigma = RootMeanSquare(model.residuals);
  for (size_t h = 0; h < horizon; ++h) {
    const double seasons_ahead = static_cast<double>(h / season);
    model.mean.push_back(level.mean[0] * shares[h % season]);
    model.deviation.push_back(model.sigma * std::sqrt(1 + seasons_ahead * alpha * alpha));
  }
  return model;
}

}  // namespace kindred::learn
