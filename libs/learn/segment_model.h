// Segments of a population as one value: what standardises a vector, the centres, and ids that stay
// with a segment while its centre moves.
#ifndef KINDRED_LEARN_SEGMENT_MODEL_H_
#define KINDRED_LEARN_SEGMENT_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "learn/matrix.h"
#include "learn/moments.h"

namespace kindred::learn {

// An immutable snapshot once published; copies are independent. A few kilobytes.
struct SegmentModel {
  uint64_t version = 0;   // grows with every change
  uint64_t passes = 0;    // full passes over the population that went into it
  double population = 0;  // vectors counted in the last full pass (until then: so far)
  double inertia = 0;     // mean squared distance to the own centre, same pass, standardised
  uint32_t next_id = 1;   // ids below were given at some time and are never given again
  Scaler scaler;
  std::vector<uint32_t> ids;  // one per segment, unique, > 0
  Matrix centres;             // one row per segment, standardised
  std::vector<double> sizes;  // vectors in each segment, same pass as population

  bool empty() const { return ids.empty(); }
  size_t size() const { return ids.size(); }
  size_t dims() const { return scaler.dims(); }
  // The centre in the units of the vectors that were fed in.
  std::vector<double> OriginalCentre(size_t index) const;
  // The place of the segment with this id, or size() if there is none.
  size_t IndexOf(uint32_t id) const;

  friend bool operator==(const SegmentModel&, const SegmentModel&) = default;
};

// Where a vector belongs. Distances are Euclidean, in standard deviations.
struct SegmentAssignment {
  uint32_t segment_id = 0;  // 0: the model is empty
  size_t index = 0;         // row of the segment in the model
  double distance = 0;
  uint32_t runner_up_id = 0;  // 0: there is only one segment
  double runner_up_distance = 0;
};

// `raw` has model.dims() values. `standardised`, if not null, becomes the standardised vector.
// Costs dims x segments multiplications; meant to be called on every read.
SegmentAssignment Assign(const SegmentModel& model, absl::Span<const double> raw,
                         std::vector<double>* standardised = nullptr);

// Gives the centres of `next` ids: each keeps the id of the segment of `previous` it shares most
// points with, the best pairs first, if they share at least a quarter of the points that are in
// either; otherwise it takes a new id from *next_id. Both matrices are in the space of `points`.
std::vector<uint32_t> MatchSegmentIds(const Matrix& points, const Matrix& previous,
                                      absl::Span<const uint32_t> previous_ids, const Matrix& next,
                                      uint32_t* next_id);

// Bytes for a store (base/bytes.h), first byte 1 = this format.
void AppendSegmentModel(const SegmentModel& model, std::string* out);
// InvalidArgument for anything AppendSegmentModel cannot have written.
absl::StatusOr<SegmentModel> ParseSegmentModel(absl::string_view bytes);

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_SEGMENT_MODEL_H_
