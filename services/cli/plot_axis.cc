#include "cli/plot_axis.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace kindred::cli {
namespace {

constexpr double kRoom = 0.03;  // at the ends, in parts of the axis
constexpr double kDayMs = 86'400'000;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
};

Range RangeOf(absl::Span<const double> values, double above) {
  Range range;
  for (const double value : values) {
    if (!std::isfinite(value) || value <= above) continue;
    range.low = std::min(range.low, value);
    range.high = std::max(range.high, value);
  }
  return range;
}

std::string Grouped(double whole) {
  const std::string digits = absl::StrFormat("%.0f", std::abs(whole));
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out.push_back(',');
    out.push_back(digits[i]);
  }
  return whole < 0 ? absl::StrCat("−", out) : out;
}

// At most three significant digits, without zeros at the end.
std::string Short(double value) {
  std::string out = absl::StrFormat("%.3g", std::abs(value));
  return value < 0 ? absl::StrCat("−", out) : out;
}

// 1, 2 or 5 times a power of ten.
double RoundStep(double rough) {
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double part = rough / power;
  return power * (part <= 1.0001 ? 1 : part <= 2.0001 ? 2 : part <= 5.0001 ? 5 : 10);
}

std::string TimeLabel(absl::CivilSecond time, const char* format) {
  return absl::FormatTime(format, absl::FromCivil(time, absl::UTCTimeZone()), absl::UTCTimeZone());
}

}  // namespace

std::string PlotNumber(double value) {
  if (!std::isfinite(value)) return "–";
  const double size = std::abs(value);
  if (size >= 999'500) return absl::StrCat(Short(value / 1e6), "M");
  if (size >= 9'999.5) return absl::StrCat(Short(value / 1e3), "k");
  if (size >= 99.5 || value == std::round(value)) return Grouped(std::round(value));
  return Short(value);
}

PlotAxis PlotAxis::Linear(absl::Span<const double> values, bool from_zero) {
  Range range = RangeOf(values, -std::numeric_limits<double>::infinity());
  if (range.low > range.high) range = {0, 1};
  if (from_zero) range = {std::min(0.0, range.low), std::max(0.0, range.high)};
  const double span = range.high - range.low;
  // A point where all values are the same; halves, so that no difference overflows.
  if (!(span > 0)) {
    const double reach = range.low == 0 ? 1 : std::abs(range.low) / 2;
    return PlotAxis(Kind::kLinear, range.low - reach, range.high + reach);
  }
  if (!std::isfinite(span)) return PlotAxis(Kind::kLinear, range.low / 2, range.high / 2);
  return PlotAxis(Kind::kLinear, from_zero && range.low == 0 ? 0 : range.low - kRoom * span,
                  from_zero && range.high == 0 ? 0 : range.high + kRoom * span);
}

PlotAxis PlotAxis::Log(absl::Span<const double> values) {
  const Range range = RangeOf(values, 0);
  if (range.low > range.high) return PlotAxis(Kind::kLog, 0, 1);
  const double low = std::log10(range.low);
  const double high = std::log10(range.high);
  const double room = std::max(kRoom * (high - low), high > low ? 0.04 : 0.5);
  return PlotAxis(Kind::kLog, low - room, high + room);
}

PlotAxis PlotAxis::Time(int64_t from_ms, int64_t to_ms) {
  return PlotAxis(Kind::kTime, static_cast<double>(from_ms),
                  static_cast<double>(std::max(from_ms + 1, to_ms)));
}

double PlotAxis::At(double value) const {
  if (kind_ == Kind::kLog) value = value > 0 ? std::log10(value) : low_;
  if (!std::isfinite(value)) return 0;
  return std::clamp((value - low_) / (high_ - low_), 0.0, 1.0);
}

std::vector<PlotTick> PlotAxis::Ticks(size_t most) const {
  most = std::max<size_t>(2, most);
  if (kind_ == Kind::kLog) return LogTicks(most);
  return kind_ == Kind::kTime ? TimeTicks(most) : LinearTicks(most);
}

std::vector<PlotTick> PlotAxis::LinearTicks(size_t most) const {
  const double step = RoundStep((high_ - low_) / static_cast<double>(most));
  std::vector<PlotTick> ticks;
  for (double i = std::ceil(low_ / step); i * step <= high_ && ticks.size() <= 2 * most; ++i) {
    ticks.push_back({i * step, PlotNumber(i * step)});
  }
  return ticks;
}

std::vector<PlotTick> PlotAxis::LogTicks(size_t most) const {
  const int first = static_cast<int>(std::floor(low_));
  const int last = static_cast<int>(std::ceil(high_));
  const double decades = high_ - low_;
  // Few decades: 1, 2, 5; many: every second or third power.
  const int every = std::max(1, static_cast<int>(std::ceil(decades / static_cast<double>(most))));
  const bool between = decades * 3 <= static_cast<double>(most);
  std::vector<PlotTick> ticks;
  for (int power = first; power <= last; ++power) {
    for (const int digit : {1, 2, 3, 4, 5, 6, 7, 8, 9}) {
      const double value = digit * std::pow(10.0, power);
      const double at = std::log10(value);
      if (at < low_ || at > high_) continue;
      const bool named = digit == 1 ? power % every == 0 : between && (digit == 2 || digit == 5);
      if (named || (every == 1 && !between))
        ticks.push_back({value, named ? PlotNumber(value) : ""});
    }
  }
  return ticks;
}

std::vector<PlotTick> PlotAxis::TimeTicks(size_t most) const {
  const double days = (high_ - low_) / kDayMs;
  const double rough = days / static_cast<double>(most);
  const absl::CivilSecond start =
      absl::ToCivilSecond(absl::FromUnixMillis(static_cast<int64_t>(low_)), absl::UTCTimeZone());
  std::vector<PlotTick> ticks;
  const auto add = [&](absl::CivilSecond time, const char* format) {
    const double at =
        static_cast<double>(absl::ToUnixMillis(absl::FromCivil(time, absl::UTCTimeZone())));
    if (at >= low_ && at <= high_) ticks.push_back({at, TimeLabel(time, format)});
    return at <= high_ && ticks.size() <= 2 * most;
  };
  if (rough <= 0.5) {
    int hours = 1;
    for (const int step : {1, 2, 3, 6, 12}) {
      hours = step;
      if (step >= rough * 24) break;
    }
    absl::CivilHour at(absl::CivilDay{start});
    while (add(absl::CivilSecond(at), at.hour() == 0 ? "%d %b" : "%H:%M")) at += hours;
  } else if (rough <= 14) {
    int step_days = 1;
    for (const int step : {1, 2, 7, 14}) {
      step_days = step;
      if (step >= rough) break;
    }
    absl::CivilDay at(start);
    if (step_days >= 7) at = absl::PrevWeekday(at + 1, absl::Weekday::monday);
    while (add(absl::CivilSecond(at), "%d %b")) at += step_days;
  } else {
    int months = 1;
    for (const int step : {1, 2, 3, 6, 12, 24, 60, 120}) {
      months = step;
      if (step * 30.4 >= rough) break;
    }
    absl::CivilMonth at(absl::CivilYear{start});
    while (add(absl::CivilSecond(at), months >= 12 ? "%Y" : "%b %Y")) at += months;
  }
  return ticks;
}

}  // namespace kindred::cli
