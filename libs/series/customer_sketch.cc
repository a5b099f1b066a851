#include "series/customer_sketch.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace kindred::series {
namespace {

constexpr uint8_t kHighestRank = 25;

}  // namespace

void CustomerSketch::MakeRegisters() {
  registers_.assign(kRegisters, 0);
  for (const uint32_t code : exact_) AddTo(registers_.data(), uint64_t{code} << 32);
  exact_ = {};
}

bool CustomerSketch::Add(uint64_t hash) {
  if (!registers_.empty()) return AddTo(registers_.data(), hash);
  const uint32_t code = static_cast<uint32_t>(hash >> 32);
  const auto at = std::lower_bound(exact_.begin(), exact_.end(), code);
  if (at != exact_.end() && *at == code) return false;
  exact_.insert(at, code);
  if (exact_.size() > kExact) MakeRegisters();
  return true;
}

void CustomerSketch::Merge(const CustomerSketch& other) {
  if (other.registers_.empty()) {
    for (const uint32_t code : other.exact_) Add(uint64_t{code} << 32);
    return;
  }
  if (registers_.empty()) MakeRegisters();
  for (size_t i = 0; i < kRegisters; ++i) {
    registers_[i] = std::max(registers_[i], other.registers_[i]);
  }
}

double CustomerSketch::Estimate() const {
  if (registers_.empty()) return static_cast<double>(exact_.size());
  constexpr double kM = kRegisters;
  const double alpha = 0.7213 / (1 + 1.079 / kM);
  double sum = 0;
  double zeros = 0;
  for (const uint8_t rank : registers_) {
    sum += std::ldexp(1.0, -rank);
    zeros += rank == 0;
  }
  const double raw = alpha * kM * kM / sum;
  return raw <= 2.5 * kM && zeros > 0 ? kM * std::log(kM / zeros) : raw;
}

void CustomerSketch::Encode(base::ByteWriter* out) const {
  if (registers_.empty()) {
    out->U8(static_cast<uint8_t>(exact_.size()));
    for (const uint32_t code : exact_) out->U32(code);
    return;
  }
  out->U8(kExact + 1);
  out->Raw({reinterpret_cast<const char*>(registers_.data()), registers_.size()});
}

bool CustomerSketch::Decode(base::ByteReader* in) {
  *this = {};
  const size_t size = in->U8();
  if (size <= kExact) {
    if (in->remaining() < size * sizeof(uint32_t)) return false;
    for (size_t i = 0; i < size; ++i) exact_.push_back(in->U32());
    if (in->ok() && std::adjacent_find(exact_.begin(), exact_.end(),
                                       std::greater_equal<uint32_t>()) == exact_.end()) {
      return true;
    }
  } else if (size == kExact + 1) {
    const absl::string_view bytes = in->Raw(kRegisters);
    registers_.assign(bytes.begin(), bytes.end());
    if (in->ok() && std::all_of(registers_.begin(), registers_.end(),
                                [](uint8_t rank) { return rank <= kHighestRank; })) {
      return true;
    }
  }
  *this = {};
  return false;
}

}  // namespace kindred::series
