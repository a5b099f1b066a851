// A vector for state of which there are millions: one pointer wide, size and capacity in front of
// the elements, grown in small steps. An empty one owns nothing.
#ifndef KINDRED_PROFILE_PACKED_VECTOR_H_
#define KINDRED_PROFILE_PACKED_VECTOR_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/types/span.h"
#include "base/check.h"

namespace kindred::profile {

// For plain values (moved by memcpy); at most 65,535 of them. Threads: as a std::vector.
// Any call that adds may move the elements.
template <typename T>
class PackedVector {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 8);

 public:
  PackedVector() = default;
  ~PackedVector() { ::operator delete(block_); }
  PackedVector(PackedVector&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  PackedVector& operator=(PackedVector&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  PackedVector(const PackedVector& other) { *this = other; }
  PackedVector& operator=(const PackedVector& other) {
    if (this == &other) return *this;
    clear();
    if (other.empty()) return *this;
    Grow(other.size());
    std::memcpy(data(), other.data(), other.size() * sizeof(T));
    block_->size = static_cast<uint16_t>(other.size());
    return *this;
  }

  size_t size() const { return block_ == nullptr ? 0 : block_->size; }
  bool empty() const { return size() == 0; }
  T* begin() { return data(); }
  T* end() { return data() + size(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size(); }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  T& back() { return data()[size() - 1]; }
  const T& back() const { return data()[size() - 1]; }
  const T& front() const { return data()[0]; }
  operator absl::Span<const T>() const { return {data(), size()}; }

  void push_back(const T& value) { insert(size(), value); }
  // Before the element at `position`, which is at most size().
  void insert(size_t position, const T& value) {
    const T copy = value;
    const size_t count = size();
    if (block_ == nullptr || count == block_->capacity) Grow(count + 1);
    if (position < count) {
      std::memmove(static_cast<void*>(data() + position + 1), data() + position,
                   (count - position) * sizeof(T));
    }
    data()[position] = copy;
    block_->size = static_cast<uint16_t>(count + 1);
  }
  void erase(size_t position) {
    std::memmove(static_cast<void*>(data() + position), data() + position + 1,
                 (size() - position - 1) * sizeof(T));
    --block_->size;
  }
  void clear() {
    ::operator delete(block_);
    block_ = nullptr;
  }
  // Room for `count` elements and no more, if there is less now.
  void reserve(size_t count) {
    if (count > 0 && (block_ == nullptr || block_->capacity < count)) Reallocate(count);
  }
  // Starts to load the first elements, so many at most.
  void Prefetch(size_t most) const {
    const char* const begin = reinterpret_cast<const char*>(block_);
    for (size_t at = 0; at < sizeof(Block) + most * sizeof(T); at += 64) {
      __builtin_prefetch(begin + at);
    }
  }
  // Bytes on the heap.
  size_t memory_bytes() const {
    return block_ == nullptr ? 0 : sizeof(Block) + block_->capacity * sizeof(T);
  }

  friend bool operator==(const PackedVector& a, const PackedVector& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if (!(a[i] == b[i])) return false;
    }
    return true;
  }

 private:
  struct alignas(alignof(T) > 4 ? alignof(T) : 4) Block {
    uint16_t size;
    uint16_t capacity;
  };

  T* data() { return block_ == nullptr ? nullptr : reinterpret_cast<T*>(block_ + 1); }
  const T* data() const {
    return block_ == nullptr ? nullptr : reinterpret_cast<const T*>(block_ + 1);
  }
  void Grow(size_t needed) {
    const size_t now = block_ == nullptr ? 0 : block_->capacity;
    const size_t grown = now + (now < 8 ? 2 : now / 2);
    Reallocate(needed > grown || now == 0 ? needed : grown);
  }
  ABSL_ATTRIBUTE_NOINLINE void Reallocate(size_t capacity) {
    const size_t count = size();
    if (capacity > UINT16_MAX) capacity = UINT16_MAX;
    KINDRED_CHECK(capacity > count) << "a packed vector holds 65,535 elements";
    Block* const block = static_cast<Block*>(::operator new(sizeof(Block) + capacity * sizeof(T)));
    block->size = static_cast<uint16_t>(count);
    block->capacity = static_cast<uint16_t>(capacity);
    if (count > 0) {
      std::memcpy(static_cast<void*>(block + 1), static_cast<const void*>(data()),
                  count * sizeof(T));
    }
    ::operator delete(block_);
    block_ = block;
  }

  Block* block_ = nullptr;
};

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_PACKED_VECTOR_H_
