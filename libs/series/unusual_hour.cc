#include "series/unusual_hour.h"

#include <algorithm>
#include <cmath>

#include "learn/exponential_smoothing.h"
#include "learn/forecast.h"

namespace kindred::series {
namespace {

// Errors of the first two days are those of a model that has just begun.
constexpr size_t kWarmUp = 2 * 24;
constexpr double kMostScore = 1000;

}  // namespace

HourJudgement JudgeLastHour(absl::Span<const double> hours, bool counts) {
  HourJudgement result;
  if (hours.empty()) return result;
  result.actual = hours.back();
  if (hours.size() <= kHoursToJudge) return result;
  const auto model = learn::HoltWinters(hours.first(hours.size() - 1), 24, 1);
  if (!model.ok() || !std::isfinite(model->mean[0])) return result;
  result.expected = std::max(0.0, model->mean[0]);
  const double error = result.actual - result.expected;
  double score = learn::RobustScore(absl::MakeConstSpan(model->residuals).subspan(kWarmUp), error);
  if (counts) {
    const double chance = std::abs(error) / std::sqrt(std::max(1.0, result.expected));
    score = std::clamp(score, -chance, chance);
  }
  result.score = std::clamp(score, -kMostScore, kMostScore);
  return result;
}

}  // namespace kindred::series
