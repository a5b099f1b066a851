#include "cli/plot_dendrogram.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace kindred::cli {
namespace {

constexpr double kWidth = 1000;
constexpr double kRow = 24;
constexpr double kNames = 330;

struct Node {
  double y = 0;
  double height = 0;
  int color = -1;  // of the cluster; -1: above all clusters
};

class Drawing {
 public:
  Drawing(const DendrogramChart& chart, PlotSvg* svg, const PlotBox& area)
      : chart_(chart), tree_(chart.tree), svg_(*svg), area_(area) {
    const size_t n = tree_.points;
    nodes_.resize(n + tree_.joins.size());
    const size_t leaves = std::clamp<size_t>(chart.leaves, 1, n);
    first_drawn_ = n + tree_.joins.size() - (leaves - 1);
    const size_t clusters = std::clamp<size_t>(chart.clusters, 1, leaves);
    first_above_ = n + tree_.joins.size() - (clusters - 1);
    highest_ = tree_.joins.empty() ? 1 : tree_.joins.back().height;
  }

  void Draw() {
    const std::vector<PlotTick> ticks = AxisOf().Ticks(8);
    for (const PlotTick& tick : ticks) {
      const double x = X(tick.value);
      svg_.Line({x, area_.top}, {x, area_.bottom}, {.fill = "", .stroke = kPlotGrid});
      svg_.Text({x, area_.bottom + 18}, tick.label,
                {.size = 12, .color = kPlotSoftInk, .anchor = PlotAnchor::kMiddle});
    }
    // A stack instead of recursion: the tree may be as deep as it has leaves.
    std::vector<std::pair<size_t, bool>> stack = {{nodes_.size() - 1, false}};
    while (!stack.empty()) {
      const auto [node, children_done] = stack.back();
      stack.pop_back();
      if (node < first_drawn_) {
        DrawLeaf(node);
      } else if (children_done) {
        DrawJoin(node);
      } else {
        const learn::Join& join = tree_.joins[node - tree_.points];
        stack.push_back({node, true});
        stack.push_back({join.right, false});
        stack.push_back({join.left, false});
      }
    }
  }

 private:
  PlotAxis AxisOf() const { return PlotAxis::Linear({highest_}, /*from_zero=*/true); }
  double X(double height) const { return area_.left + AxisOf().At(height) * area_.width(); }

  std::vector<size_t> PointsOf(size_t top) const {
    std::vector<size_t> points;
    std::vector<size_t> stack = {top};
    while (!stack.empty()) {
      const size_t node = stack.back();
      stack.pop_back();
      if (node < tree_.points) {
        points.push_back(node);
      } else {
        stack.push_back(tree_.joins[node - tree_.points].left);
        stack.push_back(tree_.joins[node - tree_.points].right);
      }
    }
    return points;
  }

  void DrawLeaf(size_t node) {
    // Clusters are numbered as their leaves come, from above.
    const size_t cluster = ClusterOf(node);
    if (cluster != open_cluster_) {
      open_cluster_ = cluster;
      ++color_;
    }
    Node& leaf = nodes_[node];
    leaf.y = area_.top + kRow * (static_cast<double>(drawn_++) + 0.5);
    leaf.height = 0;
    leaf.color = color_;
    const PlotText style{.size = 12, .color = kPlotInk, .anchor = PlotAnchor::kEnd};
    const std::vector<size_t> points = PointsOf(node);
    svg_.Text({area_.left - 10, leaf.y + 4.3}, PlotShorten(chart_.name(points), kNames - 16, style),
              style);
  }

  // The highest node below the cut that holds this one.
  size_t ClusterOf(size_t node) {
    if (parents_.empty()) {
      parents_.resize(nodes_.size(), nodes_.size());
      for (size_t j = 0; j < tree_.joins.size(); ++j) {
        parents_[tree_.joins[j].left] = tree_.points + j;
        parents_[tree_.joins[j].right] = tree_.points + j;
      }
    }
    while (parents_[node] < first_above_) node = parents_[node];
    return node;
  }

  void DrawJoin(size_t node) {
    const learn::Join& join = tree_.joins[node - tree_.points];
    const Node& left = nodes_[join.left];
    const Node& right = nodes_[join.right];
    Node& here = nodes_[node];
    here.y = (left.y + right.y) / 2;
    here.height = join.height;
    here.color = node < first_above_ ? left.color : -1;
    const double x = X(join.height);
    const auto paint = [](int color) {
      return PlotPaint{
          .fill = "",
          .stroke = color < 0 ? "#718096" : std::string(PlotColor(static_cast<size_t>(color))),
          .width = 2};
    };
    svg_.Line({X(left.height), left.y}, {x, left.y}, paint(left.color));
    svg_.Line({X(right.height), right.y}, {x, right.y}, paint(right.color));
    svg_.Line({x, left.y}, {x, right.y}, paint(here.color));
  }

  const DendrogramChart& chart_;
  const learn::Dendrogram& tree_;
  PlotSvg& svg_;
  const PlotBox area_;
  std::vector<Node> nodes_;
  std::vector<size_t> parents_;
  size_t first_drawn_ = 0;  // joins from here on are drawn
  size_t first_above_ = 0;  // joins from here on join clusters
  size_t open_cluster_ = SIZE_MAX;
  size_t drawn_ = 0;
  int color_ = -1;
  double highest_ = 1;
};

}  // namespace

PlotSvg DrawDendrogram(const DendrogramChart& chart) {
  const size_t leaves = std::clamp<size_t>(chart.leaves, 1, std::max<size_t>(1, chart.tree.points));
  const double lines = static_cast<double>(
      PlotWrap(chart.caption.subtitle, kWidth - 2 * kPlotMargin, {.size = 13}).size());
  const double rows = kRow * static_cast<double>(leaves);
  double top = 0;
  PlotSvg svg = PlotPage(kWidth, 56 + 18 * lines + rows + 92, chart.caption, &top);
  const PlotBox area{kPlotMargin + kNames, top + 8, kWidth - kPlotMargin - 8, top + 8 + rows};
  if (chart.tree.points > 0) Drawing(chart, &svg, area).Draw();
  svg.Text({(area.left + area.right) / 2, area.bottom + 40},
           "distance at which two groups are joined (Ward)",
           {.size = 13, .color = kPlotInk, .anchor = PlotAnchor::kMiddle, .bold = true});
  return svg;
}

}  // namespace kindred::cli
