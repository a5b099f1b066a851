#include "learn/explore.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "learn/cluster_quality.h"
#include "learn/dbscan.h"
#include "learn/kmeans.h"
#include "learn/random.h"

namespace kindred::learn {
namespace {

constexpr size_t kSilhouettePoints = 1500;
constexpr size_t kRadiusPoints = 500;

double WeightOf(absl::Span<const double> weights, size_t point) {
  return weights.empty() ? 1.0 : weights[point];
}

double SquaredDistance(absl::Span<const double> a, absl::Span<const double> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// For some points, how far they must reach to have `least_weight` about them: nine tenths of that.
double UsualRadius(const Matrix& points, absl::Span<const double> weights, double least_weight) {
  const size_t step = std::max<size_t>(1, points.rows() / kRadiusPoints);
  std::vector<double> radii;
  std::vector<std::pair<double, double>> by_distance(points.rows());
  for (size_t i = 0; i < points.rows(); i += step) {
    for (size_t j = 0; j < points.rows(); ++j) {
      by_distance[j] = {SquaredDistance(points.Row(i), points.Row(j)), WeightOf(weights, j)};
    }
    std::sort(by_distance.begin(), by_distance.end());
    double weight = 0;
    size_t j = 0;
    while (j + 1 < by_distance.size() && weight + by_distance[j].second < least_weight) {
      weight += by_distance[j++].second;
    }
    radii.push_back(std::sqrt(by_distance[j].first));
  }
  std::sort(radii.begin(), radii.end());
  return radii[radii.size() * 9 / 10 - (radii.size() * 9 / 10 == radii.size() ? 1 : 0)];
}

std::vector<int32_t> LabelsOf(const Matrix& points, absl::Span<const double> weights,
                              const ExploreOptions& options, double radius,
                              Dendrogram* dendrogram) {
  std::vector<int32_t> labels;
  if (options.method == ExploreMethod::kDbscan) {
    return Dbscan(points, weights, {radius, options.least_weight});
  }
  std::vector<uint32_t> clusters;
  if (options.method == ExploreMethod::kKMeans) {
    KMeansOptions kmeans;
    kmeans.k = options.clusters;
    kmeans.seed = options.seed;
    clusters = KMeans(points, weights, kmeans).assignment;
  } else {
    Dendrogram joins = Ward(points, weights);
    clusters = Cut(joins, options.clusters);
    if (dendrogram != nullptr) *dendrogram = std::move(joins);
  }
  return {clusters.begin(), clusters.end()};
}

// Sizes, centres and inertia of the labels, numbered by size.
void Describe(const Matrix& points, absl::Span<const double> weights, Exploration* result) {
  const int32_t count = result->labels.empty()
                            ? 0
                            : *std::max_element(result->labels.begin(), result->labels.end()) + 1;
  std::vector<double> sizes(static_cast<size_t>(std::max(count, 0)));
  Matrix sums(sizes.size(), points.cols());
  for (size_t i = 0; i < points.rows(); ++i) {
    const double weight = WeightOf(weights, i);
    if (result->labels[i] < 0) {
      result->noise += weight;
      continue;
    }
    const size_t cluster = static_cast<size_t>(result->labels[i]);
    sizes[cluster] += weight;
    for (size_t d = 0; d < points.cols(); ++d) sums(cluster, d) += weight * points(i, d);
  }
  std::vector<size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&sizes](size_t a, size_t b) { return sizes[a] > sizes[b]; });
  std::vector<int32_t> renamed(sizes.size());
  result->centres = Matrix(sizes.size(), points.cols());
  result->sizes.clear();
  for (size_t now = 0; now < order.size(); ++now) {
    renamed[order[now]] = static_cast<int32_t>(now);
    result->sizes.push_back(sizes[order[now]]);
    for (size_t d = 0; d < points.cols(); ++d) {
      result->centres(now, d) = sizes[order[now]] > 0 ? sums(order[now], d) / sizes[order[now]] : 0;
    }
  }
  for (size_t i = 0; i < points.rows(); ++i) {
    int32_t& label = result->labels[i];
    if (label < 0) continue;
    label = renamed[static_cast<size_t>(label)];
    result->inertia +=
        WeightOf(weights, i) *
        SquaredDistance(points.Row(i), result->centres.Row(static_cast<size_t>(label)));
  }
}

double SilhouetteOfSome(const Matrix& points, absl::Span<const double> weights,
                        absl::Span<const int32_t> labels) {
  const size_t step = (points.rows() + kSilhouettePoints - 1) / kSilhouettePoints;
  if (step <= 1) return Silhouette(points, weights, labels);
  Matrix some;
  std::vector<double> some_weights;
  std::vector<int32_t> some_labels;
  for (size_t i = 0; i < points.rows(); i += step) {
    some.AppendRow(points.Row(i));
    if (!weights.empty()) some_weights.push_back(weights[i]);
    some_labels.push_back(labels[i]);
  }
  return Silhouette(some, some_weights, some_labels);
}

double StabilityOf(const Matrix& points, absl::Span<const double> weights,
                   const ExploreOptions& options, const Exploration& whole) {
  Random random(options.seed ^ 0x5bd1e995);
  Matrix half;
  std::vector<double> half_weights;
  std::vector<int32_t> whole_labels;
  for (size_t i = 0; i < points.rows(); ++i) {
    if (random.Uniform() >= 0.5) continue;
    half.AppendRow(points.Row(i));
    if (!weights.empty()) half_weights.push_back(weights[i]);
    whole_labels.push_back(whole.labels[i]);
  }
  if (half.rows() < 2) return 0;
  ExploreOptions half_options = options;
  half_options.seed = options.seed + 1;
  // Half the points are half as dense.
  half_options.least_weight = std::max(1.0, options.least_weight / 2);
  return AdjustedRandIndex(whole_labels,
                           LabelsOf(half, half_weights, half_options, whole.radius, nullptr));
}

}  // namespace

absl::StatusOr<Exploration> Explore(const Matrix& points, absl::Span<const double> weights,
                                    const ExploreOptions& options) {
  if (points.empty()) return absl::InvalidArgumentError("no points to cluster");
  const bool by_count = options.method != ExploreMethod::kDbscan;
  if (by_count && (options.clusters < 1 || options.clusters > points.rows())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "between 1 and ", points.rows(), " clusters can be made of ", points.rows(), " points"));
  }
  if (!by_count && (!(options.radius >= 0) || !std::isfinite(options.radius) ||
                    !(options.least_weight > 0) || !std::isfinite(options.least_weight))) {
    return absl::InvalidArgumentError("the radius and the least weight must be above zero");
  }
  Exploration result;
  if (!by_count) {
    result.radius =
        options.radius > 0 ? options.radius : UsualRadius(points, weights, options.least_weight);
  }
  result.labels = LabelsOf(points, weights, options, result.radius, &result.dendrogram);
  Describe(points, weights, &result);
  result.silhouette = SilhouetteOfSome(points, weights, result.labels);
  result.stability = StabilityOf(points, weights, options, result);
  return result;
}

}  // namespace kindred::learn
