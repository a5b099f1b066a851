#include "learn/mini_batch_kmeans.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "learn/kmeans.h"

namespace kindred::learn {

MiniBatchKMeans::MiniBatchKMeans(Matrix centres, std::vector<double> weights, Options options)
    : centres_(std::move(centres)), weights_(std::move(weights)), options_(options) {
  KINDRED_CHECK(weights_.size() == centres_.rows()) << "one weight per centre";
}

std::vector<size_t> MiniBatchKMeans::Step(absl::Span<const double> rows) {
  const size_t dims = centres_.cols();
  const size_t n = dims == 0 ? 0 : rows.size() / dims;
  if (n == 0) return {};
  index_.resize(n);
  distance2_.resize(n);
  NearestCentres(rows, centres_, absl::MakeSpan(index_), absl::MakeSpan(distance2_));
  Matrix sums(centres_.rows(), dims);
  std::vector<double> counts(centres_.rows(), 0.0);
  for (size_t i = 0; i < n; ++i) {
    counts[index_[i]] += 1;
    const auto sum = sums.Row(index_[i]);
    for (size_t d = 0; d < dims; ++d) sum[d] += rows[i * dims + d];
  }
  for (size_t c = 0; c < centres_.rows(); ++c) {
    const double old = weights_[c] * options_.keep;
    weights_[c] = old + counts[c];
    if (counts[c] <= 0) continue;
    for (size_t d = 0; d < dims; ++d) {
      centres_(c, d) = (centres_(c, d) * old + sums(c, d)) / weights_[c];
    }
  }

  std::vector<size_t> reborn;
  const double least_alive =
      options_.dead_share * std::accumulate(weights_.begin(), weights_.end(), 0.0);
  for (size_t c = 0; c < weights_.size(); ++c) {
    if (weights_[c] >= least_alive) continue;
    const auto farthest = std::max_element(distance2_.begin(), distance2_.end());
    if (*farthest <= 0) continue;
    const size_t at = static_cast<size_t>(farthest - distance2_.begin());
    *farthest = 0;
    std::copy_n(rows.begin() + static_cast<ptrdiff_t>(at * dims), dims, centres_.Row(c).begin());
    double lightest = std::numeric_limits<double>::infinity();
    for (double w : weights_) {
      if (w >= least_alive) lightest = std::min(lightest, w);
    }
    weights_[c] = lightest;
    reborn.push_back(c);
  }
  return reborn;
}

}  // namespace kindred::learn
