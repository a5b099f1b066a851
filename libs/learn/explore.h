// Clusterings on demand: another look at points that are in memory, with what says how much to
// believe it.
#ifndef KINDRED_LEARN_EXPLORE_H_
#define KINDRED_LEARN_EXPLORE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "learn/agglomerative.h"
#include "learn/matrix.h"

namespace kindred::learn {

enum class ExploreMethod : uint8_t { kKMeans, kWard, kDbscan };

struct ExploreOptions {
  ExploreMethod method = ExploreMethod::kKMeans;
  size_t clusters = 8;  // K-means, Ward
  // DBSCAN. Radius 0: the distance within which nine tenths of the points reach `least_weight`.
  double radius = 0;
  double least_weight = 5;
  uint64_t seed = 1;
};

struct Exploration {
  std::vector<int32_t> labels;  // one per point; -1: noise
  Matrix centres;               // means of the clusters, as many rows as clusters
  std::vector<double> sizes;    // weight of each cluster
  double noise = 0;             // weight of the points in none
  double inertia = 0;           // weighted sum of squared distances to the own centre
  double radius = 0;            // DBSCAN: as used
  // Mean silhouette of at most 1,500 points at even distances; 0 with fewer than two clusters.
  double silhouette = 0;
  // Adjusted Rand index between these labels and those the method finds on a random half of the
  // points alone: near 1, the clusters are in the data; near 0, they are in the eye.
  double stability = 0;
  Dendrogram dendrogram;  // Ward
};

// Largest cluster first. `weights` is empty (all 1) or has one value above zero per point: a point
// may be a micro-cluster. InvalidArgument: no points, or options that make no sense for them.
// Time: K-means some milliseconds; Ward and DBSCAN n² × dims, a quarter of a second for 4,000
// points, some milliseconds for 300.
absl::StatusOr<Exploration> Explore(const Matrix& points, absl::Span<const double> weights,
                                    const ExploreOptions& options);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_EXPLORE_H_
