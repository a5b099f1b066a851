#include "node/explore_view.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "learn/explore.h"
#include "learn/pca.h"
#include "learn/segment_label.h"
#include "node/request_error.h"
#include "profile/features.h"

namespace kindred::node {
namespace {

constexpr int kDefaultClusters = 8;
constexpr int kMaxClusters = 50;
constexpr int kDefaultNeighbours = 5;
constexpr int kMaxPoints = 10'000;
constexpr size_t kMaxJoins = 200;
constexpr size_t kLabelDimensions = 3;

// What is looked at: standardised points of the wanted features.
struct Points {
  std::vector<size_t> features;
  learn::Matrix rows;
  std::vector<double> weights;  // empty: 1 each
  double customers = 0;
};

std::vector<size_t> FeaturesOf(const v1::ExploreRequest& request, RequestCheck* check) {
  std::vector<size_t> features;
  for (int i = 0; i < request.features_size(); ++i) {
    const int feature = profile::FeatureByName(request.features(i));
    if (feature < 0) {
      check->Violation(absl::StrCat("features[", i, "]"),
                       absl::StrCat("there is no feature \"", request.features(i), "\""));
    } else if (std::find(features.begin(), features.end(), static_cast<size_t>(feature)) ==
               features.end()) {
      features.push_back(static_cast<size_t>(feature));
    }
  }
  if (request.features().empty()) {
    for (size_t d = 0; d < profile::kFeatureCount; ++d) features.push_back(d);
  }
  return features;
}

absl::Status CheckRequest(const v1::ExploreRequest& request, std::vector<size_t>* features) {
  RequestCheck check;
  if (!v1::ExploreRequest::Method_IsValid(request.method())) {
    check.Violation("method", "expected KMEANS, WARD or DBSCAN");
  }
  if (request.cluster_count() != 0 &&
      (request.cluster_count() < 2 || request.cluster_count() > kMaxClusters)) {
    check.Violation("cluster_count", absl::StrCat("expected 2 to ", kMaxClusters, ", or 0"));
  }
  if (!(request.radius() >= 0) || !std::isfinite(request.radius())) {
    check.Violation("radius", "expected a positive number, or 0");
  }
  if (request.min_neighbors() < 0 || request.min_neighbors() > 1'000'000) {
    check.Violation("min_neighbors", "expected 0 to 1000000");
  }
  if (request.max_points() < 0 || request.max_points() > kMaxPoints) {
    check.Violation("max_points", absl::StrCat("expected 0 to ", kMaxPoints));
  }
  *features = FeaturesOf(request, &check);
  return check.status();
}

Points PointsOf(const PublishedSegments& segments, std::vector<size_t> features) {
  Points points;
  points.features = std::move(features);
  const learn::Scaler& scaler = segments.model.scaler;
  std::vector<double> all(scaler.dims());
  std::vector<double> row(points.features.size());
  const auto add = [&](absl::Span<const double> standardised) {
    for (size_t i = 0; i < row.size(); ++i) row[i] = standardised[points.features[i]];
    points.rows.AppendRow(row);
  };
  if (!segments.micro_clusters.empty()) {
    for (size_t i = 0; i < segments.micro_clusters.centres.rows(); ++i) {
      add(segments.micro_clusters.centres.Row(i));
      points.weights.push_back(segments.micro_clusters.weights[i]);
      points.customers += segments.micro_clusters.weights[i];
    }
    return points;
  }
  for (size_t i = 0; i < segments.sample->rows(); ++i) {
    scaler.Standardise(segments.sample->Row(i), absl::MakeSpan(all));
    add(all);
  }
  points.customers = static_cast<double>(points.rows.rows());
  return points;
}

learn::ExploreOptions OptionsOf(const v1::ExploreRequest& request) {
  learn::ExploreOptions options;
  options.clusters = static_cast<size_t>(request.cluster_count() == 0 ? kDefaultClusters
                                                                      : request.cluster_count());
  options.radius = request.radius();
  options.least_weight =
      request.min_neighbors() == 0 ? kDefaultNeighbours : request.min_neighbors();
  if (request.method() == v1::ExploreRequest::METHOD_WARD) {
    options.method = learn::ExploreMethod::kWard;
  } else if (request.method() == v1::ExploreRequest::METHOD_DBSCAN) {
    options.method = learn::ExploreMethod::kDbscan;
  }
  return options;
}

void FillClusters(const PublishedSegments& segments, const Points& points,
                  const learn::Exploration& found, v1::ExploreResponse* out) {
  const learn::Scaler& scaler = segments.model.scaler;
  for (size_t c = 0; c < found.sizes.size(); ++c) {
    v1::ExploredCluster& cluster = *out->add_clusters();
    cluster.set_number(static_cast<int32_t>(c));
    cluster.set_size(std::llround(found.sizes[c]));
    cluster.set_share(found.sizes[c] / points.customers);
    std::vector<double> standardised;
    for (size_t i = 0; i < points.features.size(); ++i) {
      const size_t feature = points.features[i];
      const double value = found.centres(c, i);
      standardised.push_back(value);
      v1::SegmentDimension& dimension = *cluster.add_center();
      dimension.set_feature(std::string(profile::GetFeatureInfo(feature).name));
      dimension.set_value(profile::Untransform(feature, scaler.Original(feature, value)));
      dimension.set_standardized(value);
    }
    std::vector<absl::string_view> words;
    for (const learn::UnusualDimension& unusual :
         learn::MostUnusual(standardised, kLabelDimensions)) {
      const profile::FeatureInfo& info = profile::GetFeatureInfo(points.features[unusual.dim]);
      words.push_back(standardised[unusual.dim] > 0 ? info.high : info.low);
    }
    cluster.set_label(words.empty() ? "average" : absl::StrJoin(words, ", "));
  }
}

// The highest joins alone: what lies below them becomes leaves 0 … n-1.
void FillJoins(const learn::Dendrogram& dendrogram, v1::ExploreResponse* out) {
  const size_t all = dendrogram.joins.size();
  const size_t kept = std::min(all, kMaxJoins);
  const size_t first_node = dendrogram.points + all - kept;  // node of the lowest join kept
  size_t leaves = 0;
  const auto number = [&](size_t node) {
    return static_cast<int32_t>(node >= first_node ? kept + 1 + (node - first_node) : leaves++);
  };
  for (size_t i = all - kept; i < all; ++i) {
    const learn::Join& from = dendrogram.joins[i];
    v1::DendrogramJoin& join = *out->add_joins();
    const int32_t a = number(from.left);
    const int32_t b = number(from.right);
    join.set_left(std::min(a, b));
    join.set_right(std::max(a, b));
    join.set_height(from.height);
    join.set_size(std::llround(from.weight));
  }
}

void FillPicture(const PublishedSegments& segments, const Points& points,
                 const learn::Exploration& found, int max_points, v1::ExploreResponse* out) {
  // Of all customers where the pass has told it, standardised; else of the points.
  learn::Covariance covariance(points.features.size());
  if (points.weights.empty() || segments.covariance.dims() != segments.model.dims()) {
    for (size_t i = 0; i < points.rows.rows(); ++i) {
      covariance.Add(points.rows.Row(i), points.weights.empty() ? 1.0 : points.weights[i]);
    }
  } else {
    covariance = segments.covariance.Part(points.features, segments.model.scaler.deviation);
  }
  const learn::PrincipalComponents components = learn::Pca(covariance, 2);
  for (size_t c = 0; c < components.directions.rows(); ++c) {
    v1::PrincipalComponent& component = *out->add_components();
    component.set_explained_share(
        components.total_variance > 0 ? components.variance[c] / components.total_variance : 0);
    for (size_t i = 0; i < points.features.size(); ++i) {
      v1::ComponentLoading& loading = *component.add_loadings();
      loading.set_feature(std::string(profile::GetFeatureInfo(points.features[i]).name));
      loading.set_value(components.directions(c, i));
    }
  }
  const size_t count = points.rows.rows();
  const size_t wanted = std::min(count, static_cast<size_t>(max_points));
  for (size_t i = 0; i < wanted; ++i) {
    const size_t row = i * count / wanted;
    double xy[2] = {0, 0};
    for (size_t c = 0; c < components.directions.rows(); ++c) {
      for (size_t d = 0; d < points.features.size(); ++d) {
        xy[c] += components.directions(c, d) * points.rows(row, d);
      }
    }
    v1::ExploredPoint& point = *out->add_points();
    point.set_x(xy[0]);
    point.set_y(xy[1]);
    point.set_cluster(found.labels[row]);
    point.set_weight(points.weights.empty() ? 1.0 : points.weights[row]);
  }
}

absl::Status Make(const v1::ExploreRequest& request, const PublishedSegments& segments,
                  std::vector<size_t> features, v1::ExploreResponse* out) {
  const Points points = PointsOf(segments, std::move(features));
  const absl::StatusOr<learn::Exploration> found =
      learn::Explore(points.rows, points.weights, OptionsOf(request));
  if (!found.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the customers cannot be clustered like that: ", found.status().message()));
  }
  FillClusters(segments, points, *found, out);
  FillJoins(found->dendrogram, out);
  FillPicture(segments, points, *found, request.max_points(), out);
  out->set_noise_count(std::llround(found->noise));
  out->set_silhouette(found->silhouette);
  out->set_stability(found->stability);
  const double clustered = points.customers - found->noise;
  out->set_mean_squared_distance(clustered > 0 ? found->inertia / clustered : 0);
  out->set_customer_count(std::llround(points.customers));
  out->set_point_count(static_cast<int64_t>(points.rows.rows()));
  out->set_radius(found->radius);
  out->set_model_version(static_cast<int64_t>(segments.model.version));
  return absl::OkStatus();
}

}  // namespace

absl::Status Explorer::Explore(const v1::ExploreRequest& request,
                               std::shared_ptr<const PublishedSegments> segments,
                               v1::ExploreResponse* response) {
  std::vector<size_t> features;
  KINDRED_RETURN_IF_ERROR(CheckRequest(request, &features));
  if (segments == nullptr || segments->sample->empty()) {
    return absl::FailedPreconditionError("no segments have been learned yet; try again later");
  }
  if (!mutex_.TryLock()) {
    return absl::ResourceExhaustedError("another clustering is being made; try again in a moment");
  }
  const std::string key = request.SerializeAsString();
  absl::Status status;
  if (last_segments_ != segments || last_request_ != key) {
    v1::ExploreResponse made;
    status = Make(request, *segments, std::move(features), &made);
    if (status.ok()) {
      last_response_ = std::move(made);
      last_segments_ = std::move(segments);
      last_request_ = key;
    }
  }
  if (status.ok()) *response = last_response_;
  mutex_.Unlock();
  return status;
}

}  // namespace kindred::node
