#include "cli/plot_segments.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace kindred::cli {
namespace {

constexpr double kWidth = 1000;
constexpr double kBarRow = 30;
constexpr double kCellRow = 26;
constexpr double kNames = 330;  // of segments
constexpr double kRowNames = 250;
constexpr size_t kMost = 12;

// −2 deviations is blue, 0 white, +2 orange.
std::string HeatColor(double z) {
  const double part = std::clamp(z / 2, -1.0, 1.0);
  const std::array<double, 3> end =
      part < 0 ? std::array<double, 3>{43, 108, 176} : std::array<double, 3>{221, 107, 32};
  const double depth = 0.85 * std::abs(part);
  const auto mix = [&](size_t i) {
    return static_cast<int>(std::lround(255 + (end[i] - 255) * depth));
  };
  return absl::StrFormat("#%02x%02x%02x", mix(0), mix(1), mix(2));
}

void DrawNumber(PlotPoint at, size_t column, PlotSvg* svg) {
  svg->Circle(at, 11, {.fill = std::string(PlotColor(column)), .stroke = ""});
  svg->Text({at.x, at.y + 4.3}, absl::StrCat(column + 1),
            {.size = 12, .color = "#ffffff", .anchor = PlotAnchor::kMiddle, .bold = true});
}

void DrawBars(const SegmentsChart& chart, size_t count, double top, PlotSvg* svg) {
  double largest = 0;
  for (size_t i = 0; i < count; ++i) largest = std::max(largest, chart.columns[i].size);
  const PlotText name{.size = 13, .color = kPlotInk};
  const double left = kPlotMargin + 34 + kNames;
  const double room = kWidth - kPlotMargin - left - 150;
  for (size_t i = 0; i < count; ++i) {
    const SegmentColumn& column = chart.columns[i];
    const double y = top + kBarRow * (static_cast<double>(i) + 0.5);
    DrawNumber({kPlotMargin + 11, y}, i, svg);
    svg->Text({kPlotMargin + 34, y + 4.5}, PlotShorten(column.name, kNames - 16, name), name);
    const double width = largest > 0 ? room * column.size / largest : 0;
    svg->Rect({left, y - 9, left + std::max(2.0, width), y + 9},
              {.fill = std::string(PlotColor(i)), .stroke = "", .opacity = 0.85}, 2);
    svg->Text({left + width + 10, y + 4.5},
              absl::StrFormat("%s (%.0f %%)", PlotNumber(column.size), 100 * column.share),
              {.size = 12, .color = kPlotSoftInk});
  }
}

void DrawScale(double right, double y, PlotSvg* svg) {
  const PlotText style{.size = 11, .color = kPlotSoftInk};
  constexpr double kStep = 16;
  const std::string high = "above the mean of all";
  const std::string low = "below";
  double x = right - PlotTextWidth(high, style);
  svg->Text({x, y + 4}, high, style);
  x -= 8 + 9 * kStep;
  for (int i = 0; i < 9; ++i) {
    svg->Rect({x + kStep * i, y - 6, x + kStep * (i + 1), y + 6},
              {.fill = HeatColor((i - 4) / 2.0), .stroke = "#e2e8f0"});
  }
  svg->Text({x - 8 - PlotTextWidth(low, style), y + 4}, low, style);
}

void DrawCells(const SegmentsChart& chart, size_t count, double top, PlotSvg* svg) {
  const double left = kPlotMargin + kRowNames;
  const double cell =
      (kWidth - kPlotMargin - left) / static_cast<double>(std::max<size_t>(1, count));
  for (size_t i = 0; i < count; ++i) {
    DrawNumber({left + cell * (static_cast<double>(i) + 0.5), top}, i, svg);
  }
  const PlotText name{.size = 13, .color = kPlotInk};
  for (size_t r = 0; r < chart.rows.size(); ++r) {
    const double y = top + 18 + kCellRow * static_cast<double>(r);
    svg->Text({kPlotMargin, y + kCellRow / 2 + 4.5},
              PlotShorten(absl::StrReplaceAll(chart.rows[r], {{"_", " "}}), kRowNames - 12, name),
              name);
    for (size_t i = 0; i < count; ++i) {
      const SegmentColumn& column = chart.columns[i];
      if (r >= column.values.size() || r >= column.standardized.size()) continue;
      const double x = left + cell * static_cast<double>(i);
      const double z = column.standardized[r];
      svg->Rect({x + 1, y + 1, x + cell - 1, y + kCellRow - 1},
                {.fill = HeatColor(z), .stroke = ""}, 2);
      const PlotText value{.size = cell < 70 ? 11.0 : 12.0,
                           .color = std::abs(z) > 1.3 ? "#ffffff" : kPlotInk,
                           .anchor = PlotAnchor::kMiddle};
      svg->Text({x + cell / 2, y + kCellRow / 2 + 4.3},
                PlotShorten(PlotNumber(column.values[r]), cell - 4, value), value);
    }
  }
}

}  // namespace

PlotSvg DrawSegments(const SegmentsChart& chart) {
  const size_t count = std::min(kMost, chart.columns.size());
  const double lines = static_cast<double>(
      PlotWrap(chart.caption.subtitle, kWidth - 2 * kPlotMargin, {.size = 13}).size());
  const double bars = kBarRow * static_cast<double>(count);
  const double cells = kCellRow * static_cast<double>(chart.rows.size());
  const double height = 56 + 18 * lines + bars + 74 + cells + 56;
  double top = 0;
  PlotSvg svg = PlotPage(kWidth, height, chart.caption, &top);
  DrawBars(chart, count, top + 6, &svg);
  const double heat = top + bars + 34;
  svg.Text({kPlotMargin, heat + 4}, "What a typical customer of each looks like",
           {.size = 14, .color = kPlotInk, .bold = true});
  DrawScale(kWidth - kPlotMargin, heat, &svg);
  DrawCells(chart, count, heat + 32, &svg);
  return svg;
}

}  // namespace kindred::cli
