// Points of two dimensions, coloured by group, each group with its centre.
#ifndef KINDRED_CLI_PLOT_SCATTER_H_
#define KINDRED_CLI_PLOT_SCATTER_H_

#include <string>
#include <vector>

#include "cli/plot_frame.h"

namespace kindred::cli {

struct ScatterGroup {
  std::string name;
  double size = 0;  // members, also those that are not among the points
  std::vector<PlotPoint> points;
  bool has_center = false;
  PlotPoint center;
};

struct ScatterChart {
  PlotCaption caption;
  std::string x_title;
  std::string y_title;
  bool log_x = false;
  bool log_y = false;
  std::vector<ScatterGroup> groups;
};

// The groups are numbered from 1: in the legend, and in the marks of their centres. Large groups
// are drawn below small ones.
PlotSvg DrawScatter(const ScatterChart& chart);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_PLOT_SCATTER_H_
