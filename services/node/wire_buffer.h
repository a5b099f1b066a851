// Writes a protocol buffer message field by field, as bytes: for answers that are made so often and
// have so many parts that to build a message first would cost more than to answer.
#ifndef KINDRED_NODE_WIRE_BUFFER_H_
#define KINDRED_NODE_WIRE_BUFFER_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/string_view.h"

namespace kindred::node {

// The bytes are those that protobuf's own serializing gives when fields are written in order of
// their numbers: like it, a field of the default value is left out (but for Present…()).
// Encoding: https://protobuf.dev/programming-guides/encoding. Floats and doubles are little-endian,
// as are the machines this runs on.
// A message is at most 2 GiB.
// Threads: one. Memory is kept for the next message.
class WireBuffer {
 public:
  WireBuffer() : begin_(new char[kSmallest]), end_(begin_.get()), limit_(end_ + kSmallest) {}
  WireBuffer(const WireBuffer&) = delete;
  WireBuffer& operator=(const WireBuffer&) = delete;

  void clear() { end_ = begin_.get(); }
  size_t size() const { return static_cast<size_t>(end_ - begin_.get()); }
  absl::string_view bytes() const { return {begin_.get(), size()}; }

  void Varint(int field, uint64_t value) {
    if (value == 0) return;
    Room(2 * kLongestVarint);
    Tag(field, 0);
    PutVarint(value);
  }
  // As enums, int32 and int64 are written.
  void Int(int field, int64_t value) { Varint(field, static_cast<uint64_t>(value)); }
  void Bool(int field, bool value) { Varint(field, value ? 1 : 0); }
  void Double(int field, double value) {
    if (std::bit_cast<uint64_t>(value) != 0) PresentDouble(field, value);
  }
  void PresentDouble(int field, double value) {
    Room(kLongestVarint + sizeof(value));
    Tag(field, 1);
    std::memcpy(end_, &value, sizeof(value));
    end_ += sizeof(value);
  }
  void String(int field, absl::string_view value) {
    if (!value.empty()) Message(field, value);
  }
  // A message whose bytes are there already.
  void Message(int field, absl::string_view bytes) {
    Room(2 * kLongestVarint + bytes.size());
    Tag(field, 2);
    PutVarint(bytes.size());
    PutRaw(bytes);
  }
  // Bytes of fields, as they are.
  void Raw(absl::string_view bytes) {
    Room(bytes.size());
    PutRaw(bytes);
  }

  // For who writes bytes by itself: room for so many at the end, and where those that were written
  // end.
  char* Open(size_t bytes) {
    Room(bytes);
    return end_;
  }
  void Close(char* end) { end_ = end; }
  // The place after it. Takes up to kLongestVarint bytes.
  static char* PutVarint(char* at, uint64_t value) {
    for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
    *at++ = static_cast<char>(value);
    return at;
  }
  static constexpr size_t kLongestVarint = 10;

  // A packed list of doubles.
  template <typename List>
  void Doubles(int field, const List& values) {
    if (values.empty()) return;
    const size_t bytes = values.size() * sizeof(double);
    Room(2 * kLongestVarint + bytes);
    Tag(field, 2);
    PutVarint(bytes);
    for (const double value : values)
      PutRaw({reinterpret_cast<const char*>(&value), sizeof(value)});
  }

  // A message whose fields are written between Begin() and End(), which gets what Begin() gave; any
  // length is right, 128 to 16,383 bytes are the cheapest. Or Short: less than 128 are.
  size_t Begin(int field) { return BeginWith(field, 2); }
  void End(size_t begin) { EndWith(begin, 2); }
  size_t BeginShort(int field) { return BeginWith(field, 1); }
  void EndShort(size_t begin) { EndWith(begin, 1); }

 private:
  static constexpr size_t kSmallest = 16 << 10;

  // `reserved`: bytes for the length.
  size_t BeginWith(int field, size_t reserved) {
    Room(kLongestVarint + reserved);
    Tag(field, 2);
    end_ += reserved;
    return size();
  }
  void EndWith(size_t begin, size_t reserved) {
    const size_t length = size() - begin;
    size_t needed = 1;
    for (size_t rest = length; rest >= 0x80; rest >>= 7) ++needed;
    if (needed != reserved) {
      if (needed > reserved) Room(needed - reserved);
      char* const start = begin_.get() + begin;
      std::memmove(start + needed - reserved, start, length);
    }
    end_ = begin_.get() + begin - reserved;
    PutVarint(length);
    end_ += length;
  }
  void Room(size_t bytes) {
    if (static_cast<size_t>(limit_ - end_) < bytes) Grow(bytes);
  }
  void Grow(size_t bytes) {
    const size_t used = size();
    const size_t capacity = std::max(used + bytes, 2 * static_cast<size_t>(limit_ - begin_.get()));
    std::unique_ptr<char[]> grown(new char[capacity]);
    std::memcpy(grown.get(), begin_.get(), used);
    begin_ = std::move(grown);
    end_ = begin_.get() + used;
    limit_ = begin_.get() + capacity;
  }
  void Tag(int field, int type) { PutVarint(static_cast<uint64_t>(field << 3 | type)); }
  void PutVarint(uint64_t value) { end_ = PutVarint(end_, value); }
  void PutRaw(absl::string_view bytes) {
    if (!bytes.empty()) std::memcpy(end_, bytes.data(), bytes.size());
    end_ += bytes.size();
  }

  std::unique_ptr<char[]> begin_;
  char* end_;
  char* limit_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_WIRE_BUFFER_H_
