// Little-endian and varint encoding for stored records. The writer appends to a std::string; the
// reader never reads past its input and never throws: after a failed read every further read fails
// and gives zero, so a decoder checks ok() once at the end.
#ifndef KINDRED_BASE_BYTES_H_
#define KINDRED_BASE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"

namespace kindred::base {

inline constexpr size_t kMaxVarintBytes = 10;
// LEB128 at `at`, where there is room for it; where it ends.
inline char* PutVarint(uint64_t value, char* at) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
  *at++ = static_cast<char>(value);
  return at;
}

class ByteWriter {
 public:
  explicit ByteWriter(std::string* out) : out_(*out) {}
  void U8(uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void U32(uint32_t value) { Fixed(value); }
  void U64(uint64_t value) { Fixed(value); }
  void F32(float value) { Fixed(value); }
  void F64(double value) { Fixed(value); }
  // LEB128, 1 to kMaxVarintBytes.
  void Varint(uint64_t value) {
    char buffer[kMaxVarintBytes];
    out_.append(buffer, static_cast<size_t>(PutVarint(value, buffer) - buffer));
  }
  // Zigzag, so that small negative numbers are short.
  void Signed(int64_t value) {
    Varint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
  }
  // Varint length, then the bytes.
  void Bytes(absl::string_view value) {
    Varint(value.size());
    out_.append(value.data(), value.size());
  }
  void Raw(absl::string_view value) { out_.append(value.data(), value.size()); }

 private:
  template <typename T>
  void Fixed(T value) {
    char buffer[sizeof(T)];
    std::memcpy(buffer, &value, sizeof(T));
    out_.append(buffer, sizeof(T));
  }
  std::string& out_;
};

class ByteReader {
 public:
  explicit ByteReader(absl::string_view in) : in_(in) {}
  uint8_t U8() { return Fixed<uint8_t>(); }
  uint32_t U32() { return Fixed<uint32_t>(); }
  uint64_t U64() { return Fixed<uint64_t>(); }
  float F32() { return Fixed<float>(); }
  double F64() { return Fixed<double>(); }
  uint64_t Varint();
  int64_t Signed() {
    const uint64_t raw = Varint();
    return static_cast<int64_t>(raw >> 1) ^ -static_cast<int64_t>(raw & 1);
  }
  // A view into the input.
  absl::string_view Bytes();
  absl::string_view Raw(size_t size);
  // A count of elements that follow, each of at least `bytes_each` bytes: fails on a count that the
  // rest of the input cannot hold, so a hostile count never makes a decoder allocate.
  size_t Count(size_t bytes_each = 1);

  size_t remaining() const { return in_.size(); }
  bool ok() const { return ok_; }
  // All read, and nothing failed.
  bool Done() const { return ok_ && in_.empty(); }

 private:
  template <typename T>
  T Fixed() {
    T value{};
    if (in_.size() < sizeof(T)) {
      Fail();
      return value;
    }
    std::memcpy(&value, in_.data(), sizeof(T));
    in_.remove_prefix(sizeof(T));
    return value;
  }
  void Fail() {
    ok_ = false;
    in_ = {};
  }
  absl::string_view in_;
  bool ok_ = true;
};

}  // namespace kindred::base

#endif  // KINDRED_BASE_BYTES_H_
