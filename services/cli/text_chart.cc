#include "cli/text_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/plot_axis.h"

namespace kindred::cli {
namespace {

constexpr size_t kLabelWidth = 8;

// Two by four dots a character.
class DotCanvas {
 public:
  DotCanvas(size_t width, size_t height)
      : width_(width), height_(height), dots_(width * height, 0), shades_(width * height, 0) {}

  void Dot(size_t x, size_t y) {
    static constexpr uint8_t kBits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    dots_[Cell(x, y)] |= kBits[y % 4][x % 2];
  }
  void Shade(size_t x, size_t y) { shades_[Cell(x, y)] = 1; }
  size_t dots_wide() const { return 2 * width_; }
  size_t dots_high() const { return 4 * height_; }

  std::string Line(size_t row) const {
    std::string out;
    for (size_t x = 0; x < width_; ++x) {
      const uint8_t dots = dots_[row * width_ + x];
      if (dots != 0) {
        // U+2800 and the pattern, as UTF-8.
        out.push_back('\xE2');
        out.push_back(static_cast<char>(0xA0 | (dots >> 6)));
        out.push_back(static_cast<char>(0x80 | (dots & 0x3F)));
      } else {
        absl::StrAppend(&out, shades_[row * width_ + x] != 0 ? "░" : " ");
      }
    }
    return out;
  }

 private:
  size_t Cell(size_t x, size_t y) const {
    return std::min(y / 4, height_ - 1) * width_ + std::min(x / 2, width_ - 1);
  }
  const size_t width_;
  const size_t height_;
  std::vector<uint8_t> dots_;
  std::vector<uint8_t> shades_;
};

// A value for each of so many columns of dots.
std::vector<double> Spread(const std::vector<double>& values, size_t columns) {
  std::vector<double> result(columns);
  const double n = static_cast<double>(values.size());
  for (size_t x = 0; x < columns; ++x) {
    const double share = n / static_cast<double>(columns);
    const size_t begin = static_cast<size_t>(static_cast<double>(x) * share);
    const size_t end = std::max(begin + 1, static_cast<size_t>(static_cast<double>(x + 1) * share));
    double sum = 0;
    size_t count = 0;
    for (size_t i = begin; i < std::min(end, values.size()); ++i, ++count) sum += values[i];
    result[x] = count > 0 ? sum / static_cast<double>(count) : values.back();
  }
  return result;
}

}  // namespace

std::string TextChartLines(const TextChart& chart) {
  const size_t steps = chart.values.size() + chart.forecast.size();
  if (steps == 0 || chart.width == 0 || chart.height == 0) return "";
  std::vector<double> all = chart.values;
  for (const auto* part : {&chart.forecast, &chart.lower, &chart.upper}) {
    all.insert(all.end(), part->begin(), part->end());
  }
  const PlotAxis axis = PlotAxis::Linear(all, /*from_zero=*/true);
  DotCanvas canvas(chart.width, chart.height);
  const size_t history =
      chart.forecast.empty()
          ? canvas.dots_wide()
          : std::max<size_t>(1, canvas.dots_wide() * chart.values.size() / steps);
  const auto row = [&](double value) {
    const double high = static_cast<double>(canvas.dots_high() - 1);
    return static_cast<size_t>(std::lround((1 - axis.At(value)) * high));
  };
  const auto draw = [&](const std::vector<double>& values, size_t begin, size_t end) {
    if (values.empty() || begin >= end) return;
    const std::vector<double> spread = Spread(values, end - begin);
    size_t last = row(spread.front());
    for (size_t x = 0; x < spread.size(); ++x) {
      const size_t now = row(spread[x]);
      for (size_t y = std::min(last, now); y <= std::max(last, now); ++y) canvas.Dot(begin + x, y);
      last = now;
    }
  };
  draw(chart.values, 0, history);
  if (chart.lower.size() == chart.upper.size() && !chart.lower.empty() &&
      history < canvas.dots_wide()) {
    const std::vector<double> lower = Spread(chart.lower, canvas.dots_wide() - history);
    const std::vector<double> upper = Spread(chart.upper, canvas.dots_wide() - history);
    for (size_t x = 0; x < lower.size(); ++x) {
      for (size_t y = row(upper[x]); y <= row(lower[x]); ++y) canvas.Shade(history + x, y);
    }
  }
  draw(chart.forecast, history, canvas.dots_wide());
  std::string out;
  std::vector<std::string> labels(chart.height);
  for (const PlotTick& tick : axis.Ticks(std::max<size_t>(2, chart.height / 3))) {
    labels[std::min(row(tick.value) / 4, chart.height - 1)] = tick.label;
  }
  for (size_t line = 0; line < chart.height; ++line) {
    // A minus sign is three bytes wide.
    const size_t shown = labels[line].size() - (absl::StrContains(labels[line], "−") ? 2 : 0);
    const size_t pad = kLabelWidth > shown ? kLabelWidth - shown : 0;
    absl::StrAppend(&out, std::string(pad, ' '), labels[line], labels[line].empty() ? " │" : " ┤",
                    canvas.Line(line), "\n");
  }
  const size_t used = chart.from_label.size() + chart.to_label.size();
  absl::StrAppend(&out, std::string(kLabelWidth + 2, ' '), chart.from_label,
                  std::string(chart.width > used ? chart.width - used : 1, ' '), chart.to_label,
                  "\n");
  return out;
}

}  // namespace kindred::cli
