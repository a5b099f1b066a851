// Segments at a glance: how large each is, and in what it differs.
#ifndef KINDRED_CLI_PLOT_SEGMENTS_H_
#define KINDRED_CLI_PLOT_SEGMENTS_H_

#include <string>
#include <vector>

#include "cli/plot_frame.h"

namespace kindred::cli {

struct SegmentColumn {
  std::string name;
  double size = 0;   // customers
  double share = 0;  // of all, 0 to 1
  // One of each row of the chart.
  std::vector<double> values;        // of the centre, original units
  std::vector<double> standardized;  // the same in deviations from the mean of all customers
};

struct SegmentsChart {
  PlotCaption caption;
  std::vector<std::string> rows;       // names of the features
  std::vector<SegmentColumn> columns;  // at most 12 are drawn
};

// Above: a bar for each segment; below: features against segments, blue where the centre is below
// the mean of all customers and orange where it is above.
PlotSvg DrawSegments(const SegmentsChart& chart);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_PLOT_SEGMENTS_H_
