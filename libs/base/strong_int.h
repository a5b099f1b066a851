// Integers that cannot be confused with each other: an Offset is not a PartitionId.
#ifndef KINDRED_BASE_STRONG_INT_H_
#define KINDRED_BASE_STRONG_INT_H_

#include <compare>
#include <cstdint>
#include <ostream>
#include <utility>

namespace kindred::base {

// A distinct integer type per Tag. Compares, hashes (absl) and prints as its value.
template <typename Tag, typename T>
class StrongInt {
 public:
  using ValueType = T;
  constexpr StrongInt() = default;
  constexpr explicit StrongInt(T value) : value_(value) {}
  constexpr T value() const { return value_; }
  friend constexpr auto operator<=>(StrongInt, StrongInt) = default;
  template <typename H>
  friend H AbslHashValue(H h, StrongInt id) {
    return H::combine(std::move(h), id.value_);
  }
  friend std::ostream& operator<<(std::ostream& out, StrongInt id) { return out << +id.value_; }

 private:
  T value_ = 0;
};

}  // namespace kindred::base

namespace kindred {

// A Kafka partition of the events topic.
using PartitionId = base::StrongInt<struct PartitionTag, int32_t>;
// A position in a partition's log. "Next offset" is the first one not yet applied.
using Offset = base::StrongInt<struct OffsetTag, int64_t>;
// Interned names (base/dictionary.h); 0 means "none".
using ItemId = base::StrongInt<struct ItemTag, uint32_t>;
using TermId = base::StrongInt<struct TermTag, uint32_t>;  // category, brand, channel, country …

}  // namespace kindred

#endif  // KINDRED_BASE_STRONG_INT_H_
