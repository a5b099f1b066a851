#include "learn/dbscan.h"

#include <cstddef>

namespace kindred::learn {
namespace {

// Points within the radius of `point`, itself included, lowest first.
std::vector<size_t> Neighbours(const Matrix& points, size_t point, double radius) {
  std::vector<size_t> result;
  const auto own = points.Row(point);
  for (size_t other = 0; other < points.rows(); ++other) {
    const auto row = points.Row(other);
    double distance2 = 0;
    for (size_t d = 0; d < row.size(); ++d) distance2 += (row[d] - own[d]) * (row[d] - own[d]);
    if (distance2 <= radius * radius) result.push_back(other);
  }
  return result;
}

}  // namespace

std::vector<int32_t> Dbscan(const Matrix& points, absl::Span<const double> weights,
                            const DbscanOptions& options) {
  const size_t n = points.rows();
  KINDRED_CHECK(weights.empty() || weights.size() == n) << "one weight per point";
  std::vector<int32_t> labels(n, kNoise);
  std::vector<bool> seen(n, false);
  const auto dense = [&](const std::vector<size_t>& neighbours) {
    double weight = 0;
    for (size_t i : neighbours) weight += weights.empty() ? 1.0 : weights[i];
    return weight >= options.least_weight;
  };
  int32_t cluster = 0;
  std::vector<size_t> queue;
  for (size_t start = 0; start < n; ++start) {
    if (seen[start]) continue;
    std::vector<size_t> neighbours = Neighbours(points, start, options.radius);
    if (!dense(neighbours)) continue;  // noise, unless a cluster reaches it
    seen[start] = true;
    labels[start] = cluster;
    queue.assign(neighbours.begin(), neighbours.end());
    for (size_t at = 0; at < queue.size(); ++at) {
      const size_t point = queue[at];
      if (seen[point]) continue;
      seen[point] = true;
      labels[point] = cluster;
      neighbours = Neighbours(points, point, options.radius);
      if (dense(neighbours)) {
        for (size_t next : neighbours) {
          if (!seen[next]) queue.push_back(next);
        }
      }
    }
    ++cluster;
  }
  return labels;
}

}  // namespace kindred::learn
