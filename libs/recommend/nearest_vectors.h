// Vectors by number, and which of them are nearest to one, approximately: a hierarchical navigable
// small world graph (Malkov, Yashunin: "Efficient and robust approximate nearest neighbor search",
// TPAMI 2020) by hnswlib.
#ifndef KINDRED_RECOMMEND_NEAREST_VECTORS_H_
#define KINDRED_RECOMMEND_NEAREST_VECTORS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace kindred::recommend {

// Threads: one at a time. The same calls in the same order give the same answers.
class NearestVectors {
 public:
  // `dimensions` 4 to 4096, in fours. ResourceExhausted without memory.
  static absl::StatusOr<std::unique_ptr<NearestVectors>> Create(size_t dimensions);
  virtual ~NearestVectors() = default;

  // Puts it in, or in another one's place. `vector` has the dimensions given at the start.
  virtual absl::Status Set(uint32_t id, absl::Span<const float> vector) = 0;
  // No effect if it is not there. Its memory is used again when it comes back.
  virtual void Remove(uint32_t id) = 0;
  // Ids with the largest inner products with `vector`, best first, at most `count`; nearly always
  // the true ones.
  virtual absl::StatusOr<std::vector<uint32_t>> Find(absl::Span<const float> vector,
                                                     size_t count) const = 0;
  // What it holds, removed ones among them.
  virtual size_t size() const = 0;
  virtual size_t memory_bytes() const = 0;
};

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_NEAREST_VECTORS_H_
