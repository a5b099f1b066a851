#include "cli/plot_scatter.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace kindred::cli {
namespace {

constexpr double kWidth = 1000;
constexpr double kHeight = 640;
constexpr double kLegend = 250;
constexpr double kMark = 12;  // radius of a centre's mark

PlotAxis AxisOf(const ScatterChart& chart, double PlotPoint::*side, bool log) {
  std::vector<double> values;
  for (const ScatterGroup& group : chart.groups) {
    for (const PlotPoint& point : group.points) values.push_back(point.*side);
    if (group.has_center) values.push_back(group.center.*side);
  }
  return log ? PlotAxis::Log(values) : PlotAxis::Linear(values, /*from_zero=*/false);
}

void DrawMark(PlotPoint at, size_t group, PlotSvg* svg) {
  svg->Circle(at, kMark + 1.5, {.fill = "#ffffff", .stroke = ""});
  svg->Circle(at, kMark, {.fill = std::string(PlotColor(group)), .stroke = ""});
  svg->Text({at.x, at.y + 4.5}, absl::StrCat(group + 1),
            {.size = 12, .color = "#ffffff", .anchor = PlotAnchor::kMiddle, .bold = true});
}

// Pushes marks apart that would cover each other; they stay within the area.
std::vector<PlotPoint> Separate(std::vector<PlotPoint> marks, const PlotBox& area) {
  constexpr double kApart = 2 * kMark + 4;
  for (int round = 0; round < 200; ++round) {
    bool moved = false;
    for (size_t i = 0; i < marks.size(); ++i) {
      for (size_t j = i + 1; j < marks.size(); ++j) {
        double dx = marks[j].x - marks[i].x;
        double dy = marks[j].y - marks[i].y;
        const double distance = std::hypot(dx, dy);
        if (distance >= kApart) continue;
        moved = true;
        // The same place: each pair has a direction of its own.
        if (distance < 1e-6) {
          dx = std::cos(static_cast<double>(i + 3 * j));
          dy = std::sin(static_cast<double>(i + 3 * j));
        }
        const double push = (kApart - distance) / 2 + 0.1;
        const double length = std::max(std::hypot(dx, dy), 1e-6);
        marks[i] = {marks[i].x - dx / length * push, marks[i].y - dy / length * push};
        marks[j] = {marks[j].x + dx / length * push, marks[j].y + dy / length * push};
      }
    }
    for (PlotPoint& mark : marks) {
      mark.x = std::clamp(mark.x, area.left + kMark, area.right - kMark);
      mark.y = std::clamp(mark.y, area.top + kMark, area.bottom - kMark);
    }
    if (!moved) break;
  }
  return marks;
}

void DrawLegend(const ScatterChart& chart, double left, double top, double bottom, PlotSvg* svg) {
  const PlotText name{.size = 13, .color = kPlotInk};
  const PlotText size{.size = 12, .color = kPlotSoftInk};
  double total = 0;
  for (const ScatterGroup& group : chart.groups) total += group.size;
  double y = top + kMark;
  for (size_t g = 0; g < chart.groups.size(); ++g) {
    const ScatterGroup& group = chart.groups[g];
    std::vector<std::string> lines =
        PlotWrap(group.name, kLegend - kPlotMargin - 2 * kMark - 10, name);
    if (lines.size() > 3) lines.resize(3);
    const double height = 17.0 * static_cast<double>(lines.size()) + 28;
    if (y + height > bottom && g + 1 < chart.groups.size()) {
      svg->Text({left, y + 5}, absl::StrCat("and ", chart.groups.size() - g, " more"), size);
      return;
    }
    DrawMark({left + kMark, y}, g, svg);
    double line_y = y + 4.5;
    for (const std::string& line : lines) {
      svg->Text({left + 2 * kMark + 10, line_y},
                PlotShorten(line, kLegend - kPlotMargin - 2 * kMark - 10, name), name);
      line_y += 17;
    }
    svg->Text({left + 2 * kMark + 10, line_y},
              absl::StrFormat("%s customers, %.0f %%", PlotNumber(group.size),
                              total > 0 ? 100 * group.size / total : 0),
              size);
    y += height;
  }
}

}  // namespace

PlotSvg DrawScatter(const ScatterChart& chart) {
  double top = 0;
  PlotSvg svg = PlotPage(kWidth, kHeight, chart.caption, &top);
  const PlotBox area{kPlotMargin + 50, top + 26, kWidth - kLegend - 24, kHeight - 82};
  const PlotAxes axes{AxisOf(chart, &PlotPoint::x, chart.log_x),
                      AxisOf(chart, &PlotPoint::y, chart.log_y), chart.x_title, chart.y_title};
  PlotDrawAxes(area, axes, &svg);
  size_t points = 0;
  for (const ScatterGroup& group : chart.groups) points += group.points.size();
  const double radius = points > 3000 ? 2.2 : points > 600 ? 2.8 : 3.6;
  const double opacity = points > 3000 ? 0.35 : points > 600 ? 0.5 : 0.65;
  std::vector<size_t> order(chart.groups.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&chart](size_t a, size_t b) {
    return chart.groups[a].points.size() > chart.groups[b].points.size();
  });
  for (const size_t g : order) {
    std::vector<PlotPoint> dots;
    for (const PlotPoint& point : chart.groups[g].points) {
      dots.push_back(PlotPlace(area, axes, point.x, point.y));
    }
    svg.Dots(dots, radius, {.fill = std::string(PlotColor(g)), .stroke = "", .opacity = opacity});
  }
  std::vector<size_t> marked;
  std::vector<PlotPoint> centers;
  for (size_t g = 0; g < chart.groups.size(); ++g) {
    if (!chart.groups[g].has_center) continue;
    marked.push_back(g);
    centers.push_back(PlotPlace(area, axes, chart.groups[g].center.x, chart.groups[g].center.y));
  }
  const std::vector<PlotPoint> marks = Separate(centers, area);
  for (size_t i = 0; i < marked.size(); ++i) {
    if (std::hypot(marks[i].x - centers[i].x, marks[i].y - centers[i].y) < kMark) continue;
    svg.Line(centers[i], marks[i],
             {.fill = "", .stroke = std::string(PlotColor(marked[i])), .width = 1.5});
    svg.Circle(centers[i], 3, {.fill = std::string(PlotColor(marked[i])), .stroke = "#ffffff"});
  }
  for (size_t i = 0; i < marked.size(); ++i) DrawMark(marks[i], marked[i], &svg);
  DrawLegend(chart, kWidth - kLegend, area.top, area.bottom, &svg);
  return svg;
}

}  // namespace kindred::cli
