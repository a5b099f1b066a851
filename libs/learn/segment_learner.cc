#include "learn/segment_learner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "learn/kmeans.h"

namespace kindred::learn {
namespace {

constexpr double kSettledShift = 1e-3;
constexpr double kSamePoint2 = 1e-18;
constexpr uint64_t kLongestRefitGap = 64;
// A population or an inertia that differs by this share calls for a new competition at once.
constexpr double kChanged = 0.1;

bool Differs(double a, double b) { return std::abs(a - b) > kChanged * std::max(a, b); }

// The largest distance a row moved.
double Shift(const Matrix& a, const Matrix& b) {
  if (a.rows() != b.rows()) return 1.0;
  double largest2 = 0;
  for (size_t r = 0; r < a.rows(); ++r) {
    double moved2 = 0;
    for (size_t c = 0; c < a.cols(); ++c) {
      moved2 += (a(r, c) - b(r, c)) * (a(r, c) - b(r, c));
    }
    largest2 = std::max(largest2, moved2);
  }
  return std::sqrt(largest2);
}

std::vector<double> SizesOn(const Matrix& sample, const Matrix& centres, double population) {
  std::vector<uint32_t> index(sample.rows());
  std::vector<double> distance2(sample.rows());
  NearestCentres(sample.data(), centres, absl::MakeSpan(index), absl::MakeSpan(distance2));
  std::vector<double> sizes(centres.rows(), 0.0);
  for (uint32_t i : index) sizes[i] += population / static_cast<double>(sample.rows());
  return sizes;
}

}  // namespace

SegmentLearner::SegmentLearner(size_t dims, SegmentLearnerOptions options,
                               const SegmentModel& resume)
    : dims_(dims), options_(options), random_(options.seed ^ (resume.version + 1)) {
  KINDRED_CHECK(dims > 0 && options.segments > 0 && options.batch_size > 0 &&
                options.sample_size >= options.segments)
      << "segment learner options";
  options_.start_size = std::clamp(options_.start_size, options_.segments, options_.sample_size);
  if (!resume.empty() && resume.dims() == dims) {
    model_ = resume;
  } else {
    model_.version = resume.version;
    model_.next_id = resume.next_id;
  }
  BeginPass();
}

void SegmentLearner::BeginPass() {
  seen_ = 0;
  next_start_ = options_.start_size;
  moments_ = Moments(dims_);
  sample_ = Matrix();
  pending_.clear();
  inertia_ = 0;
  pass_centres_ = model_.passes > 0 ? model_.centres : Matrix();
  sums_ = Matrix(pass_centres_.rows(), dims_);
  counts_.assign(pass_centres_.rows(), 0.0);
  live_ = MiniBatchKMeans(model_.centres, model_.sizes, {.keep = options_.keep});
  z_.resize(dims_);
}

void SegmentLearner::AddBatch(absl::Span<const double> vectors) {
  KINDRED_CHECK(vectors.size() % dims_ == 0) << "not whole vectors";
  for (size_t at = 0; at < vectors.size(); at += dims_) AddVector(vectors.subspan(at, dims_));
}

void SegmentLearner::AddVector(absl::Span<const double> vector) {
  if (!moments_.Add(vector)) return;
  ++seen_;
  KeepInSample(vector);
  if (model_.passes == 0 && seen_ == next_start_) {
    next_start_ *= 2;
    StartFromSample();
    return;
  }
  if (model_.empty()) return;
  model_.scaler.Standardise(vector, absl::MakeSpan(z_));
  pending_.insert(pending_.end(), z_.begin(), z_.end());
  if (pending_.size() == options_.batch_size * dims_) Flush();
}

void SegmentLearner::KeepInSample(absl::Span<const double> vector) {
  if (sample_.rows() < options_.sample_size) {
    sample_.AppendRow(vector);
    return;
  }
  const uint64_t place = random_.Below(seen_);
  if (place < options_.sample_size) {
    std::copy(vector.begin(), vector.end(), sample_.Row(place).begin());
  }
}

void SegmentLearner::Flush() {
  if (pending_.empty()) return;
  if (!pass_centres_.empty()) {
    const size_t n = pending_.size() / dims_;
    std::vector<uint32_t> index(n);
    std::vector<double> distance2(n);
    NearestCentres(pending_, pass_centres_, absl::MakeSpan(index), absl::MakeSpan(distance2));
    for (size_t i = 0; i < n; ++i) {
      counts_[index[i]] += 1;
      inertia_ += distance2[i];
      const auto sum = sums_.Row(index[i]);
      for (size_t d = 0; d < dims_; ++d) sum[d] += pending_[i * dims_ + d];
    }
  }
  if (seen_ > options_.sample_size && !live_.empty()) {
    live_.Step(pending_);
    model_.centres = live_.centres();
    ++model_.version;
  }
  pending_.clear();
}

Matrix SegmentLearner::StandardisedSample(const Scaler& scaler) const {
  Matrix sample(sample_.rows(), dims_);
  for (size_t i = 0; i < sample.rows(); ++i) scaler.Standardise(sample_.Row(i), sample.Row(i));
  return sample;
}

Matrix SegmentLearner::Rescaled(const Matrix& centres, const Scaler& scaler) const {
  Matrix result(centres.rows(), centres.cols());
  std::vector<double> original(dims_);
  for (size_t c = 0; c < centres.rows(); ++c) {
    for (size_t d = 0; d < dims_; ++d) original[d] = model_.scaler.Original(d, centres(c, d));
    scaler.Standardise(original, result.Row(c));
  }
  return result;
}

void SegmentLearner::Replace(Matrix centres, const Matrix& sample) {
  model_.ids = MatchSegmentIds(sample, model_.centres, model_.ids, centres, &model_.next_id);
  model_.sizes = SizesOn(sample, centres, static_cast<double>(seen_));
  model_.centres = std::move(centres);
  model_.inertia = Inertia(sample, {}, model_.centres) / static_cast<double>(sample.rows());
}

void SegmentLearner::StartFromSample() {
  const Scaler scaler = Scaler::FromMoments(moments_);
  const Matrix sample = StandardisedSample(scaler);
  if (!model_.empty()) model_.centres = Rescaled(model_.centres, scaler);
  model_.scaler = scaler;
  if (model_.empty()) {
    Replace(KMeans(sample, {},
                   {.k = options_.segments, .restarts = options_.restarts, .seed = random_.Next()})
                .centres,
            sample);
  } else {
    Replace(Lloyd(sample, {}, model_.centres).centres, sample);
    Compete(sample, seen_ == sample_.rows());
  }
  model_.population = static_cast<double>(seen_);
  ++model_.version;
  pending_.clear();
  live_ = MiniBatchKMeans(model_.centres, model_.sizes, {.keep = options_.keep});
}

void SegmentLearner::Compete(const Matrix& sample, bool whole) {
  KMeansResult fresh = KMeans(
      sample, {}, {.k = options_.segments, .restarts = options_.restarts, .seed = random_.Next()});
  // On a part of the population a fit flatters itself by about k / n, and costs as much on the
  // rest.
  const double flattery =
      whole ? 0.0
            : 2.0 * static_cast<double>(options_.segments) / static_cast<double>(sample.rows());
  const double current = Inertia(sample, {}, model_.centres);
  if (fresh.inertia < current * (1.0 - options_.clearly - flattery)) {
    Replace(std::move(fresh.centres), sample);
  }
}

void SegmentLearner::Reseed(const Matrix& sample) {
  Matrix centres = model_.centres;
  for (size_t c = model_.size(); c-- > 0;) {
    if (model_.sizes[c] <= 0) centres.RemoveRow(c);
  }
  if (centres.rows() == options_.segments) return;
  const size_t alive = centres.rows();
  std::vector<uint32_t> index(sample.rows());
  std::vector<double> distance2(sample.rows());
  while (centres.rows() < options_.segments) {
    NearestCentres(sample.data(), centres, absl::MakeSpan(index), absl::MakeSpan(distance2));
    const auto farthest = std::max_element(distance2.begin(), distance2.end());
    if (*farthest <= kSamePoint2) break;
    centres.AppendRow(sample.Row(static_cast<size_t>(farthest - distance2.begin())));
  }
  if (centres.rows() > options_.segments) {
    Replace(
        KMeans(sample, {}, {.k = options_.segments, .restarts = 1, .seed = random_.Next()}).centres,
        sample);
    return;
  }
  if (centres.rows() == alive && alive == model_.size()) return;  // no more distinct points
  Replace(Lloyd(sample, {}, std::move(centres)).centres, sample);
}

bool SegmentLearner::RefitIsDue() {
  if (Differs(model_.inertia, refit_inertia_) || Differs(model_.population, refit_population_)) {
    refit_gap_ = 1;
    until_refit_ = 0;
  }
  if (until_refit_ > 0) {
    --until_refit_;
    return false;
  }
  until_refit_ = refit_gap_;
  refit_gap_ = std::min(2 * refit_gap_, kLongestRefitGap);
  return true;
}

void SegmentLearner::RememberRefit() {
  refit_inertia_ = model_.inertia;
  refit_population_ = static_cast<double>(seen_);
}

void SegmentLearner::EndPass() {
  if (seen_ == 0) return;
  Flush();
  if (pass_centres_.empty()) {
    StartFromSample();
    RememberRefit();
  } else {
    Matrix means = pass_centres_;
    for (size_t c = 0; c < means.rows(); ++c) {
      if (counts_[c] <= 0) continue;
      for (size_t d = 0; d < dims_; ++d) means(c, d) = sums_(c, d) / counts_[c];
    }
    const Scaler scaler = Scaler::FromMoments(moments_);
    const Matrix sample = StandardisedSample(scaler);
    means = Rescaled(means, scaler);
    const Matrix live = Rescaled(live_.centres(), scaler);
    const bool drifted =
        Inertia(sample, {}, live) < (1.0 - options_.clearly) * Inertia(sample, {}, means);
    settled_ = Shift(Rescaled(pass_centres_, scaler), means) < kSettledShift;
    model_.scaler = scaler;
    model_.centres = drifted ? live : means;
    model_.sizes = counts_;
    model_.population = static_cast<double>(seen_);
    model_.inertia = inertia_ / static_cast<double>(seen_);
    const std::vector<uint32_t> ids = model_.ids;
    Reseed(sample);
    if (RefitIsDue()) {
      Compete(sample, seen_ == sample_.rows());
      RememberRefit();
    }
    settled_ = settled_ && !drifted && ids == model_.ids;
  }
  last_sample_ = std::move(sample_);
  ++model_.passes;
  ++model_.version;
  BeginPass();
}

}  // namespace kindred::learn
