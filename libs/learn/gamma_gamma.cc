#include "learn/gamma_gamma.h"

#include <cmath>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "learn/nelder_mead.h"

namespace kindred::learn {
namespace {

constexpr double kWidest = 12.0;  // ln of the scaled parameters

}  // namespace

double GammaGammaLogLikelihood(const GammaGammaParameters& g,
                               absl::Span<const SpendHistory> histories) {
  double sum = 0;
  const double constant = g.q * std::log(g.v) - std::lgamma(g.q);
  for (const SpendHistory& h : histories) {
    const double px = g.p * h.x;
    sum += std::lgamma(px + g.q) - std::lgamma(px) + constant + (px - 1) * std::log(h.mean) +
           px * std::log(h.x) - (px + g.q) * std::log(h.x * h.mean + g.v);
  }
  return sum;
}

absl::StatusOr<GammaGammaParameters> FitGammaGamma(absl::Span<const SpendHistory> histories) {
  if (histories.size() < 3) return absl::InvalidArgumentError("Gamma-Gamma: too few histories");
  double unit = 0;
  for (const SpendHistory& h : histories) {
    if (!(h.x > 0 && h.mean > 0 && std::isfinite(h.x) && std::isfinite(h.mean))) {
      return absl::InvalidArgumentError("Gamma-Gamma: purchases and mean must be above zero");
    }
    unit += h.mean / static_cast<double>(histories.size());
  }
  std::vector<SpendHistory> scaled(histories.begin(), histories.end());
  for (SpendHistory& h : scaled) h.mean /= unit;
  const Minimum minimum = NelderMead(
      [&](absl::Span<const double> logs) {
        for (double value : logs) {
          if (std::abs(value) > kWidest) return std::numeric_limits<double>::infinity();
        }
        return -GammaGammaLogLikelihood({std::exp(logs[0]), std::exp(logs[1]), std::exp(logs[2])},
                                        scaled);
      },
      {0.5, 1.0, 0.0}, {.tolerance = 1e-12});
  return GammaGammaParameters{std::exp(minimum.at[0]), std::exp(minimum.at[1]),
                              std::exp(minimum.at[2]) * unit};
}

double ExpectedSpend(const GammaGammaParameters& g, const SpendHistory& h) {
  const double px = g.p * h.x;
  const double below = px + g.q - 1;
  if (below <= 0 || (h.x <= 0 && g.q <= 1)) return h.x > 0 ? h.mean : 0.0;
  return (px * h.mean + g.p * g.v) / below;
}

}  // namespace kindred::learn
