// Charts of a table of customers.
#ifndef KINDRED_CLI_PLOT_CUSTOMERS_H_
#define KINDRED_CLI_PLOT_CUSTOMERS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "cli/customer_table.h"
#include "cli/plot_dendrogram.h"
#include "cli/plot_scatter.h"
#include "cli/plot_segments.h"

namespace kindred::cli {

// Purchase frequency against total spend, both on logarithmic axes.
ScatterChart FrequencySpendChart(const CustomerTable& table);
// The first two principal components of the standardised dimensions.
ScatterChart ComponentsChart(const CustomerTable& table, const std::vector<size_t>& dimensions);
// Sizes and centres of the groups.
SegmentsChart GroupsChart(const CustomerTable& table);
// Ward's hierarchy of at most 2,000 customers, evenly chosen.
DendrogramChart HierarchyChart(const CustomerTable& table, const std::vector<size_t>& dimensions,
                               size_t clusters);

// "purchase frequency (purchases)".
std::string FeatureTitle(size_t dimension);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_PLOT_CUSTOMERS_H_
