#include "learn/agglomerative.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace kindred::learn {
namespace {

// Disjoint sets of points, each with a node number of the dendrogram.
class Forest {
 public:
  explicit Forest(size_t points) : parent_(points), node_(points) {
    std::iota(parent_.begin(), parent_.end(), size_t{0});
    std::iota(node_.begin(), node_.end(), size_t{0});
  }
  size_t Root(size_t point) {
    while (parent_[point] != point) {
      parent_[point] = parent_[parent_[point]];
      point = parent_[point];
    }
    return point;
  }
  size_t Node(size_t root) const { return node_[root]; }
  // Joins two roots into the first; their union is node `node`.
  void Unite(size_t a, size_t b, size_t node) {
    parent_[b] = a;
    node_[a] = node;
  }

 private:
  std::vector<size_t> parent_;
  std::vector<size_t> node_;
};

// The clusters that are left while joining; each lives in the row of one of its points.
struct Clusters {
  Matrix centres;
  std::vector<double> weights;
  std::vector<bool> alive;

  // What the union of a and b adds to the sum of squares.
  double Cost(size_t a, size_t b) const {
    double distance2 = 0;
    for (size_t d = 0; d < centres.cols(); ++d) {
      const double apart = centres(a, d) - centres(b, d);
      distance2 += apart * apart;
    }
    return weights[a] * weights[b] / (weights[a] + weights[b]) * distance2;
  }

  void Join(size_t a, size_t b) {
    const double total = weights[a] + weights[b];
    for (size_t d = 0; d < centres.cols(); ++d) {
      centres(a, d) = (weights[a] * centres(a, d) + weights[b] * centres(b, d)) / total;
    }
    weights[a] = total;
    alive[b] = false;
  }
};

struct Union {
  size_t a = 0;
  size_t b = 0;
  double cost = 0;
  double weight = 0;
};

// All unions, in the order in which chains find them.
std::vector<Union> Chain(Clusters clusters) {
  const size_t n = clusters.weights.size();
  std::vector<Union> unions;
  std::vector<size_t> chain;
  size_t first_alive = 0;
  while (unions.size() + 1 < n) {
    if (chain.empty()) {
      while (!clusters.alive[first_alive]) ++first_alive;
      chain.push_back(first_alive);
    }
    const size_t tip = chain.back();
    const bool has_previous = chain.size() > 1;
    // The previous element wins ties, else chains could cycle.
    size_t nearest = has_previous ? chain[chain.size() - 2] : n;
    double cost =
        has_previous ? clusters.Cost(tip, nearest) : std::numeric_limits<double>::infinity();
    for (size_t other = 0; other < n; ++other) {
      if (other == tip || !clusters.alive[other]) continue;
      const double candidate = clusters.Cost(tip, other);
      if (candidate < cost) {
        cost = candidate;
        nearest = other;
      }
    }
    if (nearest == n) break;  // costs that are not numbers
    if (has_previous && nearest == chain[chain.size() - 2]) {
      const size_t a = std::min(tip, nearest);
      const size_t b = std::max(tip, nearest);
      clusters.Join(a, b);
      unions.push_back({a, b, cost, clusters.weights[a]});
      chain.resize(chain.size() - 2);
    } else {
      chain.push_back(nearest);
    }
  }
  return unions;
}

}  // namespace

Dendrogram Ward(const Matrix& points, absl::Span<const double> weights) {
  const size_t n = points.rows();
  KINDRED_CHECK(weights.empty() || weights.size() == n) << "one weight per point";
  Dendrogram result{n, {}};
  Clusters clusters{points, std::vector<double>(n, 1.0), std::vector<bool>(n, true)};
  if (!weights.empty()) clusters.weights.assign(weights.begin(), weights.end());
  std::vector<Union> unions = Chain(std::move(clusters));
  // Ward's costs never fall from a union to the one above it, so sorting keeps children first.
  std::stable_sort(unions.begin(), unions.end(), [](const Union& first, const Union& second) {
    return first.cost < second.cost;
  });
  Forest forest(n);
  for (const Union& u : unions) {
    const size_t a = forest.Root(u.a);
    const size_t b = forest.Root(u.b);
    const size_t x = forest.Node(a);
    const size_t y = forest.Node(b);
    result.joins.push_back({std::min(x, y), std::max(x, y), std::sqrt(2 * u.cost), u.weight});
    forest.Unite(a, b, n + result.joins.size() - 1);
  }
  return result;
}

std::vector<uint32_t> Cut(const Dendrogram& dendrogram, size_t k) {
  const size_t n = dendrogram.points;
  std::vector<uint32_t> labels(n, 0);
  if (n == 0) return labels;
  k = std::clamp<size_t>(k, 1, n);
  // Above the cut every node gets the cluster of the node below it; walk down from the top.
  constexpr size_t kOwn = std::numeric_limits<size_t>::max();
  std::vector<size_t> cluster(n + dendrogram.joins.size(), kOwn);
  for (size_t i = dendrogram.joins.size(); i-- > 0;) {
    const Join& join = dendrogram.joins[i];
    const bool undone = i + k > dendrogram.joins.size();
    if (undone) continue;
    const size_t own = cluster[n + i] == kOwn ? n + i : cluster[n + i];
    cluster[join.left] = own;
    cluster[join.right] = own;
  }
  std::vector<uint32_t> number(cluster.size(), std::numeric_limits<uint32_t>::max());
  uint32_t next = 0;
  for (size_t p = 0; p < n; ++p) {
    const size_t own = cluster[p] == kOwn ? p : cluster[p];
    if (number[own] == std::numeric_limits<uint32_t>::max()) number[own] = next++;
    labels[p] = number[own];
  }
  return labels;
}

}  // namespace kindred::learn
