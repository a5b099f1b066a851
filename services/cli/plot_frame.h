// What every chart has: a title, a line below it that says what is shown, a plot area with grid and
// axes, and a note at the foot.
#ifndef KINDRED_CLI_PLOT_FRAME_H_
#define KINDRED_CLI_PLOT_FRAME_H_

#include <string>

#include "cli/plot_axis.h"
#include "cli/plot_svg.h"

namespace kindred::cli {

struct PlotCaption {
  std::string title;
  std::string subtitle;
  std::string note;  // where the data is from, what is left out
};

inline constexpr double kPlotMargin = 28;
inline constexpr char kPlotInk[] = "#1a202c";
inline constexpr char kPlotSoftInk[] = "#5a6577";
inline constexpr char kPlotGrid[] = "#e6eaf0";

// A page with its caption. `top` becomes where the rest may begin.
PlotSvg PlotPage(double width, double height, const PlotCaption& caption, double* top);

struct PlotAxes {
  PlotAxis x;
  PlotAxis y;
  std::string x_title;
  std::string y_title;
};

// Grid, ticks and titles around `area`; labels never touch each other. Titles lie below and above
// the area; leave 46 pixels below, 24 above and 58 to the left of it.
void PlotDrawAxes(const PlotBox& area, const PlotAxes& axes, PlotSvg* svg);
// The place of a value in the area.
PlotPoint PlotPlace(const PlotBox& area, const PlotAxes& axes, double x, double y);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_PLOT_FRAME_H_
