// How many different customers there were: exact up to 64, estimated beyond. A function of the set
// of customers alone: order and repetition do not matter, and two sketches merge.
// Source: Flajolet, Fusy, Gandouet, Meunier: HyperLogLog (2007), with linear counting where few
// registers are used (Whang, Vander-Zanden, Taylor, ACM TODS 15, 1990).
#ifndef KINDRED_SERIES_CUSTOMER_SKETCH_H_
#define KINDRED_SERIES_CUSTOMER_SKETCH_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace kindred::series {

// At most 256 bytes besides the object. Standard error beyond 64 customers: 6.5 %.
class CustomerSketch {
 public:
  static constexpr size_t kExact = 64;
  static constexpr size_t kRegisters = 256;

  // `hash`: 64 good bits of the customer's id (base::Fingerprint64). True when the state changed.
  bool Add(uint64_t hash);
  void Merge(const CustomerSketch& other);
  bool empty() const { return exact_.empty() && registers_.empty(); }
  double Estimate() const;
  size_t memory_bytes() const {
    return exact_.capacity() * sizeof(uint32_t) + registers_.capacity();
  }

  // Add() in two steps, for one of many customers in a row. What registers() gives stays where it
  // is as long as the sketch is added to; null while it is exact.
  uint8_t* registers() { return registers_.empty() ? nullptr : registers_.data(); }
  static bool AddTo(uint8_t* registers, uint64_t hash) {
    const uint32_t code = static_cast<uint32_t>(hash >> 32);
    uint8_t& highest = registers[code >> 24];
    const uint8_t rank = RankOf(code);
    if (rank <= highest) return false;
    highest = rank;
    return true;
  }

  // The same set gives the same bytes.
  void Encode(base::ByteWriter* out) const;
  // False when the bytes are not what Encode() gives; the sketch is then empty.
  bool Decode(base::ByteReader* in);
  friend bool operator==(const CustomerSketch&, const CustomerSketch&) = default;

 private:
  // Of the lower 24 bits: leading zeros and one; 25 where all are zero.
  static uint8_t RankOf(uint32_t code) {
    return static_cast<uint8_t>(std::countl_zero(code << 8 | 0x80) + 1);
  }
  void MakeRegisters();

  // Either the upper halves of the hashes, in order, or one rank a register.
  std::vector<uint32_t> exact_;
  std::vector<uint8_t> registers_;
};

}  // namespace kindred::series

#endif  // KINDRED_SERIES_CUSTOMER_SKETCH_H_
