#include "recommend/nearest_vectors.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
// With vector instructions hnswlib prefetches what lies behind the end of a list, and reads it for
// that; the distance below has them all the same.
#define NO_MANUAL_VECTORIZATION
#include "hnswlib/hnswlib.h"

namespace kindred::recommend {
namespace {

constexpr size_t kFirstCapacity = 1024;
constexpr size_t kLinks = 16;
constexpr size_t kWidthOfInsert = 100;
constexpr size_t kWidthOfSearch = 96;
constexpr size_t kSeed = 100;

// hnswlib throws when memory or its own invariants fail; nothing of it leaves this file.
template <typename Call>
absl::Status Guarded(const Call& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return absl::ResourceExhaustedError(absl::StrCat("nearest vectors: ", error.what()));
  }
  return absl::OkStatus();
}

// 1 - the inner product; dimensions in fours.
class InnerProducts : public hnswlib::SpaceInterface<float> {
 public:
  explicit InnerProducts(size_t dimensions) : dimensions_(dimensions) {}
  size_t get_data_size() override { return dimensions_ * sizeof(float); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return Distance; }
  void* get_dist_func_param() override { return &dimensions_; }

 private:
  using Four = float __attribute__((vector_size(16)));

  static float Distance(const void* a, const void* b, const void* dimensions) {
    const char* const x = static_cast<const char*>(a);
    const char* const y = static_cast<const char*>(b);
    const size_t bytes = *static_cast<const size_t*>(dimensions) * sizeof(float);
    Four sum = {0, 0, 0, 0};
    for (size_t i = 0; i < bytes; i += sizeof(Four)) {
      Four left, right;
      std::memcpy(&left, x + i, sizeof(left));
      std::memcpy(&right, y + i, sizeof(right));
      sum += left * right;
    }
    return 1 - (sum[0] + sum[1] + sum[2] + sum[3]);
  }

  size_t dimensions_;
};

class Hnsw : public NearestVectors {
 public:
  explicit Hnsw(size_t dimensions)
      : dimensions_(dimensions),
        space_(dimensions),
        graph_(&space_, kFirstCapacity, kLinks, kWidthOfInsert, kSeed),
        capacity_(kFirstCapacity) {
    graph_.setEf(kWidthOfSearch);
  }

  absl::Status Set(uint32_t id, absl::Span<const float> vector) override {
    KINDRED_CHECK(vector.size() == dimensions_);
    return Guarded([&] {
      if (graph_.cur_element_count == capacity_ && !graph_.label_lookup_.contains(id)) {
        graph_.resizeIndex(capacity_ * 2);
        capacity_ *= 2;
      }
      graph_.addPoint(vector.data(), id);
    });
  }

  void Remove(uint32_t id) override {
    const auto found = graph_.label_lookup_.find(id);
    if (found == graph_.label_lookup_.end() || graph_.isMarkedDeleted(found->second)) return;
    graph_.markDeletedInternal(found->second);
  }

  absl::StatusOr<std::vector<uint32_t>> Find(absl::Span<const float> vector,
                                             size_t count) const override {
    KINDRED_CHECK(vector.size() == dimensions_);
    std::vector<uint32_t> ids;
    const absl::Status status = Guarded([&] {
      auto found = graph_.searchKnn(vector.data(), std::min(count, size()));
      for (; !found.empty(); found.pop()) ids.push_back(static_cast<uint32_t>(found.top().second));
    });
    if (!status.ok()) return status;
    std::reverse(ids.begin(), ids.end());
    return ids;
  }

  size_t size() const override { return graph_.cur_element_count; }
  size_t memory_bytes() const override {
    // Links of higher levels: one point in kLinks has one more level.
    const size_t higher = (kLinks + 1) * sizeof(uint32_t) / kLinks;
    return capacity_ * (graph_.size_data_per_element_ + sizeof(void*) + sizeof(std::mutex) +
                        sizeof(int) + higher) +
           size() * 2 * (sizeof(size_t) + sizeof(void*)) +
           decltype(graph_)::max_update_element_locks * sizeof(std::mutex);
  }

 private:
  const size_t dimensions_;
  InnerProducts space_;
  hnswlib::HierarchicalNSW<float> graph_;
  size_t capacity_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<NearestVectors>> NearestVectors::Create(size_t dimensions) {
  KINDRED_CHECK(dimensions > 0 && dimensions <= 4096 && dimensions % 4 == 0);
  std::unique_ptr<NearestVectors> made;
  const absl::Status status = Guarded([&] { made = std::make_unique<Hnsw>(dimensions); });
  if (!status.ok()) return status;
  return made;
}

}  // namespace kindred::recommend
