#include "learn/gamma_gamma.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "learn/nelder_mead.h"

namespace kindred::learn {
namespace {

constexpr double kWidest = 12.0;  // ln of the scaled parameters

// Histories with what parameters do not change computed once: a fit asks hundreds of times.
class Spends {
 public:
  explicit Spends(absl::Span<const SpendHistory> histories) {
    absl::flat_hash_map<double, uint32_t> known;
    rows_.reserve(histories.size());
    for (const SpendHistory& h : histories) {
      const auto [it, added] = known.try_emplace(h.x, static_cast<uint32_t>(counts_.size()));
      if (added) counts_.push_back({h.x, std::log(h.x)});
      rows_.push_back({it->second, h.x * h.mean, std::log(h.mean)});
    }
  }

  double LogLikelihood(const GammaGammaParameters& g) {
    const double constant = g.q * std::log(g.v) - std::lgamma(g.q);
    for (Count& count : counts_) {
      count.px = g.p * count.x;
      count.term = std::lgamma(count.px + g.q) - std::lgamma(count.px) + constant;
      count.px_log_x = count.px * count.log_x;
    }
    double sum = 0;
    for (const Row& row : rows_) {
      const Count& count = counts_[row.count];
      sum += count.term + (count.px - 1) * row.log_mean + count.px_log_x -
             (count.px + g.q) * std::log(row.total + g.v);
    }
    return sum;
  }

 private:
  // Of histories of as many purchases; the last three for the parameters asked for.
  struct Count {
    double x;
    double log_x;
    double px = 0;
    double term = 0;
    double px_log_x = 0;
  };
  struct Row {
    uint32_t count;
    double total;
    double log_mean;
  };
  std::vector<Count> counts_;
  std::vector<Row> rows_;
};

}  // namespace

double GammaGammaLogLikelihood(const GammaGammaParameters& g,
                               absl::Span<const SpendHistory> histories) {
  return Spends(histories).LogLikelihood(g);
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
  Spends spends(scaled);
  const Minimum minimum = NelderMead(
      [&](absl::Span<const double> logs) {
        for (double value : logs) {
          if (std::abs(value) > kWidest) return std::numeric_limits<double>::infinity();
        }
        return -spends.LogLikelihood({std::exp(logs[0]), std::exp(logs[1]), std::exp(logs[2])});
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
