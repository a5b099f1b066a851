// For each item the items most like it by content, where any thread reads them without a lock.
#ifndef KINDRED_RECOMMEND_CONTENT_ROWS_H_
#define KINDRED_RECOMMEND_CONTENT_ROWS_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace kindred::recommend {

struct Alike {
  uint32_t item = 0;
  float likeness = 0;  // 0 to 1
};

// Threads: one writer, any readers. A reader sees each entry whole; while a row is replaced it may
// see entries of both.
class ContentRows {
 public:
  static constexpr size_t kWidth = 16;  // items a row

  // `max_items`: item numbers are below it.
  explicit ContentRows(uint32_t max_items) : chunk_count_((max_items >> kChunkBits) + 1) {}
  ~ContentRows() {
    Chunk* const chunks = chunks_.load(std::memory_order_relaxed);
    if (chunks == nullptr) return;
    for (size_t i = 0; i < chunk_count_; ++i) delete[] chunks[i].load(std::memory_order_relaxed);
    delete[] chunks;
  }
  ContentRows(const ContentRows&) = delete;
  ContentRows& operator=(const ContentRows&) = delete;

  // No row was ever written.
  bool empty() const { return chunks_.load(std::memory_order_acquire) == nullptr; }

  // Calls visit(item, likeness) for each entry of the row, in no order.
  template <typename Visit>
  void ForEach(uint32_t item, Visit visit) const {
    const Row* const row = Find(item);
    if (row == nullptr) return;
    for (const std::atomic<uint64_t>& cell : *row) {
      const uint64_t entry = cell.load(std::memory_order_relaxed);
      if (entry != 0) {
        visit(static_cast<uint32_t>(entry >> 32),
              std::bit_cast<float>(static_cast<uint32_t>(entry)));
      }
    }
  }

  // --- The writer's.
  void Replace(uint32_t item, absl::Span<const Alike> entries);
  // Puts an entry in, in the place of the same item or of the least alike one; no effect if it is
  // the least alike itself.
  void Offer(uint32_t item, Alike entry);
  void Drop(uint32_t item, uint32_t alike);
  size_t memory_bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  static constexpr uint32_t kChunkBits = 10;
  static constexpr uint32_t kChunkSize = 1u << kChunkBits;
  using Row = std::array<std::atomic<uint64_t>, kWidth>;
  using Chunk = std::atomic<Row*>;

  static uint64_t Pack(Alike entry) {
    return uint64_t{entry.item} << 32 | std::bit_cast<uint32_t>(entry.likeness);
  }
  const Row* Find(uint32_t item) const {
    const Chunk* const chunks = chunks_.load(std::memory_order_acquire);
    if (chunks == nullptr || item >> kChunkBits >= chunk_count_) return nullptr;
    const Row* const rows = chunks[item >> kChunkBits].load(std::memory_order_acquire);
    return rows == nullptr ? nullptr : &rows[item & (kChunkSize - 1)];
  }
  Row& Make(uint32_t item);

  const size_t chunk_count_;
  std::atomic<Chunk*> chunks_{
      nullptr};  // made with the first row: who has no catalogue pays nothing
  std::atomic<size_t> bytes_{0};
};

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_CONTENT_ROWS_H_
