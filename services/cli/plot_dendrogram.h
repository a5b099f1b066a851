// A hierarchy of customers: which groups are joined, and how far apart they are.
#ifndef KINDRED_CLI_PLOT_DENDROGRAM_H_
#define KINDRED_CLI_PLOT_DENDROGRAM_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/types/span.h"
#include "cli/plot_frame.h"
#include "learn/agglomerative.h"

namespace kindred::cli {

struct DendrogramChart {
  PlotCaption caption;
  learn::Dendrogram tree;
  size_t clusters = 3;  // coloured: the clusters when this many are left
  size_t leaves = 24;   // drawn at most; what is joined below is one leaf
  // What to write beside a leaf, given the points it holds.
  std::function<std::string(absl::Span<const size_t> points)> name;
};

// Leaves to the left, one below the other; joins to the right, by height.
PlotSvg DrawDendrogram(const DendrogramChart& chart);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_PLOT_DENDROGRAM_H_
