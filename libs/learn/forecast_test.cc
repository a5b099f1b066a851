#include "learn/forecast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "learn/arima.h"
#include "learn/arma_likelihood.h"
#include "learn/exponential_smoothing.h"
#include "learn/random.h"

namespace kindred::learn {
namespace {

// 100 + 0.3 t, a weekly wave of ±20, noise of deviation 5.
std::vector<double> Weekly(size_t n, uint64_t seed) {
  Random random(seed);
  std::vector<double> series;
  for (size_t t = 0; t < n; ++t) {
    const double x = static_cast<double>(t);
    series.push_back(100 + 0.3 * x + 20 * std::sin(2 * std::numbers::pi * x / 7) +
                     5 * random.Normal());
  }
  return series;
}

std::vector<double> Arma(size_t n, double mu, double phi, double theta, uint64_t seed) {
  Random random(seed);
  std::vector<double> series;
  double last = 0;
  double last_error = 0;
  for (size_t t = 0; t < n + 100; ++t) {
    const double error = random.Normal();
    last = phi * last + error + theta * last_error;
    last_error = error;
    if (t >= 100) series.push_back(mu + last);
  }
  return series;
}

TEST(ExponentialSmoothing, SeasonalNaiveRepeatsTheLastSeason) {
  const auto model = SeasonalNaive({1, 2, 3, 4, 5, 6}, 3, 5);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model->mean, (std::vector<double>{4, 5, 6, 4, 5}));
  EXPECT_EQ(model->sigma, 3);
  EXPECT_DOUBLE_EQ(model->deviation[3], 3 * std::sqrt(2.0));
}

TEST(ExponentialSmoothing, MovingAverageIsTheMeanOfTheWindow) {
  const auto model = MovingAverage({1, 5, 3, 4, 8}, 1, 2);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model->mean, (std::vector<double>{5, 5}));
}

TEST(ExponentialSmoothing, AConstantStaysAndALineGoesOn) {
  const std::vector<double> constant(20, 7.0);
  for (const auto& model : {SimpleSmoothing(constant, 3), Holt(constant, 3),
                            HoltWinters(constant, 4, 3), SeasonTotals(constant, 4, 3)}) {
    ASSERT_TRUE(model.ok());
    for (double value : model->mean) EXPECT_NEAR(value, 7.0, 1e-6);
    EXPECT_NEAR(model->sigma, 0.0, 1e-6);
  }
  std::vector<double> line;
  for (int t = 0; t < 50; ++t) line.push_back(3.0 + 2.0 * t);
  const auto holt = Holt(line, 4);
  ASSERT_TRUE(holt.ok());
  for (int h = 0; h < 4; ++h) EXPECT_NEAR(holt->mean[static_cast<size_t>(h)], 103.0 + 2 * h, 0.1);
}

TEST(ExponentialSmoothing, SimpleSmoothingOfARandomWalkKeepsTheLastValue) {
  Random random(1);
  std::vector<double> walk = {0.0};
  for (int t = 0; t < 500; ++t) walk.push_back(walk.back() + random.Normal());
  const auto model = SimpleSmoothing(walk, 4);
  ASSERT_TRUE(model.ok());
  EXPECT_GT(model->parameters[0].second, 0.9);
  EXPECT_NEAR(model->mean[3], walk.back(), 0.3);
  EXPECT_NEAR(model->deviation[3], 2.0, 0.25);
}

TEST(ExponentialSmoothing, HoltWintersFollowsTrendAndSeason) {
  const std::vector<double> series = Weekly(280, 2);
  const auto model = HoltWinters(absl::MakeConstSpan(series).first(252), 7, 28);
  ASSERT_TRUE(model.ok());
  EXPECT_NEAR(model->sigma, 5.0, 1.0);
  double error = 0;
  for (size_t h = 0; h < 28; ++h) error += std::abs(model->mean[h] - series[252 + h]) / 28;
  EXPECT_LT(error, 6.0);
}

TEST(ExponentialSmoothing, SeasonTotalsSpreadTheLevelByShares) {
  std::vector<double> series = {9};  // not a whole season: left out
  for (int k = 0; k < 6; ++k) series.insert(series.end(), {10, 30, 0, 60});
  const auto model = SeasonTotals(series, 4, 6);
  ASSERT_TRUE(model.ok());
  const std::vector<double> expected = {10, 30, 0, 60, 10, 30};
  for (size_t h = 0; h < 6; ++h) EXPECT_NEAR(model->mean[h], expected[h], 1e-9);
  EXPECT_FALSE(SeasonTotals(std::vector<double>(20, 0.0), 4, 1).ok());
  EXPECT_FALSE(SeasonTotals(std::vector<double>(20, -1.0), 4, 1).ok());
}

TEST(ExponentialSmoothing, RefusesWhatIsTooShortOrNotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(SeasonalNaive({1, 2}, 2, 1).ok());
  EXPECT_FALSE(MovingAverage({1, 2, 3}, 7, 1).ok());
  EXPECT_FALSE(SimpleSmoothing({1, nan, 2, 3}, 1).ok());
  EXPECT_FALSE(HoltWinters(std::vector<double>(16, 1.0), 7, 1).ok());
  EXPECT_FALSE(HoltWinters(std::vector<double>(16, 1.0), 1, 1).ok());
}

TEST(Arima, FindsTheParametersThatMadeTheSeries) {
  const auto ar = FitArima(Arma(4000, 50, 0.7, 0.0, 3), {1, 0, 0}, 1);
  ASSERT_TRUE(ar.ok());
  EXPECT_NEAR(ar->phi[0], 0.7, 0.03);
  EXPECT_NEAR(ar->mu, 50, 0.2);
  EXPECT_NEAR(ar->model.sigma, 1.0, 0.05);
  const auto arma = FitArima(Arma(4000, 0, 0.6, 0.4, 4), {1, 0, 1, false}, 1);
  ASSERT_TRUE(arma.ok());
  EXPECT_NEAR(arma->phi[0], 0.6, 0.05);
  EXPECT_NEAR(arma->theta[0], 0.4, 0.05);
}

// Twice the negative logarithm of the likelihood with the best variance, less what depends on n
// alone, from the whole covariance matrix: its autocovariances are sums over 2,000 psi weights, its
// Cholesky factor gives the errors.
double UnlikelinessByMatrix(const std::vector<double>& phi, const std::vector<double>& theta,
                            const std::vector<double>& values) {
  std::vector<double> psi(2000, 0.0);
  for (size_t k = 0; k < psi.size(); ++k) {
    psi[k] = k == 0 ? 1.0 : k <= theta.size() ? theta[k - 1] : 0.0;
    for (size_t i = 1; i <= std::min(k, phi.size()); ++i) psi[k] += phi[i - 1] * psi[k - i];
  }
  const size_t n = values.size();
  std::vector<double> covariance(n, 0.0);
  for (size_t lag = 0; lag < n; ++lag) {
    for (size_t k = lag; k < psi.size(); ++k) covariance[lag] += psi[k] * psi[k - lag];
  }
  std::vector<std::vector<double>> factor(n, std::vector<double>(n, 0.0));
  std::vector<double> errors(n);
  double squares = 0;
  double log_determinant = 0;
  for (size_t row = 0; row < n; ++row) {
    for (size_t column = 0; column <= row; ++column) {
      double sum = covariance[row - column];
      for (size_t k = 0; k < column; ++k) sum -= factor[row][k] * factor[column][k];
      factor[row][column] = row == column ? std::sqrt(sum) : sum / factor[column][column];
    }
    double error = values[row];
    for (size_t k = 0; k < row; ++k) error -= factor[row][k] * errors[k];
    errors[row] = error / factor[row][row];
    squares += errors[row] * errors[row];
    log_determinant += 2 * std::log(factor[row][row]);
  }
  return static_cast<double>(n) * std::log(squares / static_cast<double>(n)) + log_determinant;
}

TEST(ArmaLikelihood, IsThatOfTheWholeCovarianceMatrix) {
  const std::vector<double> values = Arma(60, 0, 0.5, 0.4, 21);
  const std::vector<std::pair<std::vector<double>, std::vector<double>>> models = {
      {{}, {}},
      {{0.7}, {}},
      {{}, {-0.9}},
      {{0.5}, {0.4}},
      {{-0.45, 0.29}, {0.88}},
      {{0.89, -0.5}, {-1.52, 0.65}},
      {{0.98}, {-0.6, -0.3, 0.1}},
      {{0.2, 0.1, -0.1, 0.05, 0.3}, {0.1, 0.2, 0.3, 0.1, 0.2}},
  };
  for (const auto& [phi, theta] : models) {
    std::vector<double> errors;
    const ArmaFilter filter = FilterArma(phi, theta, values, &errors);
    EXPECT_NEAR(60 * std::log(filter.squares / 60) + filter.log_factors,
                UnlikelinessByMatrix(phi, theta, values), 1e-7)
        << phi.size() << " and " << theta.size();
    double squares = 0;
    for (const double error : errors) squares += error * error;
    EXPECT_EQ(errors.size(), 60u);
    EXPECT_NEAR(squares, filter.squares, 1e-9);
  }
}

// tests/system/forecast_check.py compares more orders with statsmodels', where it is installed.
TEST(Arima, IsTheLikeliestAmongItsNeighbours) {
  const std::vector<double> series = Arma(150, 20, 0.6, -0.8, 22);
  for (const ArimaOrder order :
       {ArimaOrder{1, 0, 0}, ArimaOrder{1, 0, 1}, ArimaOrder{2, 0, 1}, ArimaOrder{0, 0, 2}}) {
    const auto fit = FitArima(series, order, 1);
    ASSERT_TRUE(fit.ok());
    const auto unlikeliness = [&](double mu, const std::vector<double>& phi,
                                  const std::vector<double>& theta) {
      std::vector<double> values = series;
      for (double& value : values) value -= mu;
      return UnlikelinessByMatrix(phi, theta, values);
    };
    const double best = unlikeliness(fit->mu, fit->phi, fit->theta);
    for (const double step : {-0.01, 0.01}) {
      EXPECT_GT(unlikeliness(fit->mu + step, fit->phi, fit->theta), best);
      for (size_t i = 0; i < fit->phi.size(); ++i) {
        std::vector<double> phi = fit->phi;
        phi[i] += step;
        EXPECT_GT(unlikeliness(fit->mu, phi, fit->theta), best) << order.p << order.q << i;
      }
      for (size_t i = 0; i < fit->theta.size(); ++i) {
        std::vector<double> theta = fit->theta;
        theta[i] += step;
        EXPECT_GT(unlikeliness(fit->mu, fit->phi, theta), best) << order.p << order.q << i;
      }
    }
  }
}

TEST(Arima, AutoregressionForecastsByHand) {
  const std::vector<double> series = Arma(500, 10, 0.8, 0.0, 5);
  const auto fit = FitArima(series, {1, 0, 0}, 3);
  ASSERT_TRUE(fit.ok());
  double expected = series.back();
  double variance = 0;
  for (size_t h = 0; h < 3; ++h) {
    expected = fit->mu + fit->phi[0] * (expected - fit->mu);
    variance += std::pow(fit->phi[0], 2.0 * static_cast<double>(h));
    EXPECT_NEAR(fit->model.mean[h], expected, 1e-9);
    EXPECT_NEAR(fit->model.deviation[h], fit->model.sigma * std::sqrt(variance), 1e-9);
  }
}

TEST(Arima, DifferencesAreIntegratedBack) {
  std::vector<double> line;
  std::vector<double> parabola;
  for (int t = 0; t < 40; ++t) {
    line.push_back(5 + 3 * t);
    parabola.push_back(t * t);
  }
  const auto drift = FitArima(line, {0, 1, 0, true}, 3);
  ASSERT_TRUE(drift.ok());
  EXPECT_NEAR(drift->mu, 3.0, 1e-6);
  EXPECT_NEAR(drift->model.mean[2], 5 + 3 * 42, 1e-4);
  const auto twice = FitArima(parabola, {0, 2, 0, true}, 3);
  ASSERT_TRUE(twice.ok());
  EXPECT_NEAR(twice->model.mean[2], 42 * 42, 1e-3);
  // Of a random walk the deviation grows with the root of the horizon.
  const auto walk = FitArima(Arma(300, 0, 0.999, 0, 6), {0, 1, 0, false}, 9);
  ASSERT_TRUE(walk.ok());
  EXPECT_NEAR(walk->model.deviation[8], 3 * walk->model.sigma, 1e-9);
}

TEST(Arima, ChoosesDifferencesAndOrder) {
  size_t stationary = 0;
  size_t walks = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    stationary += Differences(Arma(400, 10, 0.6, 0, seed)) == 0;
    walks += Differences(Arma(400, 10, 1.0, 0, seed)) == 1;
  }
  EXPECT_GE(stationary, 17u);
  EXPECT_GE(walks, 16u);
  const auto order = ChooseArimaOrder(Arma(600, 10, 0.7, 0, 10));
  ASSERT_TRUE(order.ok());
  EXPECT_EQ(order->d, 0u);
  EXPECT_GE(order->p + order->q, 1u);
  EXPECT_TRUE(order->constant);
  EXPECT_FALSE(ChooseArimaOrder(std::vector<double>(12, 1.0)).ok());
  EXPECT_FALSE(FitArima(std::vector<double>(50, 1.0), {6, 0, 0}, 1).ok());
  EXPECT_FALSE(FitArima({1, 2, 3}, {1, 0, 0}, 1).ok());
}

TEST(Forecast, BeatsTheSeasonalNaiveAndItsIntervalsHold) {
  int inside = 0;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const std::vector<double> series = Weekly(220, seed);
    const auto history = absl::MakeConstSpan(series).first(192);
    const auto actual = absl::MakeConstSpan(series).subspan(192);
    const auto forecast = ForecastSeries(history, {});
    ASSERT_TRUE(forecast.ok()) << forecast.status();
    EXPECT_LT(Mase(history, 7, actual, forecast->model.mean), 1.0);
    EXPECT_LT(forecast->mase, 1.0);
    EXPECT_GE(forecast->backtest.size(), 6u);
    for (size_t h = 0; h < 28; ++h) {
      inside += actual[h] >= forecast->lower[h] && actual[h] <= forecast->upper[h];
    }
  }
  EXPECT_NEAR(inside / 140.0, 0.8, 0.1);
}

TEST(Forecast, IsDeterministicAndNeverBelowZero) {
  std::vector<double> falling;
  for (int t = 0; t < 60; ++t) falling.push_back(std::max(0.0, 100.0 - 2 * t));
  const auto a = ForecastSeries(falling, {.horizon = 20});
  const auto b = ForecastSeries(falling, {.horizon = 20});
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(a->model.mean, b->model.mean);
  EXPECT_EQ(a->upper, b->upper);
  for (size_t h = 0; h < 20; ++h) {
    EXPECT_GE(a->lower[h], 0.0);
    EXPECT_LE(a->lower[h], a->model.mean[h]);
    EXPECT_LE(a->model.mean[h], a->upper[h]);
  }
}

TEST(Forecast, TakesShortAndConstantSeriesAndRefusesBadOnes) {
  for (size_t n : {4u, 5u, 9u, 15u, 30u}) {
    const auto forecast = ForecastSeries(std::vector<double>(n, 3.0), {.horizon = 10});
    ASSERT_TRUE(forecast.ok()) << n;
    for (double value : forecast->model.mean) EXPECT_NEAR(value, 3.0, 1e-6);
    for (double value : forecast->upper) EXPECT_TRUE(std::isfinite(value));
  }
  EXPECT_FALSE(ForecastSeries({1, 2, 3}, {}).ok());
  EXPECT_FALSE(ForecastSeries({1, 2, 3, std::nan("")}, {}).ok());
  EXPECT_FALSE(ForecastSeries(std::vector<double>(50, 1.0), {.horizon = 0}).ok());
  EXPECT_FALSE(ForecastSeries(std::vector<double>(50, 1.0), {.season = 0}).ok());
  EXPECT_FALSE(ForecastSeries(std::vector<double>(50, 1.0), {.coverage = 1.0}).ok());
  const std::vector<double> huge = {1e308, -1e308, 1e308, -1e308, 1e308, 0, 1, 2, 3, 4, 5, 6};
  ForecastSeries(huge, {.horizon = 3}).IgnoreError();
}

TEST(Forecast, MaseByHand) {
  // Season 2: |3-1|, |4-2|, |1-3| = 2; errors 1 and 3.
  EXPECT_DOUBLE_EQ(Mase({1, 2, 3, 4, 1}, 2, {5, 5}, {4, 8}), 1.0);
  EXPECT_EQ(Mase({1, 1, 1}, 1, {1}, {1}), 0.0);
  EXPECT_TRUE(std::isinf(Mase({1, 1, 1}, 1, {2}, {1})));
}

TEST(Forecast, RobustScoreByHand) {
  EXPECT_DOUBLE_EQ(RobustScore({1, 2, 3, 4, 100}, 3), 0.0);
  EXPECT_NEAR(RobustScore({1, 2, 3, 4, 100}, 3 + 2 * 1.4826), 2.0, 1e-12);
  EXPECT_NEAR(RobustScore({0, 0, 0, 5}, 1.2533 * 1.25), 1.0, 1e-12);
  EXPECT_EQ(RobustScore({}, 5), 0.0);
  EXPECT_TRUE(std::isinf(RobustScore({2, 2, 2}, 3)));
}

}  // namespace
}  // namespace kindred::learn
