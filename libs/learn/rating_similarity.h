// Similarities of the textbooks of collaborative filtering on ratings. They take numbers that were
// paired already; who paired them is not their business.
#ifndef KINDRED_LEARN_RATING_SIMILARITY_H_
#define KINDRED_LEARN_RATING_SIMILARITY_H_

#include <cmath>
#include <cstdint>

namespace kindred::learn {

// Sums over pairs (x, y): add in any order, and add to each other.
struct PairSums {
  double count = 0;
  double x = 0, y = 0, xx = 0, yy = 0, xy = 0;

  // `weight` -1 takes a pair out.
  void Add(double a, double b, double weight = 1) {
    count += weight;
    x += weight * a;
    y += weight * b;
    xx += weight * a * a;
    yy += weight * b * b;
    xy += weight * a * b;
  }
};

// Pearson's correlation of the pairs, -1 to 1; NaN with fewer than two, or when one side does not
// vary. Between users over the items that both rated: Resnick et al., "GroupLens", CSCW 1994.
inline double Pearson(const PairSums& sums) {
  if (sums.count < 2) return std::nan("");
  const double xy = sums.count * sums.xy - sums.x * sums.y;
  const double xx = sums.count * sums.xx - sums.x * sums.x;
  const double yy = sums.count * sums.yy - sums.y * sums.y;
  if (!(xx > 1e-9 * sums.count * sums.xx) || !(yy > 1e-9 * sums.count * sums.yy)) {
    return std::nan("");
  }
  return xy / std::sqrt(xx * yy);
}

// Cosine of the pairs; NaN when one side is all zero. Between items, x and y being a user's ratings
// minus that user's mean over all their ratings: adjusted cosine, Sarwar et al., WWW 2001.
inline double Cosine(const PairSums& sums) {
  if (!(sums.xx > 0) || !(sums.yy > 0)) return std::nan("");
  return sums.xy / std::sqrt(sums.xx * sums.yy);
}

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_RATING_SIMILARITY_H_
