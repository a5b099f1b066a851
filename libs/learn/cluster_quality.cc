#include "learn/cluster_quality.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "base/check.h"

namespace kindred::learn {
namespace {

double Pairs(double n) { return n * (n - 1) / 2; }

}  // namespace

double Silhouette(const Matrix& points, absl::Span<const double> weights,
                  absl::Span<const int32_t> labels) {
  const size_t n = points.rows();
  KINDRED_CHECK(labels.size() == n && (weights.empty() || weights.size() == n)) << "shapes differ";
  const auto weight = [&](size_t i) { return weights.empty() ? 1.0 : weights[i]; };
  absl::btree_map<int32_t, size_t> places;
  for (int32_t label : labels) {
    if (label >= 0) places.try_emplace(label, places.size());
  }
  if (places.size() < 2) return 0.0;
  std::vector<size_t> own(n, 0);
  std::vector<double> cluster_weight(places.size(), 0.0);
  for (size_t i = 0; i < n; ++i) {
    if (labels[i] < 0) continue;
    own[i] = places[labels[i]];
    cluster_weight[own[i]] += weight(i);
  }
  double sum = 0;
  double total = 0;
  std::vector<double> distance(places.size());
  for (size_t i = 0; i < n; ++i) {
    if (labels[i] < 0) continue;
    total += weight(i);
    if (cluster_weight[own[i]] <= 1) continue;
    std::fill(distance.begin(), distance.end(), 0.0);
    for (size_t j = 0; j < n; ++j) {
      if (labels[j] < 0) continue;
      double distance2 = 0;
      for (size_t d = 0; d < points.cols(); ++d) {
        distance2 += (points(i, d) - points(j, d)) * (points(i, d) - points(j, d));
      }
      distance[own[j]] += weight(j) * std::sqrt(distance2);
    }
    const double within = distance[own[i]] / (cluster_weight[own[i]] - 1);
    double next = std::numeric_limits<double>::infinity();
    for (size_t c = 0; c < distance.size(); ++c) {
      if (c != own[i]) next = std::min(next, distance[c] / cluster_weight[c]);
    }
    const double larger = std::max(within, next);
    if (larger > 0) sum += weight(i) * (next - within) / larger;
  }
  return sum / total;
}

double AdjustedRandIndex(absl::Span<const int32_t> a, absl::Span<const int32_t> b) {
  KINDRED_CHECK(a.size() == b.size()) << "labels of different points";
  absl::btree_map<std::pair<int32_t, int32_t>, double> both;
  absl::btree_map<int32_t, double> of_a;
  absl::btree_map<int32_t, double> of_b;
  for (size_t i = 0; i < a.size(); ++i) {
    both[{a[i], b[i]}] += 1;
    of_a[a[i]] += 1;
    of_b[b[i]] += 1;
  }
  double together = 0;
  double in_a = 0;
  double in_b = 0;
  for (const auto& [labels, n] : both) together += Pairs(n);
  for (const auto& [label, n] : of_a) in_a += Pairs(n);
  for (const auto& [label, n] : of_b) in_b += Pairs(n);
  const double all = Pairs(static_cast<double>(a.size()));
  const double expected = all > 0 ? in_a * in_b / all : 0.0;
  const double most = (in_a + in_b) / 2;
  return most == expected ? 1.0 : (together - expected) / (most - expected);
}

}  // namespace kindred::learn
