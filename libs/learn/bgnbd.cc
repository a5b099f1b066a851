#include "learn/bgnbd.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "absl/status/status.h"
#include "learn/nelder_mead.h"

namespace kindred::learn {
namespace {

// Parameters stay within e^±12 of the scaled data, far beyond any population.
constexpr double kWidest = 12.0;
constexpr int kMostTerms = 200'000;
constexpr double kNearOne = 0.8;
constexpr double kApart = 1e-4;
constexpr double kLarge = 4;

bool IsSound(const RepeatHistory& h) {
  return std::isfinite(h.x) && std::isfinite(h.T) && h.x >= 0 && h.t_x >= 0 && h.t_x <= h.T &&
         h.count > 0 && std::isfinite(h.count) && (h.x >= 1 || (h.x == 0 && h.t_x == 0));
}

double LogAddExp(double a, double b) {
  const double high = std::max(a, b);
  return high + std::log1p(std::exp(std::min(a, b) - high));
}

// ln of a/(b + x - 1) ((alpha + T) / (alpha + t_x))^(r + x): the odds against being alive; x > 0.
double LogOddsGone(const BgNbdParameters& p, const RepeatHistory& h) {
  return std::log(p.a / (p.b + h.x - 1)) +
         (p.r + h.x) * std::log((p.alpha + h.T) / (p.alpha + h.t_x));
}

// Terms may fall, rise and fall again while c + n is below 0: at least `least` of them count.
double Series(double a, double b, double c, double z, double least) {
  double term = 1;
  double sum = 1;
  for (int n = 0; n < kMostTerms; ++n) {
    term *= (a + n) * (b + n) / ((c + n) * (1.0 + n)) * z;
    sum += term;
    if (n > least && std::abs(term) <= 1e-16 * std::abs(sum)) break;
  }
  return sum;
}

// Gamma(c) Gamma(s) / (Gamma(u) Gamma(v)); 0 where u or v is a pole.
double GammaRatio(double c, double s, double u, double v) {
  double logs = 0;
  double sign = 1;
  const auto multiply = [&logs, &sign](double x, double power) {
    int negative = 1;
    logs += power * lgamma_r(x, &negative);
    sign *= negative;
  };
  multiply(c, 1);
  multiply(s, 1);
  multiply(u, -1);
  multiply(v, -1);
  return sign * std::exp(logs);
}

// The same function by series in 1 - z, for z near 1 where that in z takes hundreds of terms:
// Abramowitz and Stegun, 15.3.6. s = c - a - b must not be an integer.
double NearOne(double a, double b, double c, double z) {
  const double w = 1 - z;
  const double s = c - a - b;
  return GammaRatio(c, s, c - a, c - b) * Series(a, b, 1 - s, w, s) +
         std::pow(w, s) * GammaRatio(c, -s, a, b) * Series(c - a, c - b, 1 + s, w, -s);
}

}  // namespace

std::vector<RepeatHistory> GroupHistories(std::vector<RepeatHistory> histories) {
  const auto key = [](const RepeatHistory& h) { return std::tuple(h.x, h.t_x, h.T); };
  std::sort(histories.begin(), histories.end(),
            [&](const auto& a, const auto& b) { return key(a) < key(b); });
  std::vector<RepeatHistory> groups;
  for (const RepeatHistory& history : histories) {
    if (!groups.empty() && key(groups.back()) == key(history)) {
      groups.back().count += history.count;
    } else {
      groups.push_back(history);
    }
  }
  return groups;
}

double BgNbdLogLikelihood(const BgNbdParameters& p, absl::Span<const RepeatHistory> histories) {
  const double constant =
      p.r * std::log(p.alpha) - std::lgamma(p.r) + std::lgamma(p.a + p.b) - std::lgamma(p.b);
  double sum = 0;
  double last_x = -1;
  double of_x = 0;
  for (const RepeatHistory& h : histories) {
    if (h.x != last_x) {
      of_x = std::lgamma(p.r + h.x) + std::lgamma(p.b + h.x) - std::lgamma(p.a + p.b + h.x);
      last_x = h.x;
    }
    double last = -(p.r + h.x) * std::log(p.alpha + h.T);
    if (h.x > 0) {
      last = LogAddExp(last,
                       std::log(p.a / (p.b + h.x - 1)) - (p.r + h.x) * std::log(p.alpha + h.t_x));
    }
    sum += h.count * (constant + of_x + last);
  }
  return sum;
}

absl::StatusOr<BgNbdFit> FitBgNbd(absl::Span<const RepeatHistory> histories) {
  double longest = 0;
  double repeats = 0;
  for (const RepeatHistory& h : histories) {
    if (!IsSound(h)) return absl::InvalidArgumentError("BG/NBD: history breaks 0 <= t_x <= T");
    longest = std::max(longest, h.T);
    repeats += h.x;
  }
  if (repeats <= 0 || longest <= 0) {
    return absl::InvalidArgumentError("BG/NBD: nobody bought again");
  }
  // Time in units of a tenth of the longest history, so that all parameters are near 1.
  const double unit = longest / 10;
  std::vector<RepeatHistory> scaled =
      GroupHistories(std::vector<RepeatHistory>(histories.begin(), histories.end()));
  for (RepeatHistory& h : scaled) {
    h.t_x /= unit;
    h.T /= unit;
  }
  const auto parameters = [](absl::Span<const double> logs) {
    return BgNbdParameters{std::exp(logs[0]), std::exp(logs[1]), std::exp(logs[2]),
                           std::exp(logs[3])};
  };
  const Minimum minimum = NelderMead(
      [&](absl::Span<const double> logs) {
        for (double value : logs) {
          if (std::abs(value) > kWidest) return std::numeric_limits<double>::infinity();
        }
        return -BgNbdLogLikelihood(parameters(logs), scaled);
      },
      {0.0, 0.0, 0.0, 0.0}, {.tolerance = 1e-12});
  BgNbdFit fit;
  fit.parameters = parameters(minimum.at);
  fit.parameters.alpha *= unit;
  fit.log_likelihood = BgNbdLogLikelihood(fit.parameters, histories);
  return fit;
}

double ExpectedPurchases(const BgNbdParameters& parameters, const RepeatHistory& h, double t) {
  if (t <= 0) return 0.0;
  BgNbdParameters p = parameters;
  // a = 1 and c = 0 are removable: a step beside them changes the result by less than the step.
  if (std::abs(p.a - 1) < 1e-6) p.a = 1 + 1e-6;
  if (std::abs(p.a + p.b + h.x - 1) < 1e-6) p.b += 2e-6;
  const double c = p.a + p.b + h.x - 1;
  const double z = t / (p.alpha + h.T + t);
  const double hyper = Hypergeometric2F1(p.a + p.b - 1 - p.r, p.a - 1, c, z);
  const double unconditional = c / (p.a - 1) * (1 - std::pow(1 - z, p.a - 1) * hyper);
  const double gone = h.x > 0 ? std::exp(LogOddsGone(p, h)) : 0.0;
  return std::max(0.0, unconditional / (1 + gone));
}

double ProbabilityAlive(const BgNbdParameters& parameters, const RepeatHistory& h) {
  return h.x > 0 ? 1 / (1 + std::exp(LogOddsGone(parameters, h))) : 1.0;
}

double Hypergeometric2F1(double a, double b, double c, double z) {
  const double s = c - a - b;
  // Near an integer s the two parts grow beyond each other and leave too few digits. Where s is
  // large, terms fall as fast as any.
  const bool apart = std::abs(s - std::round(s)) > kApart;
  if (z > kNearOne && apart && std::abs(s) < kLarge) return NearOne(a, b, c, z);
  return Series(a, b, c, z, 0);
}

}  // namespace kindred::learn
