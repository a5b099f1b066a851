// The memory of one row of a pair table. Only for pair_table*.cc.
#ifndef KINDRED_RECOMMEND_PAIR_BLOCK_H_
#define KINDRED_RECOMMEND_PAIR_BLOCK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "recommend/pair_table.h"

namespace kindred::recommend {

inline constexpr uint32_t kSmallestRow = 4;
inline constexpr uint32_t kSmallestRowLimit = 16;
inline constexpr uint32_t kLargestRowLimit = 1u << 16;

// Header and arrays in one allocation: neighbours, symmetric, directed, each `capacity` long. The
// writer reads it plainly; what readers may see at the same time it writes through atomic_ref.
struct PairTable::Block {
  uint32_t capacity;
  std::atomic<uint32_t> size;
  bool dirty;
  double support;
  double popularity;

  uint32_t* neighbours() { return reinterpret_cast<uint32_t*>(this + 1); }
  float* symmetric() { return reinterpret_cast<float*>(neighbours() + capacity); }
  float* directed() { return symmetric() + capacity; }
  const uint32_t* neighbours() const { return const_cast<Block*>(this)->neighbours(); }
  const float* symmetric() const { return const_cast<Block*>(this)->symmetric(); }
  const float* directed() const { return const_cast<Block*>(this)->directed(); }
  static size_t Bytes(uint32_t capacity) { return sizeof(Block) + size_t{capacity} * 12; }
};

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_PAIR_BLOCK_H_
