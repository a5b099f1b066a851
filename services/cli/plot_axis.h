// An axis: from values to places, with round ticks and readable labels.
#ifndef KINDRED_CLI_PLOT_AXIS_H_
#define KINDRED_CLI_PLOT_AXIS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace kindred::cli {

// "1,234", "0.25", "12.5k" from 10,000 and "3.2M" from a million on.
std::string PlotNumber(double value);

struct PlotTick {
  double value = 0;
  std::string label;  // empty: a line without a label
};

class PlotAxis {
 public:
  // Over all values, with a little room at the ends; `from_zero` begins at 0.
  static PlotAxis Linear(absl::Span<const double> values, bool from_zero);
  // For heavy tails. Values of 0 and below lie at the lower end, which is the least value above 0.
  static PlotAxis Log(absl::Span<const double> values);
  // Milliseconds since 1970, UTC.
  static PlotAxis Time(int64_t from_ms, int64_t to_ms);

  // 0 at the lower end, 1 at the upper, within both; 0 for what is not finite.
  double At(double value) const;
  // At most about `most` with a label, in order.
  std::vector<PlotTick> Ticks(size_t most) const;
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  enum class Kind { kLinear, kLog, kTime };
  PlotAxis(Kind kind, double low, double high) : kind_(kind), low_(low), high_(high) {}
  std::vector<PlotTick> LinearTicks(size_t most) const;
  std::vector<PlotTick> LogTicks(size_t most) const;
  std::vector<PlotTick> TimeTicks(size_t most) const;

  Kind kind_;
  double low_;  // below high_
  double high_;
};

}  // namespace kindred::cli

#endif  // KINDRED_CLI_PLOT_AXIS_H_
