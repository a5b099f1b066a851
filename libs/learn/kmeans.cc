#include "learn/kmeans.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

namespace kindred::learn {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ConstMap = Eigen::Map<const RowMajor>;

// Squared distances below this are rounding.
constexpr double kSamePoint2 = 1e-18;

double WeightOf(absl::Span<const double> weights, size_t i) {
  return weights.empty() ? 1.0 : weights[i];
}

double Distance2(absl::Span<const double> a, absl::Span<const double> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// A point drawn with probability proportional to `mass`.
size_t Draw(absl::Span<const double> mass, double total, Random& random) {
  double left = random.Uniform() * total;
  size_t last = 0;
  for (size_t i = 0; i < mass.size(); ++i) {
    if (mass[i] <= 0) continue;
    last = i;
    left -= mass[i];
    if (left < 0) break;
  }
  return last;
}

// Means of the points by centre; returns the weight of each centre.
std::vector<double> MoveToMeans(const Matrix& points, absl::Span<const double> weights,
                                absl::Span<const uint32_t> assignment, Matrix* centres) {
  std::vector<double> sizes(centres->rows(), 0.0);
  Matrix sums(centres->rows(), centres->cols());
  for (size_t i = 0; i < points.rows(); ++i) {
    const double w = WeightOf(weights, i);
    sizes[assignment[i]] += w;
    const auto point = points.Row(i);
    const auto sum = sums.Row(assignment[i]);
    for (size_t d = 0; d < point.size(); ++d) sum[d] += w * point[d];
  }
  for (size_t c = 0; c < centres->rows(); ++c) {
    if (sizes[c] <= 0) continue;
    for (size_t d = 0; d < centres->cols(); ++d) (*centres)(c, d) = sums(c, d) / sizes[c];
  }
  return sizes;
}

}  // namespace

void NearestCentres(absl::Span<const double> rows, const Matrix& centres,
                    absl::Span<uint32_t> index, absl::Span<double> distance2) {
  constexpr size_t kBlock = 256;
  const size_t dims = centres.cols();
  const size_t n = index.size();
  KINDRED_CHECK(!centres.empty() && rows.size() == n * dims && distance2.size() == n)
      << "shapes differ";
  const auto k = static_cast<Eigen::Index>(centres.rows());
  const auto d = static_cast<Eigen::Index>(dims);
  const ConstMap c(centres.data().data(), k, d);
  const Eigen::VectorXd c2 = c.rowwise().squaredNorm();
  RowMajor dots;
  for (size_t start = 0; start < n; start += kBlock) {
    const auto size = static_cast<Eigen::Index>(std::min(kBlock, n - start));
    const ConstMap x(rows.data() + start * dims, size, d);
    dots.noalias() = x * c.transpose();
    for (Eigen::Index i = 0; i < size; ++i) {
      Eigen::Index best = 0;
      double least = std::numeric_limits<double>::infinity();
      for (Eigen::Index j = 0; j < k; ++j) {
        const double part = c2[j] - 2.0 * dots(i, j);
        if (part < least) {
          least = part;
          best = j;
        }
      }
      const size_t at = start + static_cast<size_t>(i);
      index[at] = static_cast<uint32_t>(best);
      distance2[at] = std::max(0.0, least + x.row(i).squaredNorm());
    }
  }
}

double Inertia(const Matrix& points, absl::Span<const double> weights, const Matrix& centres) {
  std::vector<uint32_t> index(points.rows());
  std::vector<double> distance2(points.rows());
  NearestCentres(points.data(), centres, absl::MakeSpan(index), absl::MakeSpan(distance2));
  double inertia = 0;
  for (size_t i = 0; i < points.rows(); ++i) inertia += WeightOf(weights, i) * distance2[i];
  return inertia;
}

Matrix KMeansPlusPlus(const Matrix& points, absl::Span<const double> weights, size_t k,
                      Random& random) {
  const size_t n = points.rows();
  Matrix centres;
  if (n == 0 || k == 0) return centres;
  const int candidates = 2 + static_cast<int>(std::log(static_cast<double>(k)));
  std::vector<double> nearest2(n, std::numeric_limits<double>::infinity());
  std::vector<double> mass(n);
  std::vector<double> trial2(n);
  std::vector<double> best2(n);
  for (size_t i = 0; i < n; ++i) mass[i] = WeightOf(weights, i);
  double total = 0;
  for (double m : mass) total += m;
  while (centres.rows() < k) {
    size_t best = n;
    double best_potential = std::numeric_limits<double>::infinity();
    for (int t = 0; t < (centres.empty() ? 1 : candidates); ++t) {
      const size_t drawn = Draw(mass, total, random);
      double potential = 0;
      for (size_t i = 0; i < n; ++i) {
        trial2[i] = std::min(nearest2[i], Distance2(points.Row(i), points.Row(drawn)));
        potential += WeightOf(weights, i) * trial2[i];
      }
      if (potential < best_potential) {
        best_potential = potential;
        best = drawn;
        best2.swap(trial2);
      }
    }
    centres.AppendRow(points.Row(best));
    nearest2.swap(best2);
    total = 0;
    for (size_t i = 0; i < n; ++i) {
      mass[i] = nearest2[i] > kSamePoint2 ? WeightOf(weights, i) * nearest2[i] : 0.0;
      total += mass[i];
    }
    if (total <= 0) break;
  }
  return centres;
}

Matrix LloydStep(const Matrix& points, absl::Span<const double> weights, const Matrix& centres) {
  std::vector<uint32_t> index(points.rows());
  std::vector<double> distance2(points.rows());
  NearestCentres(points.data(), centres, absl::MakeSpan(index), absl::MakeSpan(distance2));
  Matrix moved = centres;
  MoveToMeans(points, weights, index, &moved);
  return moved;
}

KMeansResult Lloyd(const Matrix& points, absl::Span<const double> weights, Matrix centres,
                   int max_iterations) {
  KMeansResult result;
  result.centres = std::move(centres);
  const size_t n = points.rows();
  result.assignment.assign(n, 0);
  if (n == 0 || result.centres.empty()) return result;
  std::vector<uint32_t> index(n);
  std::vector<double> distance2(n);
  double previous = std::numeric_limits<double>::infinity();
  for (;; ++result.iterations) {
    NearestCentres(points.data(), result.centres, absl::MakeSpan(index), absl::MakeSpan(distance2));
    result.inertia = 0;
    for (size_t i = 0; i < n; ++i) result.inertia += WeightOf(weights, i) * distance2[i];
    const bool still = result.iterations > 0 && index == result.assignment;
    result.assignment = index;
    const bool stop = still || result.iterations >= max_iterations ||
                      previous - result.inertia <= 1e-7 * result.inertia;
    previous = result.inertia;
    Matrix moved = result.centres;
    result.sizes = MoveToMeans(points, weights, index, &moved);
    if (stop) return result;
    result.centres = std::move(moved);
    for (size_t c = 0; c < result.sizes.size(); ++c) {
      if (result.sizes[c] > 0) continue;
      const auto farthest = std::max_element(distance2.begin(), distance2.end());
      if (*farthest <= kSamePoint2) continue;
      const auto row = points.Row(static_cast<size_t>(farthest - distance2.begin()));
      std::copy(row.begin(), row.end(), result.centres.Row(c).begin());
      *farthest = 0;
      previous = std::numeric_limits<double>::infinity();
    }
  }
}

KMeansResult KMeans(const Matrix& points, absl::Span<const double> weights,
                    const KMeansOptions& options) {
  KMeansResult best;
  Random random(options.seed);
  for (int run = 0; run < std::max(1, options.restarts); ++run) {
    KMeansResult result = Lloyd(points, weights, KMeansPlusPlus(points, weights, options.k, random),
                                options.max_iterations);
    if (run == 0 || result.inertia < best.inertia) best = std::move(result);
  }
  return best;
}

}  // namespace kindred::learn
