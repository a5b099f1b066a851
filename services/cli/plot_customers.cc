#include "cli/plot_customers.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/hash.h"
#include "cli/plot_axis.h"
#include "learn/agglomerative.h"
#include "learn/covariance.h"
#include "learn/pca.h"

namespace kindred::cli {
namespace {

constexpr size_t kMostDots = 4'000;
constexpr size_t kMostJoined = 2'000;
constexpr size_t kFrequency = static_cast<size_t>(profile::FeatureId::kPurchaseFrequency);
constexpr size_t kSpend = static_cast<size_t>(profile::FeatureId::kTotalSpend);

// At most `most` rows, chosen by a hash of their ids: the same on every run, whatever the order.
std::vector<size_t> Sample(const CustomerTable& table, size_t most) {
  std::vector<size_t> rows(table.rows.size());
  std::iota(rows.begin(), rows.end(), size_t{0});
  if (rows.size() <= most) return rows;
  std::vector<std::pair<uint64_t, size_t>> hashed;
  for (const size_t i : rows) hashed.emplace_back(base::Fingerprint64(table.rows[i].id), i);
  std::sort(hashed.begin(), hashed.end());
  rows.clear();
  for (size_t i = 0; i < most; ++i) rows.push_back(hashed[i].second);
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::string Plain(absl::string_view name) {
  return absl::StrReplaceAll(std::string(name), {{"_", " "}});
}

std::string Note(const CustomerTable& table, size_t drawn) {
  return drawn < table.rows.size()
             ? absl::StrCat(table.source, "; ", PlotNumber(static_cast<double>(drawn)),
                            " of them are drawn")
             : table.source;
}

std::vector<ScatterGroup> EmptyGroups(const CustomerTable& table) {
  std::vector<ScatterGroup> groups;
  for (const CustomerGroup& group : table.groups) {
    ScatterGroup& out = groups.emplace_back();
    out.name = group.name;
    out.size = group.size;
  }
  return groups;
}

// "sessions, total spend": what moves a component most, with a minus where it falls.
std::string Loadings(absl::Span<const double> direction, const std::vector<size_t>& dimensions) {
  std::vector<size_t> order(direction.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [direction](size_t a, size_t b) {
    return std::abs(direction[a]) > std::abs(direction[b]);
  });
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min<size_t>(3, order.size()); ++i) {
    names.push_back(absl::StrCat(direction[order[i]] < 0 ? "less " : "more ",
                                 Plain(profile::GetFeatureInfo(dimensions[order[i]]).name)));
  }
  return absl::StrJoin(names, ", ");
}

}  // namespace

std::string FeatureTitle(size_t dimension) {
  const profile::FeatureInfo& info = profile::GetFeatureInfo(dimension);
  const std::string name = Plain(info.name);
  // "tenure days", "weekend share" say it already.
  return absl::StrContains(name, info.unit) ? name : absl::StrCat(name, " (", info.unit, ")");
}

ScatterChart FrequencySpendChart(const CustomerTable& table) {
  ScatterChart chart;
  chart.groups = EmptyGroups(table);
  size_t drawn = 0;
  size_t without = 0;
  for (const size_t i : Sample(table, kMostDots)) {
    const CustomerRow& row = table.rows[i];
    if (row.group < 0) continue;
    // A logarithmic axis has no place for those.
    if (!(row.features[kFrequency] > 0) || !(row.features[kSpend] > 0)) {
      ++without;
      continue;
    }
    chart.groups[static_cast<size_t>(row.group)].points.push_back(
        {row.features[kFrequency], row.features[kSpend]});
    ++drawn;
  }
  for (size_t g = 0; g < table.groups.size(); ++g) {
    const profile::FeatureVector& center = table.groups[g].center;
    chart.groups[g].has_center = center[kFrequency] > 0 && center[kSpend] > 0;
    chart.groups[g].center = {center[kFrequency], center[kSpend]};
  }
  chart.caption.title = "Customers by purchase frequency and total spend";
  chart.caption.subtitle =
      "Each dot is a customer, each number the centre of a segment; both axes are logarithmic.";
  chart.caption.note = Note(table, drawn + without);
  if (without > 0) {
    absl::StrAppend(&chart.caption.note, "; ", without, " without purchases are left out");
  }
  chart.x_title = "purchase frequency (times)";
  chart.y_title = "total spend";
  chart.log_x = true;
  chart.log_y = true;
  return chart;
}

ScatterChart ComponentsChart(const CustomerTable& table, const std::vector<size_t>& dimensions) {
  const StandardTable standard = Standardised(table, dimensions);
  learn::Covariance covariance(dimensions.size());
  for (size_t i = 0; i < standard.points.rows(); ++i) covariance.Add(standard.points.Row(i));
  const learn::PrincipalComponents components = learn::Pca(covariance, 2);
  const auto project = [&](absl::Span<const double> row) {
    const std::vector<double> at = components.Project(row);
    return PlotPoint{at.empty() ? 0 : at[0], at.size() > 1 ? at[1] : 0};
  };
  ScatterChart chart;
  chart.groups = EmptyGroups(table);
  // Projection is linear: the mean of the members is the centre.
  std::vector<PlotPoint> sums(table.groups.size());
  for (size_t i = 0; i < table.rows.size(); ++i) {
    if (table.rows[i].group < 0) continue;
    const PlotPoint at = project(standard.points.Row(i));
    PlotPoint& sum = sums[static_cast<size_t>(table.rows[i].group)];
    sum = {sum.x + at.x, sum.y + at.y};
  }
  for (size_t g = 0; g < table.groups.size(); ++g) {
    const double size = table.groups[g].size;
    chart.groups[g].has_center = size > 0;
    if (size > 0) chart.groups[g].center = {sums[g].x / size, sums[g].y / size};
  }
  const std::vector<size_t> sample = Sample(table, kMostDots);
  for (const size_t i : sample) {
    if (table.rows[i].group < 0) continue;
    chart.groups[static_cast<size_t>(table.rows[i].group)].points.push_back(
        project(standard.points.Row(i)));
  }
  const auto title = [&](size_t c, const char* name) {
    if (c >= components.variance.size() || components.total_variance <= 0) return std::string(name);
    return absl::StrFormat("%s (%.0f %%): %s", name,
                           100 * components.variance[c] / components.total_variance,
                           Loadings(components.directions.Row(c), dimensions));
  };
  chart.caption.title = "Customers by their two principal components";
  chart.caption.subtitle =
      absl::StrCat("The two directions in which customers differ most, of ", dimensions.size(),
                   " standardised features; the axes name what grows along them and the share of "
                   "the variance they hold.");
  chart.caption.note = Note(table, sample.size());
  chart.x_title = title(0, "component 1");
  chart.y_title = title(1, "component 2");
  return chart;
}

SegmentsChart GroupsChart(const CustomerTable& table) {
  std::vector<size_t> all(profile::kFeatureCount);
  std::iota(all.begin(), all.end(), size_t{0});
  const StandardTable standard = Standardised(table, all);
  SegmentsChart chart;
  std::vector<size_t> shown;
  for (const size_t d : all) {
    // What does not vary says nothing.
    if (standard.scaler.deviation[d] > 0) shown.push_back(d);
  }
  for (const size_t d : shown) chart.rows.push_back(FeatureTitle(d));
  const double population = static_cast<double>(std::max<size_t>(1, table.rows.size()));
  for (const CustomerGroup& group : table.groups) {
    SegmentColumn& column = chart.columns.emplace_back();
    column.name = group.name;
    column.size = group.size;
    column.share = group.size / population;
    for (const size_t d : shown) {
      column.values.push_back(group.center[d]);
      const double seen = profile::Transform(d, group.center[d]);
      column.standardized.push_back((seen - standard.scaler.mean[d]) /
                                    standard.scaler.deviation[d]);
    }
  }
  chart.caption.title = "Customer segments";
  chart.caption.subtitle =
      "Groups of customers who behave alike, as learned from their events; the largest first.";
  chart.caption.note = table.source;
  return chart;
}

DendrogramChart HierarchyChart(const CustomerTable& table, const std::vector<size_t>& dimensions,
                               size_t clusters) {
  const StandardTable standard = Standardised(table, dimensions);
  const auto rows = std::make_shared<const std::vector<size_t>>(Sample(table, kMostJoined));
  learn::Matrix points;
  for (const size_t i : *rows) points.AppendRow(standard.points.Row(i));
  DendrogramChart chart;
  chart.tree = learn::Ward(points);
  chart.clusters = clusters;
  chart.name = [rows, &table](absl::Span<const size_t> leaf) {
    double frequency = 0;
    double spend = 0;
    for (const size_t point : leaf) {
      frequency += table.rows[(*rows)[point]].features[kFrequency];
      spend += table.rows[(*rows)[point]].features[kSpend];
    }
    const double n = static_cast<double>(leaf.size());
    return absl::StrFormat("%s customer%s: %s purchases, %s spent", PlotNumber(n),
                           leaf.size() == 1 ? "" : "s", PlotNumber(std::round(frequency / n)),
                           PlotNumber(std::round(spend / n)));
  };
  std::vector<std::string> names;
  for (const size_t d : dimensions) names.push_back(Plain(profile::GetFeatureInfo(d).name));
  chart.caption.title = "How customers group together";
  chart.caption.subtitle = absl::StrCat(
      "Each branch joins the two groups that are most alike, by ",
      names.size() == profile::kFeatureCount ? "all features" : absl::StrJoin(names, " and "),
      "; the colours are the ", clusters, " groups before the last joins.");
  chart.caption.note = Note(table, rows->size());
  return chart;
}

}  // namespace kindred::cli
