// How sure a share is that was counted.
#ifndef KINDRED_LEARN_PROPORTION_H_
#define KINDRED_LEARN_PROPORTION_H_

#include <algorithm>
#include <cmath>

namespace kindred::learn {

struct Interval {
  double low = 0;
  double high = 1;
};

// Wilson's score interval (1927): where the true probability lies when `successes` of `trials` came
// true; `z` standard deviations wide (1.96: 95 %). Holds for few trials and for shares near 0 and
// 1, where the usual p ± z·√(p(1-p)/n) fails. Without trials: 0 to 1. More successes than trials
// count as all.
inline Interval WilsonInterval(double successes, double trials, double z = 1.959964) {
  if (!(trials > 0)) return {};
  const double p = std::clamp(successes / trials, 0.0, 1.0);
  const double z2 = z * z;
  const double center = (p + z2 / (2 * trials)) / (1 + z2 / trials);
  const double half =
      z / (1 + z2 / trials) * std::sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials));
  return {std::max(0.0, center - half), std::min(1.0, center + half)};
}

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_PROPORTION_H_
