#include "recommend/content_rows.h"

#include "base/check.h"

namespace kindred::recommend {

ContentRows::Row& ContentRows::Make(uint32_t item) {
  const size_t at = item >> kChunkBits;
  KINDRED_CHECK(at < chunk_count_) << "item " << item;
  Chunk* chunks = chunks_.load(std::memory_order_relaxed);
  if (chunks == nullptr) {
    chunks = new Chunk[chunk_count_]();
    bytes_.fetch_add(chunk_count_ * sizeof(Chunk), std::memory_order_relaxed);
    chunks_.store(chunks, std::memory_order_release);
  }
  Row* rows = chunks[at].load(std::memory_order_relaxed);
  if (rows == nullptr) {
    rows = new Row[kChunkSize]();
    bytes_.fetch_add(kChunkSize * sizeof(Row), std::memory_order_relaxed);
    chunks[at].store(rows, std::memory_order_release);
  }
  return rows[item & (kChunkSize - 1)];
}

void ContentRows::Replace(uint32_t item, absl::Span<const Alike> entries) {
  if (entries.empty() && Find(item) == nullptr) return;
  Row& row = Make(item);
  for (size_t i = 0; i < kWidth; ++i) {
    row[i].store(i < entries.size() ? Pack(entries[i]) : 0, std::memory_order_relaxed);
  }
}

void ContentRows::Offer(uint32_t item, Alike entry) {
  Row& row = Make(item);
  std::atomic<uint64_t>* weakest = nullptr;
  float least = entry.likeness;
  for (std::atomic<uint64_t>& cell : row) {
    const uint64_t kept = cell.load(std::memory_order_relaxed);
    if (kept != 0 && static_cast<uint32_t>(kept >> 32) == entry.item) {
      cell.store(Pack(entry), std::memory_order_relaxed);
      return;
    }
    const float likeness = kept == 0 ? 0 : std::bit_cast<float>(static_cast<uint32_t>(kept));
    if (likeness < least) {
      least = likeness;
      weakest = &cell;
    }
  }
  if (weakest != nullptr) weakest->store(Pack(entry), std::memory_order_relaxed);
}

void ContentRows::Drop(uint32_t item, uint32_t alike) {
  if (Find(item) == nullptr) return;
  for (std::atomic<uint64_t>& cell : Make(item)) {
    const uint64_t kept = cell.load(std::memory_order_relaxed);
    if (kept != 0 && static_cast<uint32_t>(kept >> 32) == alike) {
      cell.store(0, std::memory_order_relaxed);
    }
  }
}

}  // namespace kindred::recommend
