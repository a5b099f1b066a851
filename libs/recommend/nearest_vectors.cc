#include "recommend/nearest_vectors.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
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
  hnswlib::InnerProductSpace space_;
  hnswlib::HierarchicalNSW<float> graph_;
  size_t capacity_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<NearestVectors>> NearestVectors::Create(size_t dimensions) {
  KINDRED_CHECK(dimensions > 0 && dimensions <= 4096);
  std::unique_ptr<NearestVectors> made;
  const absl::Status status = Guarded([&] { made = std::make_unique<Hnsw>(dimensions); });
  if (!status.ok()) return status;
  return made;
}

}  // namespace kindred::recommend
