#include "learn/segment_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "base/bytes.h"
#include "learn/kmeans.h"

namespace kindred::learn {
namespace {

constexpr uint8_t kFormat = 1;
constexpr double kLeastOverlap = 0.25;

bool ReadFinite(base::ByteReader& reader, size_t n, std::vector<double>* out) {
  if (reader.remaining() / sizeof(double) < n) return false;
  out->resize(n);
  for (double& value : *out) {
    value = reader.F64();
    if (!std::isfinite(value)) return false;
  }
  return true;
}

bool NotNegative(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return v >= 0; });
}

bool IdsAreSound(const SegmentModel& model) {
  absl::flat_hash_set<uint32_t> seen;
  return std::all_of(model.ids.begin(), model.ids.end(), [&](uint32_t id) {
    return id > 0 && id < model.next_id && seen.insert(id).second;
  });
}

}  // namespace

std::vector<double> SegmentModel::OriginalCentre(size_t index) const {
  std::vector<double> centre(dims());
  for (size_t d = 0; d < centre.size(); ++d) centre[d] = scaler.Original(d, centres(index, d));
  return centre;
}

size_t SegmentModel::IndexOf(uint32_t id) const {
  return static_cast<size_t>(std::find(ids.begin(), ids.end(), id) - ids.begin());
}

SegmentAssignment Assign(const SegmentModel& model, absl::Span<const double> raw,
                         std::vector<double>* standardised) {
  std::vector<double> local;
  std::vector<double>& z = standardised != nullptr ? *standardised : local;
  z.resize(model.dims());
  model.scaler.Standardise(raw, absl::MakeSpan(z));
  SegmentAssignment result;
  double best = std::numeric_limits<double>::infinity();
  double second = best;
  size_t second_index = 0;
  for (size_t c = 0; c < model.size(); ++c) {
    const auto centre = model.centres.Row(c);
    double distance2 = 0;
    for (size_t d = 0; d < z.size(); ++d) distance2 += (z[d] - centre[d]) * (z[d] - centre[d]);
    if (distance2 < best) {
      second = best;
      second_index = result.index;
      best = distance2;
      result.index = c;
    } else if (distance2 < second) {
      second = distance2;
      second_index = c;
    }
  }
  if (model.empty()) return result;
  result.segment_id = model.ids[result.index];
  result.distance = std::sqrt(best);
  if (model.size() > 1) {
    result.runner_up_id = model.ids[second_index];
    result.runner_up_distance = std::sqrt(second);
  }
  return result;
}

std::vector<uint32_t> MatchSegmentIds(const Matrix& points, const Matrix& previous,
                                      absl::Span<const uint32_t> previous_ids, const Matrix& next,
                                      uint32_t* next_id) {
  std::vector<uint32_t> ids(next.rows(), 0);
  if (!previous.empty() && !next.empty() && !points.empty()) {
    const size_t n = points.rows();
    std::vector<uint32_t> in_previous(n);
    std::vector<uint32_t> in_next(n);
    std::vector<double> distance2(n);
    NearestCentres(points.data(), previous, absl::MakeSpan(in_previous), absl::MakeSpan(distance2));
    NearestCentres(points.data(), next, absl::MakeSpan(in_next), absl::MakeSpan(distance2));
    Matrix shared(previous.rows(), next.rows());
    std::vector<double> previous_size(previous.rows(), 0.0);
    std::vector<double> next_size(next.rows(), 0.0);
    for (size_t i = 0; i < n; ++i) {
      shared(in_previous[i], in_next[i]) += 1;
      previous_size[in_previous[i]] += 1;
      next_size[in_next[i]] += 1;
    }
    std::vector<std::tuple<double, size_t, size_t>> pairs;
    for (size_t p = 0; p < previous.rows(); ++p) {
      for (size_t q = 0; q < next.rows(); ++q) {
        const double either = previous_size[p] + next_size[q] - shared(p, q);
        if (shared(p, q) > 0 && shared(p, q) >= kLeastOverlap * either) {
          pairs.emplace_back(-shared(p, q) / either, p, q);
        }
      }
    }
    std::sort(pairs.begin(), pairs.end());
    std::vector<bool> taken(previous.rows(), false);
    for (const auto& [overlap, p, q] : pairs) {
      if (taken[p] || ids[q] != 0) continue;
      taken[p] = true;
      ids[q] = previous_ids[p];
    }
  }
  for (uint32_t& id : ids) {
    if (id == 0) id = (*next_id)++;
  }
  return ids;
}

void AppendSegmentModel(const SegmentModel& model, std::string* out) {
  base::ByteWriter writer(out);
  writer.U8(kFormat);
  writer.Varint(model.version);
  writer.Varint(model.passes);
  writer.F64(model.population);
  writer.F64(model.inertia);
  writer.Varint(model.next_id);
  writer.Varint(model.dims());
  for (double value : model.scaler.mean) writer.F64(value);
  for (double value : model.scaler.deviation) writer.F64(value);
  writer.Varint(model.size());
  for (uint32_t id : model.ids) writer.Varint(id);
  for (double value : model.centres.data()) writer.F64(value);
  for (double value : model.sizes) writer.F64(value);
}

absl::StatusOr<SegmentModel> ParseSegmentModel(absl::string_view bytes) {
  base::ByteReader reader(bytes);
  const auto bad = [](absl::string_view what) { return absl::InvalidArgumentError(what); };
  if (reader.U8() != kFormat) return bad("segment model: unknown format");
  SegmentModel model;
  model.version = reader.Varint();
  model.passes = reader.Varint();
  model.population = reader.F64();
  model.inertia = reader.F64();
  const uint64_t next_id = reader.Varint();
  const size_t dims = reader.Count(2 * sizeof(double));
  if (!ReadFinite(reader, dims, &model.scaler.mean) ||
      !ReadFinite(reader, dims, &model.scaler.deviation)) {
    return bad("segment model: bad scaler");
  }
  const size_t k = reader.Count(1 + (dims + 1) * sizeof(double));
  for (size_t i = 0; i < k; ++i) {
    const uint64_t id = reader.Varint();
    model.ids.push_back(static_cast<uint32_t>(std::min<uint64_t>(id, UINT32_MAX)));
  }
  std::vector<double> centres;
  if (!reader.ok() || (k > 0 && dims == 0) || !ReadFinite(reader, k * dims, &centres) ||
      !ReadFinite(reader, k, &model.sizes)) {
    return bad("segment model: bad centres");
  }
  model.centres = k == 0 ? Matrix() : Matrix::FromRows(dims, std::move(centres));
  model.next_id = static_cast<uint32_t>(std::min<uint64_t>(next_id, UINT32_MAX));
  if (!reader.Done() || model.next_id == 0 || !IdsAreSound(model)) {
    return bad("segment model: bad ids or length");
  }
  if (!(std::isfinite(model.population) && model.population >= 0 && std::isfinite(model.inertia) &&
        model.inertia >= 0 && NotNegative(model.sizes) && NotNegative(model.scaler.deviation))) {
    return bad("segment model: negative or infinite value");
  }
  return model;
}

}  // namespace kindred::learn
