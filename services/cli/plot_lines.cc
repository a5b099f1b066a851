#include "cli/plot_lines.h"

#include <algorithm>
#include <limits>

namespace kindred::cli {
namespace {

constexpr double kWidth = 1000;
constexpr double kHeight = 480;

// One line of names with their colours, to the right of the axis' title.
void DrawLegend(const LineChart& chart, double right, double y, PlotSvg* svg) {
  const PlotText style{.size = 12, .color = kPlotInk};
  double x = right;
  const auto entry = [&](const std::string& name, const std::string& color, bool band,
                         bool dashed) {
    if (name.empty()) return;
    const double width = PlotTextWidth(name, style);
    if (x - width - 40 < kWidth / 3) return;
    svg->Text({x - width, y}, name, style);
    x -= width + 8;
    if (band) {
      svg->Rect({x - 22, y - 10, x, y + 1}, {.fill = color, .stroke = "", .opacity = 0.22});
    } else {
      svg->Line({x - 22, y - 4}, {x, y - 4},
                {.fill = "", .stroke = color, .width = 2.2, .dashes = dashed ? "6 4" : ""});
    }
    x -= 22 + 20;
  };
  for (auto band = chart.bands.rbegin(); band != chart.bands.rend(); ++band) {
    entry(band->name, band->color, true, false);
  }
  for (auto line = chart.lines.rbegin(); line != chart.lines.rend(); ++line) {
    entry(line->name, line->color, false, line->dashed);
  }
}

}  // namespace

PlotSvg DrawLines(const LineChart& chart) {
  double top = 0;
  PlotSvg svg = PlotPage(kWidth, kHeight, chart.caption, &top);
  const PlotBox area{kPlotMargin + 50, top + 26, kWidth - kPlotMargin - 8, kHeight - 66};
  int64_t from = std::numeric_limits<int64_t>::max();
  int64_t to = std::numeric_limits<int64_t>::min();
  std::vector<double> values;
  for (const ChartLine& line : chart.lines) {
    for (const auto& [time, value] : line.values) {
      from = std::min(from, time);
      to = std::max(to, time);
      values.push_back(value);
    }
  }
  for (const ChartBand& band : chart.bands) {
    for (const ChartBand::Edge& edge : band.edges) {
      from = std::min(from, edge.time_ms);
      to = std::max(to, edge.time_ms);
      values.insert(values.end(), {edge.lower, edge.upper});
    }
  }
  if (from > to) from = to = 0;
  // The legend stands to the right of the title.
  const PlotAxes axes{
      PlotAxis::Time(from, to), PlotAxis::Linear(values, /*from_zero=*/true), "",
      PlotShorten(chart.y_title, kWidth / 3 - kPlotMargin - 20, {.size = 13, .bold = true})};
  PlotDrawAxes(area, axes, &svg);
  const auto place = [&](int64_t time, double value) {
    return PlotPlace(area, axes, static_cast<double>(time), value);
  };
  for (const ChartBand& band : chart.bands) {
    std::vector<PlotPoint> outline;
    for (const auto& edge : band.edges) outline.push_back(place(edge.time_ms, edge.upper));
    for (auto edge = band.edges.rbegin(); edge != band.edges.rend(); ++edge) {
      outline.push_back(place(edge->time_ms, edge->lower));
    }
    svg.Path(outline, /*closed=*/true, {.fill = band.color, .stroke = "", .opacity = 0.22});
  }
  for (const ChartLine& line : chart.lines) {
    std::vector<PlotPoint> points;
    for (const auto& [time, value] : line.values) points.push_back(place(time, value));
    svg.Path(points, /*closed=*/false,
             {.fill = "", .stroke = line.color, .width = 1.8, .dashes = line.dashed ? "6 4" : ""});
  }
  if (chart.mark_ms != 0) {
    const double x = place(chart.mark_ms, 0).x;
    svg.Line({x, area.top}, {x, area.bottom},
             {.fill = "", .stroke = "#718096", .width = 1, .dashes = "3 3"});
    const PlotText style{.size = 11, .color = kPlotSoftInk, .anchor = PlotAnchor::kEnd};
    svg.Text({x - 6, area.top + 10}, chart.mark_name, style);
  }
  DrawLegend(chart, area.right, area.top - 12, &svg);
  return svg;
}

}  // namespace kindred::cli
