// The memory of a pair table: one block for each row, and the directory that finds it. Only for
// pair_table*.cc.
#ifndef KINDRED_RECOMMEND_PAIR_BLOCK_H_
#define KINDRED_RECOMMEND_PAIR_BLOCK_H_

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "recommend/pair_table.h"

namespace kindred::recommend {

inline constexpr uint32_t kSmallestRow = 4;
inline constexpr uint32_t kSmallestRowLimit = 8;
inline constexpr uint32_t kLargestRowLimit = 1u << 16;

// How long the arrays of a row of `size` are: half as long again as the size that outgrew the
// arrays before. A function of the size alone, so that memory is the same at the same place of the
// log.
inline uint32_t RowCapacity(uint32_t size) {
  uint32_t capacity = kSmallestRow;
  while (capacity < size) capacity += capacity / 2;
  return capacity;
}

// What malloc takes for `bytes`: its own word, rounded up to its grain.
inline size_t AllocatedBytes(size_t bytes) {
  return std::max<size_t>(32, (bytes + 8 + 15) / 16 * 16);
}

// Header and arrays in one allocation: neighbours, symmetric, directed, each `capacity` long. The
// writer reads it plainly; what readers may see at the same time it writes through atomic_ref.
struct PairTable::Block {
  uint32_t capacity;
  std::atomic<uint32_t> size;
  uint8_t dirty;  // 0, or the flag of the checkpoint that it goes into
  double support;
  double popularity;

  uint32_t* neighbours() { return reinterpret_cast<uint32_t*>(this + 1); }
  float* symmetric() { return reinterpret_cast<float*>(neighbours() + capacity); }
  float* directed() { return symmetric() + capacity; }
  const uint32_t* neighbours() const { return const_cast<Block*>(this)->neighbours(); }
  const float* symmetric() const { return const_cast<Block*>(this)->symmetric(); }
  const float* directed() const { return const_cast<Block*>(this)->directed(); }
  // Where the neighbour is, or `size`. For the writer.
  uint32_t IndexOf(uint32_t id) const;
  static constexpr size_t kEntryBytes = sizeof(uint32_t) + 2 * sizeof(float);
  static size_t Bytes(uint32_t capacity) {
    return AllocatedBytes(sizeof(Block) + size_t{capacity} * kEntryBytes);
  }
};

// Item → row, open addressing, at most three quarters full. Items are only ever added; who takes
// rows out makes another directory.
struct PairTable::Directory {
  struct Slot {
    std::atomic<uint32_t> item;  // 0: free
    std::atomic<Block*> block;
  };
  uint32_t capacity;  // a power of two
  uint32_t shift;

  Slot* slots() { return reinterpret_cast<Slot*>(this + 1); }
  const Slot* slots() const { return const_cast<Directory*>(this)->slots(); }
  // The item's slot, or the free one where it belongs.
  const Slot& SlotOf(uint32_t item) const {
    uint32_t at = (item * 2654435769u) >> shift;  // Knuth's multiplicative hash
    for (;; at = (at + 1) & (capacity - 1)) {
      const uint32_t found = slots()[at].item.load(std::memory_order_acquire);
      if (found == item || found == 0) return slots()[at];
    }
  }
  void Prefetch(uint32_t item) const {
    __builtin_prefetch(&slots()[(item * 2654435769u) >> shift]);
  }
  Slot& SlotOf(uint32_t item) {
    return const_cast<Slot&>(static_cast<const Directory*>(this)->SlotOf(item));
  }
  static uint32_t CapacityFor(uint64_t rows) {
    return static_cast<uint32_t>(std::bit_ceil(std::max<uint64_t>(64, (rows * 4 + 2) / 3)));
  }
  static size_t Bytes(uint32_t capacity) {
    return AllocatedBytes(sizeof(Directory) + size_t{capacity} * sizeof(Slot));
  }
};

inline void PairTable::MarkDirty(uint32_t item, Block* block) {
  if (block->dirty != dirty_flag_) MarkForNext(item, block);
}

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_PAIR_BLOCK_H_
