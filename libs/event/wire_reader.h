// Reads the protobuf wire format (protobuf.dev/programming-guides/encoding) in place: text becomes
// views into the record. Never reads past its input; after a failure every further read fails.
#ifndef KINDRED_EVENT_WIRE_READER_H_
#define KINDRED_EVENT_WIRE_READER_H_

#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace kindred::event {

enum class WireType : uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

// Threads: one at a time.
class WireReader {
 public:
  explicit WireReader(absl::string_view in) : next_(in.data()), end_(in.data() + in.size()) {}

  // The next field's number and type; false at the end and on a failure.
  bool Next() {
    if (next_ == end_ || !ok_) return false;
    const uint64_t tag = Varint();
    field_ = static_cast<uint32_t>(tag >> 3);
    type_ = static_cast<WireType>(tag & 7);
    if (tag > UINT32_MAX || field_ == 0 || (tag & 7) > 5) ok_ = false;
    return ok_;
  }
  uint32_t field() const { return field_; }
  WireType type() const { return type_; }
  bool ok() const { return ok_; }
  void Fail() { ok_ = false; }
  absl::string_view rest() const { return {next_, static_cast<size_t>(end_ - next_)}; }

  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && next_ != end_; shift += 7) {
      const uint8_t byte = static_cast<uint8_t>(*next_++);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }
  double Double() { return Fixed<double>(); }
  float Float() { return Fixed<float>(); }
  absl::string_view Bytes() {
    const uint64_t size = Varint();
    if (!ok_ || size > static_cast<uint64_t>(end_ - next_)) {
      ok_ = false;
      return {};
    }
    const absl::string_view bytes(next_, size);
    next_ += size;
    return bytes;
  }

  // Skips the value of the current field; groups nest to at most `depth`.
  void Skip(int depth = 32) {
    switch (type_) {
      case WireType::kVarint:
        Varint();
        return;
      case WireType::kFixed64:
        Fixed<uint64_t>();
        return;
      case WireType::kBytes:
        Bytes();
        return;
      case WireType::kFixed32:
        Fixed<uint32_t>();
        return;
      case WireType::kGroup:
        SkipGroup(field_, depth);
        return;
      case WireType::kEndGroup:
        ok_ = false;
        return;
    }
  }

 private:
  template <typename T>
  T Fixed() {
    T value{};
    if (static_cast<size_t>(end_ - next_) < sizeof(T)) {
      ok_ = false;
      return value;
    }
    std::memcpy(&value, next_, sizeof(T));
    next_ += sizeof(T);
    return value;
  }

  void SkipGroup(uint32_t group, int depth) {
    if (depth == 0) ok_ = false;
    while (Next()) {
      if (type_ == WireType::kEndGroup) {
        if (field_ != group) ok_ = false;
        return;
      }
      Skip(depth - 1);
    }
    ok_ = false;
  }

  const char* next_;
  const char* end_;
  uint32_t field_ = 0;
  WireType type_ = WireType::kVarint;
  bool ok_ = true;
};

}  // namespace kindred::event

#endif  // KINDRED_EVENT_WIRE_READER_H_
