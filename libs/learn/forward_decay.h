// Sums whose old parts fade, kept so that they add: each part is weighted once, when it arrives, by
// 2^((t - epoch) / half-life) with one epoch for all; the fading happens when the sum is read. So a
// sum does not depend on the order of arrival (up to rounding), two sums merge by adding, and
// nothing needs a background sweep.
// Source: Cormode, Shkapenyuk, Srivastava, Xu: Forward Decay (ICDE 2009), exponential g.
#ifndef KINDRED_LEARN_FORWARD_DECAY_H_
#define KINDRED_LEARN_FORWARD_DECAY_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/check.h"

namespace kindred::learn {

// One half-life. Stored sums are only valid with the half-life they were made with; the epoch never
// changes. With a half-life of at least 14 days, times within 35 years of the epoch stay below
// 2^914, which leaves room for 2^109 such parts in a double; times outside are taken as the edge of
// that range, so no input makes a weight infinite or zero.
// Shorter half-lives: decayed_sum.h.
// Threads: immutable.
class ForwardDecay {
 public:
  static constexpr int64_t kDayMs = 86'400'000;
  static constexpr int64_t kEpochMs = 1'577'836'800'000;  // 2020-01-01T00:00:00Z
  static constexpr int64_t kRangeMs = 35 * 365 * kDayMs + 9 * kDayMs;
  static constexpr int64_t kMinHalfLifeMs = 14 * kDayMs;

  explicit ForwardDecay(int64_t half_life_ms) : per_ms_(1.0 / static_cast<double>(half_life_ms)) {
    KINDRED_CHECK(half_life_ms >= kMinHalfLifeMs) << "half-life of " << half_life_ms << " ms";
  }

  // What a unit that happens at `t_ms` (milliseconds since 1970 UTC) adds to a stored sum.
  double Weight(int64_t t_ms) const { return std::exp2(Exponent(t_ms)); }

  // What a stored sum is worth at `t_ms`. At a time before its parts this is more than they were.
  double ValueAt(double sum, int64_t t_ms) const {
    constexpr double kMax = std::numeric_limits<double>::max();
    return std::clamp(sum * std::exp2(-Exponent(t_ms)), -kMax, kMax);
  }

 private:
  double Exponent(int64_t t_ms) const {
    return static_cast<double>(std::clamp(t_ms, kEpochMs - kRangeMs, kEpochMs + kRangeMs) -
                               kEpochMs) *
           per_ms_;
  }

  double per_ms_;
};

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_FORWARD_DECAY_H_
