#include "cli/plot_frame.h"

#include <vector>

#include "absl/strings/str_cat.h"

namespace kindred::cli {
namespace {

constexpr double kTickSize = 12;
constexpr double kLabelGap = 10;

bool Free(const PlotBox& box, const std::vector<PlotBox>& taken) {
  for (const PlotBox& other : taken) {
    if (box.Overlaps(other)) return false;
  }
  return true;
}

}  // namespace

PlotSvg PlotPage(double width, double height, const PlotCaption& caption, double* top) {
  PlotSvg svg(width, height, caption.title, absl::StrCat(caption.subtitle, " ", caption.note));
  const double room = width - 2 * kPlotMargin;
  double y = 40;
  const PlotText title{.size = 20, .color = kPlotInk, .bold = true};
  svg.Text({kPlotMargin, y}, PlotShorten(caption.title, room, title), title);
  const PlotText subtitle{.size = 13, .color = kPlotSoftInk};
  for (const std::string& line : PlotWrap(caption.subtitle, room, subtitle)) {
    y += y == 40 ? 23 : 18;
    svg.Text({kPlotMargin, y}, PlotShorten(line, room, subtitle), subtitle);
  }
  const PlotText note{.size = 11, .color = "#8a94a6"};
  svg.Text({kPlotMargin, height - 14}, PlotShorten(caption.note, room, note), note);
  *top = y + 16;
  return svg;
}

PlotPoint PlotPlace(const PlotBox& area, const PlotAxes& axes, double x, double y) {
  return {area.left + axes.x.At(x) * area.width(), area.bottom - axes.y.At(y) * area.height()};
}

void PlotDrawAxes(const PlotBox& area, const PlotAxes& axes, PlotSvg* svg) {
  const PlotPaint grid{.fill = "", .stroke = kPlotGrid};
  const PlotPaint faint{.fill = "", .stroke = "#f2f4f8"};
  std::vector<PlotBox> taken;
  PlotText style{.size = kTickSize, .color = kPlotSoftInk, .anchor = PlotAnchor::kMiddle};
  for (const PlotTick& tick : axes.x.Ticks(static_cast<size_t>(area.width() / 90))) {
    const double x = area.left + axes.x.At(tick.value) * area.width();
    svg->Line({x, area.top}, {x, area.bottom}, tick.label.empty() ? faint : grid);
    PlotBox box = PlotTextBox({x, area.bottom + 18}, tick.label, style);
    box.right += kLabelGap;
    if (tick.label.empty() || !Free(box, taken)) continue;
    taken.push_back(box);
    svg->Text({x, area.bottom + 18}, tick.label, style);
  }
  style.anchor = PlotAnchor::kEnd;
  for (const PlotTick& tick : axes.y.Ticks(static_cast<size_t>(area.height() / 55))) {
    const double y = area.bottom - axes.y.At(tick.value) * area.height();
    svg->Line({area.left, y}, {area.right, y}, tick.label.empty() ? faint : grid);
    const PlotPoint at{area.left - 8, y + 4};
    if (tick.label.empty() || !Free(PlotTextBox(at, tick.label, style), taken)) continue;
    taken.push_back(PlotTextBox(at, tick.label, style));
    svg->Text(at, tick.label, style);
  }
  svg->Line({area.left, area.bottom}, {area.right, area.bottom},
            {.fill = "", .stroke = "#a0aec0", .width = 1.2});
  const PlotText x_title{
      .size = 13, .color = kPlotInk, .anchor = PlotAnchor::kMiddle, .bold = true};
  svg->Text({(area.left + area.right) / 2, area.bottom + 40},
            PlotShorten(axes.x_title, area.width(), x_title), x_title);
  const PlotText y_title{.size = 13, .color = kPlotInk, .bold = true};
  svg->Text({area.left - 50, area.top - 12}, PlotShorten(axes.y_title, area.width() + 50, y_title),
            y_title);
}

}  // namespace kindred::cli
