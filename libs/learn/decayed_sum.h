// A fading sum for half-lives too short for forward_decay.h (minutes, hours): the value as of the
// latest time it has seen. Late parts are added with the weight they would have by then, so the
// order of arrival does not matter up to rounding.
#ifndef KINDRED_LEARN_DECAYED_SUM_H_
#define KINDRED_LEARN_DECAYED_SUM_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace kindred::learn {

// 16 bytes, a plain value: stored as it is. The half-life is given to every call and must be the
// same for the life of a sum.
struct DecayedSum {
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::min();

  double value = 0;          // as of time_ms
  int64_t time_ms = kNever;  // the latest time added; kNever while empty

  // 2^(-elapsed / half-life); at most 1.
  static double Factor(int64_t from_ms, int64_t to_ms, int64_t half_life_ms) {
    const double elapsed = static_cast<double>(to_ms) - static_cast<double>(from_ms);
    return elapsed <= 0 ? 1.0 : std::exp2(-elapsed / static_cast<double>(half_life_ms));
  }

  void Add(double amount, int64_t t_ms, int64_t half_life_ms) {
    if (t_ms >= time_ms) {
      if (time_ms != kNever) value *= Factor(time_ms, t_ms, half_life_ms);
      value += amount;
      time_ms = t_ms;
    } else {
      value += amount * Factor(t_ms, time_ms, half_life_ms);
    }
  }

  void Merge(const DecayedSum& other, int64_t half_life_ms) {
    if (other.time_ms != kNever) Add(other.value, other.time_ms, half_life_ms);
  }

  // The value at `t_ms`; before the latest time added it is the value at that latest time.
  double ValueAt(int64_t t_ms, int64_t half_life_ms) const {
    return time_ms == kNever ? 0.0 : value * Factor(time_ms, t_ms, half_life_ms);
  }

  friend bool operator==(const DecayedSum&, const DecayedSum&) = default;
};

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_DECAYED_SUM_H_
