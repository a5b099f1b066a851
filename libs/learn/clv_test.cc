#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "learn/bgnbd.h"
#include "learn/clv_evaluation.h"
#include "learn/gamma_gamma.h"
#include "learn/nelder_mead.h"
#include "learn/random.h"

namespace kindred::learn {
namespace {

// Published for the CDNOW sample, in weeks.
constexpr BgNbdParameters kCdnow{0.243, 4.414, 0.793, 2.426};
constexpr GammaGammaParameters kCdnowSpend{6.25, 3.74, 15.44};

TEST(NelderMead, FindsTheMinimumOfRosenbrocksValley) {
  const Minimum minimum = NelderMead(
      [](absl::Span<const double> x) {
        return 100 * std::pow(x[1] - x[0] * x[0], 2) + std::pow(1 - x[0], 2);
      },
      {-1.2, 1.0}, {.tolerance = 1e-14});
  EXPECT_TRUE(minimum.converged);
  EXPECT_NEAR(minimum.at[0], 1.0, 1e-5);
  EXPECT_NEAR(minimum.at[1], 1.0, 1e-5);
}

TEST(NelderMead, StaysWhereTheFunctionIsFinite) {
  const Minimum minimum =
      NelderMead([](absl::Span<const double> x) { return x[0] - std::log(x[0]); }, {0.1});
  EXPECT_NEAR(minimum.at[0], 1.0, 1e-3);
}

TEST(BgNbd, Hypergeometric2F1HasItsClosedForms) {
  // -ln(1 - z) / z, asin(z) / z, and a polynomial.
  EXPECT_NEAR(Hypergeometric2F1(1, 1, 2, 0.5), 2 * std::log(2.0), 1e-14);
  EXPECT_NEAR(Hypergeometric2F1(0.5, 0.5, 1.5, 0.25), std::asin(0.5) / 0.5, 1e-14);
  EXPECT_NEAR(Hypergeometric2F1(-2, 3, 4, 0.5), 1 - 2 * 3 * 0.5 / 4 + 12 * 0.25 / 20, 1e-14);
}

TEST(BgNbd, Hypergeometric2F1IsItsSeriesWhereThatIsLong) {
  for (const double r : {0.24, 1.3, 4.0}) {
    for (const double a : {0.31, 0.8, 2.43, 5.0}) {
      for (const double b : {0.4, 2.5, 9.1}) {
        for (const double x : {0.0, 1.0, 7.0, 60.0, 900.0}) {
          for (const double z : {0.61, 0.75, 0.9, 0.99, 0.999}) {
            const double u = a + b - 1 - r;
            const double v = a - 1;
            const double c = a + b + x - 1;
            long double term = 1;
            long double sum = 1;
            for (int n = 0; n < 200'000; ++n) {
              term *= (u + n) * (v + n) / ((c + n) * (1.0L + n)) * z;
              sum += term;
            }
            const double expected = static_cast<double>(sum);
            EXPECT_NEAR(Hypergeometric2F1(u, v, c, z), expected, 1e-10 * std::abs(expected))
                << "r " << r << " a " << a << " b " << b << " x " << x << " z " << z;
          }
        }
      }
    }
  }
}

TEST(BgNbd, AgreesWithThePublishedExpectation) {
  EXPECT_NEAR(ExpectedPurchases(kCdnow, {2, 30.43, 38.86}, 39), 1.226, 5e-4);
}

TEST(BgNbd, ExpectationIsContinuousWhereTheFormulaIsNot) {
  const RepeatHistory history{2, 30, 39};
  for (double a : {1.0, 1.0 + 1e-9, 1.0 - 1e-7}) {
    const double at = ExpectedPurchases({0.25, 4.0, a, 2.5}, history, 39);
    EXPECT_NEAR(at, ExpectedPurchases({0.25, 4.0, a + 1e-4, 2.5}, history, 39), 1e-3);
  }
  EXPECT_NEAR(ExpectedPurchases({0.25, 4.0, 0.4, 0.6}, {0, 0, 10}, 39),
              ExpectedPurchases({0.25, 4.0, 0.4, 0.6001}, {0, 0, 10}, 39), 1e-3);
  EXPECT_EQ(ExpectedPurchases(kCdnow, history, 0), 0.0);
}

TEST(BgNbd, ExpectationGrowsWithTheHorizonAndStaysFinite) {
  double last = 0;
  for (double t : {1.0, 10.0, 100.0, 1e4, 1e6}) {
    const double expected = ExpectedPurchases(kCdnow, {5, 20, 25}, t);
    EXPECT_GT(expected, last);
    EXPECT_TRUE(std::isfinite(expected));
    last = expected;
  }
}

TEST(BgNbd, ProbabilityAliveFallsWithSilence) {
  EXPECT_EQ(ProbabilityAlive(kCdnow, {0, 0, 30}), 1.0);
  EXPECT_GT(ProbabilityAlive(kCdnow, {4, 30, 31}), 0.7);
  EXPECT_LT(ProbabilityAlive(kCdnow, {4, 5, 39}), 0.3);
}

TEST(BgNbd, GroupingJoinsEqualHistories) {
  const auto groups = GroupHistories({{1, 2, 3}, {0, 0, 3}, {1, 2, 3}, {1, 1, 3, 5}});
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[2].count, 2);
  const std::vector<RepeatHistory> all = {{1, 2, 3}, {0, 0, 3}, {1, 2, 3}, {1, 1, 3, 5}};
  EXPECT_NEAR(BgNbdLogLikelihood(kCdnow, groups), BgNbdLogLikelihood(kCdnow, all), 1e-9);
}

// Buyers as the model says they are; gamma and beta draws as sums of exponentials, so r, a and b
// are whole numbers.
std::vector<Transaction> Simulated(uint32_t customers, int64_t days, uint64_t seed) {
  Random random(seed);
  const auto exponential = [&] { return -std::log(1 - random.Uniform()); };
  std::vector<Transaction> transactions;
  for (uint32_t c = 0; c < customers; ++c) {
    const double rate = exponential() / 70;               // r = 1, alpha = 70 days
    const double gone = 1 - std::sqrt(random.Uniform());  // a = 1, b = 2
    const double price = 6 * (1 + random.Uniform());
    double day = static_cast<double>(random.Below(90));
    while (day < static_cast<double>(days)) {
      transactions.push_back({c, static_cast<int64_t>(day), price * (0.5 + random.Uniform())});
      day += exponential() / rate;
      const bool stays = random.Uniform() >= gone;  // decided at every purchase but the first
      if (!stays) {
        if (day < static_cast<double>(days)) {
          transactions.push_back({c, static_cast<int64_t>(day), price});
        }
        break;
      }
    }
  }
  return transactions;
}

TEST(BgNbd, FitFindsTheParametersThatMadeTheData) {
  // Days are whole and purchases of one day are one, so the fit is close, not exact.
  const auto result = EvaluateClv(Simulated(20000, 720, 1), 359, 719);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NEAR(result->bgnbd.r, 1.0, 0.1);
  EXPECT_NEAR(result->bgnbd.alpha, 10.0, 1.2);
  EXPECT_NEAR(result->bgnbd.a, 1.0, 0.15);
  EXPECT_NEAR(result->bgnbd.b, 2.0, 0.4);
  EXPECT_NEAR(result->holdout_total_ratio, 1.0, 0.05);
  EXPECT_GT(result->holdout_correlation, 0.6);
  EXPECT_TRUE(result->has_gamma_gamma);
}

TEST(BgNbd, FitRefusesWhatItCannotUse) {
  EXPECT_FALSE(FitBgNbd({}).ok());
  EXPECT_FALSE(FitBgNbd({{0, 0, 5}}).ok());
  EXPECT_FALSE(FitBgNbd({{1, 6, 5}}).ok());
  EXPECT_FALSE(FitBgNbd({{1, 1, std::nan("")}}).ok());
}

TEST(GammaGamma, ExpectedSpendLiesBetweenOwnAndPopulationMean) {
  const double population = 6.25 * 15.44 / 2.74;
  EXPECT_NEAR(ExpectedSpend(kCdnowSpend, {0, 0}), population, 1e-12);
  const double one = ExpectedSpend(kCdnowSpend, {1, 100});
  const double many = ExpectedSpend(kCdnowSpend, {20, 100});
  EXPECT_GT(one, population);
  EXPECT_GT(many, one);
  EXPECT_LT(many, 100);
  const double w = 6.25 * 20 / (6.25 * 20 + 2.74);
  EXPECT_NEAR(many, w * 100 + (1 - w) * population, 1e-9);
}

TEST(GammaGamma, FitIsAMaximum) {
  Random random(4);
  std::vector<SpendHistory> histories;
  for (int i = 0; i < 2000; ++i) {
    histories.push_back(
        {1.0 + static_cast<double>(random.Below(5)), 30 * std::exp(0.6 * random.Normal())});
  }
  const auto fit = FitGammaGamma(histories);
  ASSERT_TRUE(fit.ok()) << fit.status();
  const double best = GammaGammaLogLikelihood(*fit, histories);
  for (double f : {0.99, 1.01}) {
    EXPECT_LT(GammaGammaLogLikelihood({f * fit->p, fit->q, fit->v}, histories), best);
    EXPECT_LT(GammaGammaLogLikelihood({fit->p, f * fit->q, fit->v}, histories), best);
    EXPECT_LT(GammaGammaLogLikelihood({fit->p, fit->q, f * fit->v}, histories), best);
  }
  EXPECT_FALSE(FitGammaGamma({{1, 5}, {1, 6}}).ok());
  EXPECT_FALSE(FitGammaGamma({{1, 5}, {1, 6}, {1, -1}}).ok());
}

TEST(ClvEvaluation, CountsByHand) {
  // Customer 1: days 0, 7 (twice), 14 | 30. Customer 2: day 3. Customer 3: after the calibration.
  // Customer 4: days 1, 8 | 21, 28, and one beyond the holdout.
  const auto result = EvaluateClv({{1, 14, 5},
                                   {1, 7, 2},
                                   {1, 7, 3},
                                   {1, 0, 9},
                                   {1, 30, 1},
                                   {2, 3, 4},
                                   {3, 25, 4},
                                   {4, 1, 1},
                                   {4, 8, 1},
                                   {4, 21, 1},
                                   {4, 28, 1},
                                   {4, 99, 1}},
                                  20, 34);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->customers, 3u);
  EXPECT_EQ(result->repeat_customers, 2u);
  EXPECT_EQ(result->holdout_purchases, 3);
  EXPECT_FALSE(result->has_gamma_gamma);
  EXPECT_FALSE(EvaluateClv({{1, 0, 1}}, 20, 20).ok());
  EXPECT_FALSE(EvaluateClv({}, 20, 30).ok());
}

}  // namespace
}  // namespace kindred::learn
