// Mini-batch K-means on a stream: every batch moves each centre towards the mean of its points, the
// less the more weight the centre has gathered.
// Sources: Sculley: Web-Scale K-Means Clustering (WWW 2010), in its vectorised form
// c = (W c + sum x) / (W + n); forgetting as a constant share of W per batch.
#ifndef KINDRED_LEARN_MINI_BATCH_KMEANS_H_
#define KINDRED_LEARN_MINI_BATCH_KMEANS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "learn/matrix.h"

namespace kindred::learn {

// State per centre is (weight, mean); a plain value that can be copied.
// Threads: one at a time.
class MiniBatchKMeans {
 public:
  struct Options {
    // Share of its weight that every centre keeps per batch. Below 1 the rate of learning does not
    // go to zero, and the centres follow a drift.
    double keep = 1.0;
    // A centre whose weight falls below this share of all weight is dead: it moves to the point of
    // the batch that is farthest from its centre, with the least weight of the living. 0: never.
    double dead_share = 0.0;
  };

  MiniBatchKMeans() = default;
  // `weights` has one value >= 0 per centre: how many points each centre stands for already.
  MiniBatchKMeans(Matrix centres, std::vector<double> weights, Options options);

  // Learns from whole rows. Returns the indices of centres that died and were seeded anew.
  std::vector<size_t> Step(absl::Span<const double> rows);

  bool empty() const { return centres_.empty(); }
  const Matrix& centres() const { return centres_; }
  const std::vector<double>& weights() const { return weights_; }

 private:
  Matrix centres_;
  std::vector<double> weights_;
  Options options_;
  std::vector<uint32_t> index_;
  std::vector<double> distance2_;
};

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_MINI_BATCH_KMEANS_H_
