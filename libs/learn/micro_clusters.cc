#include "learn/micro_clusters.h"

#include <algorithm>

#include "learn/kmeans.h"
#include "learn/random.h"

namespace kindred::learn {

void MicroClusters::BeginPass(const Scaler& scaler, const Matrix& sample) {
  // Centres move with the scale.
  std::vector<double> row(scaler.dims());
  for (size_t c = 0; c < centres_.rows() && scaler_.dims() == scaler.dims(); ++c) {
    for (size_t d = 0; d < row.size(); ++d) row[d] = scaler_.Original(d, centres_(c, d));
    scaler.Standardise(row, centres_.Row(c));
  }
  scaler_ = scaler;
  if (sample.empty() || sample.cols() != scaler.dims()) return;
  if (centres_.empty()) {
    Matrix points(sample.rows(), sample.cols());
    for (size_t i = 0; i < sample.rows(); ++i) scaler.Standardise(sample.Row(i), points.Row(i));
    Random random(seed_);
    centres_ = Lloyd(points, {}, KMeansPlusPlus(points, {}, count_, random), 5).centres;
    counts_.assign(centres_.rows(), 1.0);
  }
  Random random(seed_ + sample.rows());
  for (size_t c = 0; c < centres_.rows(); ++c) {
    if (counts_[c] > 0) continue;
    scaler.Standardise(sample.Row(random.Below(sample.rows())), centres_.Row(c));
  }
  counts_.assign(centres_.rows(), 0.0);
  sums_ = Matrix(centres_.rows(), centres_.cols());
}

void MicroClusters::AddBatch(absl::Span<const double> vectors) {
  if (centres_.empty()) return;
  const size_t dims = centres_.cols();
  const size_t count = vectors.size() / dims;
  rows_.resize(vectors.size());
  for (size_t i = 0; i < count; ++i) {
    scaler_.Standardise(vectors.subspan(i * dims, dims),
                        absl::MakeSpan(rows_).subspan(i * dims, dims));
  }
  std::vector<uint32_t> index(count);
  std::vector<double> distance2(count);
  NearestCentres(rows_, centres_, absl::MakeSpan(index), absl::MakeSpan(distance2));
  for (size_t i = 0; i < count; ++i) {
    counts_[index[i]] += 1;
    for (size_t d = 0; d < dims; ++d) sums_(index[i], d) += rows_[i * dims + d];
  }
}

MicroClusterSet MicroClusters::EndPass() {
  MicroClusterSet set;
  for (size_t c = 0; c < centres_.rows(); ++c) {
    if (!(counts_[c] > 0)) continue;
    for (size_t d = 0; d < centres_.cols(); ++d) centres_(c, d) = sums_(c, d) / counts_[c];
    set.centres.AppendRow(centres_.Row(c));
    set.weights.push_back(counts_[c]);
  }
  return set;
}

}  // namespace kindred::learn
