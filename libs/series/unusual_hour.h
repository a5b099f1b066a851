// Is the hour that just ended unusual, given the days before it?
#ifndef KINDRED_SERIES_UNUSUAL_HOUR_H_
#define KINDRED_SERIES_UNUSUAL_HOUR_H_

#include <cstddef>

#include "absl/types/span.h"

namespace kindred::series {

struct HourJudgement {
  double actual = 0;
  double expected = 0;  // what the hours before foretold, at least 0
  // (actual - expected) in robust standard deviations of the forecast's former errors; of counts
  // never more than their own randomness (Poisson) explains. 0 when there was too little to judge
  // by.
  double score = 0;
};

// Hours of history needed before one is judged.
inline constexpr size_t kHoursToJudge = 3 * 24;
// Beyond this an hour is called unusual.
inline constexpr double kUnusualScore = 5;

// `hours`: finite values, oldest first; the last is judged by a Holt-Winters forecast with a day as
// season from those before. `counts`: the values are numbers of events.
HourJudgement JudgeLastHour(absl::Span<const double> hours, bool counts);

}  // namespace kindred::series

#endif  // KINDRED_SERIES_UNUSUAL_HOUR_H_
