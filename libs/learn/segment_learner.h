// Learns the segments of a population that is walked again and again: a pass feeds the current
// vector of every member once, in any order; vectors may change between passes and members may come
// and go. While nothing changes, passes converge to what Lloyd's K-means on the whole population
// finds, with every member counted once.
//
// How: a uniform sample of the pass (a reservoir) gives the k-means++ start, again each time the
// first pass has doubled, so there is a model after the first thousand vectors. Beyond the sample
// size, mini-batch steps move the centres within a pass. A full pass ends in the exact mean and
// deviation of every dimension and one exact Lloyd step. At growing distances several fresh starts
// on the sample compete with the centres and replace them if clearly better. Ids follow the
// segments. Why so, with measurements: README.md.
#ifndef KINDRED_LEARN_SEGMENT_LEARNER_H_
#define KINDRED_LEARN_SEGMENT_LEARNER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "learn/matrix.h"
#include "learn/mini_batch_kmeans.h"
#include "learn/moments.h"
#include "learn/random.h"
#include "learn/segment_model.h"

namespace kindred::learn {

struct SegmentLearnerOptions {
  size_t segments = 8;
  uint64_t seed = 1;
  size_t start_size = 1024;   // vectors before the first model (or the end of the first pass)
  size_t sample_size = 8192;  // vectors kept of each pass
  size_t batch_size = 1024;   // vectors in a mini-batch
  double keep = 0.999;        // share of a centre's weight that survives a mini-batch
  int restarts = 10;          // fresh starts in a competition
  double clearly = 0.02;      // share of inertia by which a fresh start must win
};

// Deterministic: the same options and the same vectors in the same order give the same models,
// however the vectors are cut into batches.
// Threads: one at a time; model() is copied out to publish it.
// Memory:  sample_size + batch_size vectors and a few copies of the centres.
class SegmentLearner {
 public:
  // Vectors have `dims` values. `resume` continues from a stored model if its dimensions fit and it
  // is not empty, else learning starts anew (its ids and version are still not given again).
  SegmentLearner(size_t dims, SegmentLearnerOptions options, const SegmentModel& resume = {});

  // Starts a pass. What an unfinished pass has gathered is dropped.
  void BeginPass();
  // Feeds whole vectors, one after the other, in original units. Heavy-tailed values should come as
  // log1p. Vectors with a value that is not finite are left out. Requires BeginPass().
  void AddBatch(absl::Span<const double> vectors);
  // Ends the pass: every member has been fed once. A pass without vectors changes nothing.
  void EndPass();

  // Empty until the first start. Its version changes with AddBatch and EndPass.
  const SegmentModel& model() const { return model_; }
  // True when the last pass moved no centre by more than a thousandth of a deviation: the caller
  // may walk more slowly until something changes.
  bool settled() const { return settled_; }
  // A uniform sample, without repetition, of the last full pass in original units: all of it when
  // it had at most sample_size vectors. For pictures and for clusterings that need single vectors.
  const Matrix& last_sample() const { return last_sample_; }
  // Vectors of the pass so far, without those left out.
  uint64_t pass_size() const { return seen_; }

 private:
  void AddVector(absl::Span<const double> vector);
  void KeepInSample(absl::Span<const double> vector);
  // Learns from the rows that wait in pending_.
  void Flush();
  Matrix StandardisedSample(const Scaler& scaler) const;
  // Expresses centres of the model's scaler in `scaler`.
  Matrix Rescaled(const Matrix& centres, const Scaler& scaler) const;
  // Lets fresh starts compete with model_.centres on the sample; `whole`: the sample is the pass.
  void Compete(const Matrix& sample, bool whole);
  // Gives a segment without members, or a missing one, the loneliest point of the sample.
  void Reseed(const Matrix& sample);
  void StartFromSample();
  void Replace(Matrix centres, const Matrix& sample);
  bool RefitIsDue();
  void RememberRefit();

  size_t dims_;
  SegmentLearnerOptions options_;
  Random random_;
  SegmentModel model_;
  bool settled_ = false;
  uint64_t until_refit_ = 0;  // passes
  uint64_t refit_gap_ = 1;    // passes
  double refit_inertia_ = 0;  // at the last competition
  double refit_population_ = 0;
  Matrix last_sample_;

  // The pass.
  uint64_t seen_ = 0;
  uint64_t next_start_ = 0;  // first pass: start again when seen_ gets here
  Moments moments_;
  Matrix sample_;        // original units
  Matrix pass_centres_;  // as they were when the pass began; empty: there was no model
  Matrix sums_;          // of the members nearest to each of pass_centres_, standardised
  std::vector<double> counts_;
  double inertia_ = 0;
  std::vector<double> pending_;  // standardised rows of the mini-batch that is filling
  MiniBatchKMeans live_;
  std::vector<double> z_;
};

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_SEGMENT_LEARNER_H_
