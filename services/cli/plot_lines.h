// Values over time as lines, with bands around some of them.
#ifndef KINDRED_CLI_PLOT_LINES_H_
#define KINDRED_CLI_PLOT_LINES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cli/plot_frame.h"

namespace kindred::cli {

struct ChartLine {
  std::string name;
  std::string color;
  bool dashed = false;
  std::vector<std::pair<int64_t, double>> values;  // milliseconds since 1970 UTC, in order
};

struct ChartBand {
  std::string name;
  std::string color;
  struct Edge {
    int64_t time_ms;
    double lower;
    double upper;
  };
  std::vector<Edge> edges;  // in order
};

struct LineChart {
  PlotCaption caption;
  std::string y_title;
  std::vector<ChartBand> bands;  // below the lines
  std::vector<ChartLine> lines;  // the last on top
  int64_t mark_ms = 0;           // a vertical line, "where the forecast begins"; 0: none
  std::string mark_name;
};

// The vertical axis begins at 0 unless something is below it.
PlotSvg DrawLines(const LineChart& chart);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_PLOT_LINES_H_
