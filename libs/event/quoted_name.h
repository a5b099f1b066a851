// A short name as most producers write it: in quotes, and with the colon right behind.
#ifndef KINDRED_EVENT_QUOTED_NAME_H_
#define KINDRED_EVENT_QUOTED_NAME_H_

#include <emmintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace kindred::event {

class QuotedName {
 public:
  static constexpr size_t kBytes = sizeof(__m128i);

  // What no text begins with; so is the name that is too long.
  QuotedName() = default;
  explicit QuotedName(absl::string_view name) {
    constexpr size_t kAround = 3;  // two quotes, one colon
    if (name.size() + kAround > kBytes) return;
    size_ = static_cast<uint32_t>(name.size() + kAround);
    bytes_[0] = '"';
    std::memcpy(bytes_ + 1, name.data(), name.size());
    std::memcpy(bytes_ + 1 + name.size(), "\":", 2);
    mask_ = (1u << size_) - 1;
  }

  // Whether `text`, of kBytes at least, begins with it.
  bool IsAt(const char* text) const {
    const __m128i ours = _mm_load_si128(reinterpret_cast<const __m128i*>(bytes_));
    const __m128i theirs = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
    const auto equal = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(ours, theirs)));
    return (~equal & mask_) == 0;
  }
  size_t size() const { return size_; }

 private:
  static constexpr uint32_t kNever = 1u << kBytes;  // no comparison sets this bit

  alignas(__m128i) char bytes_[kBytes] = {};
  uint32_t mask_ = kNever;
  uint32_t size_ = 0;
};

}  // namespace kindred::event

#endif  // KINDRED_EVENT_QUOTED_NAME_H_
