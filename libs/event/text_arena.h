// Memory for the text that decoding makes. Text stays where it is until Reset.
#ifndef KINDRED_EVENT_TEXT_ARENA_H_
#define KINDRED_EVENT_TEXT_ARENA_H_

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"

namespace kindred::event {

// Threads: one at a time.
class TextArena {
 public:
  absl::string_view Copy(absl::string_view text) {
    if (text.empty()) return {};
    char* out = Allocate(text.size());
    std::memcpy(out, text.data(), text.size());
    return {out, text.size()};
  }

  absl::string_view Join(absl::string_view a, absl::string_view b, absl::string_view c = {}) {
    const size_t size = a.size() + b.size() + c.size();
    if (size == 0) return {};
    char* out = Allocate(size);
    char* end = std::copy(a.begin(), a.end(), out);
    end = std::copy(b.begin(), b.end(), end);
    std::copy(c.begin(), c.end(), end);
    return {out, size};
  }

  // Forgets all text, keeps the first block.
  void Reset() {
    if (blocks_.empty()) return;
    blocks_.resize(1);
    next_ = blocks_[0].get();
    left_ = kBlockBytes;
  }

 private:
  static constexpr size_t kBlockBytes = 16 << 10;

  void AddBlock(size_t bytes) {
    blocks_.push_back(std::make_unique<char[]>(bytes));
    next_ = blocks_.back().get();
    left_ = bytes;
  }

  char* Allocate(size_t size) {
    // The first block always has the usual size, so that Reset knows it.
    if (blocks_.empty()) AddBlock(kBlockBytes);
    if (size > left_) AddBlock(std::max(size, kBlockBytes));
    char* out = next_;
    next_ += size;
    left_ -= size;
    return out;
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  size_t left_ = 0;
};

}  // namespace kindred::event

#endif  // KINDRED_EVENT_TEXT_ARENA_H_
