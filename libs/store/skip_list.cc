#include "store/skip_list.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "base/check.h"

namespace kindred::store {
namespace {

constexpr size_t kTagBytes = sizeof(uint64_t);

static_assert(std::endian::native == std::endian::little, "tags are stored so");

uint64_t Load(const char* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// Texts of the same length compare as these do.
uint64_t LoadBigEndian(const char* bytes) { return __builtin_bswap64(Load(bytes)); }

// Below, at or above 0.
int CompareUserKeys(const EntryKey& a, const EntryKey& b) {
  const size_t size = std::min(a.size, b.size);
  size_t at = 0;
  for (; at + sizeof(uint64_t) <= size; at += sizeof(uint64_t)) {
    const uint64_t from_a = LoadBigEndian(a.user_key + at);
    const uint64_t from_b = LoadBigEndian(b.user_key + at);
    if (from_a != from_b) return from_a < from_b ? -1 : 1;
  }
  if (at < size) {
    // Behind a user key lies its tag, so a whole word can be read.
    const size_t unused_bits = 8 * (at + sizeof(uint64_t) - size);
    const uint64_t from_a = LoadBigEndian(a.user_key + at) >> unused_bits;
    const uint64_t from_b = LoadBigEndian(b.user_key + at) >> unused_bits;
    if (from_a != from_b) return from_a < from_b ? -1 : 1;
  }
  return a.size == b.size ? 0 : a.size < b.size ? -1 : 1;
}

}  // namespace

EntryKey EntryKey::Of(const char* entry) {
  uint32_t size = static_cast<uint8_t>(*entry++);
  if (size >= 0x80) {
    size &= 0x7F;
    for (int shift = 7; shift < 32; shift += 7) {
      const uint32_t byte = static_cast<uint8_t>(*entry++);
      size |= (byte & 0x7F) << shift;
      if (byte < 0x80) break;
    }
  }
  return OfInternal({entry, size});
}

EntryKey EntryKey::OfInternal(absl::string_view key) {
  const size_t size = key.size() - kTagBytes;
  return {.user_key = key.data(), .size = size, .tag = Load(key.data() + size)};
}

bool operator<(const EntryKey& a, const EntryKey& b) {
  const int order = CompareUserKeys(a, b);
  return order != 0 ? order < 0 : a.tag > b.tag;
}

// The links of the upper levels lie before it, the highest first, and the entry behind it. Until
// it is put in, the link tells its height.
struct SkipList::Node {
  Link next;

  Link& at(int level) { return *(&next - level); }
  const Link& at(int level) const { return *(&next - level); }
  EntryKey key() const { return EntryKey::Of(EntryOf(this)); }
};

char* SkipList::EntryOf(Node* node) { return reinterpret_cast<char*>(node + 1); }

SkipList::Node* SkipList::NewNode(size_t size, absl::FunctionRef<char*(size_t)> allocate) {
  static_assert(sizeof(Node) == sizeof(Link) && std::atomic<Node*>::is_always_lock_free);
  const auto height = static_cast<size_t>(NewHeight());
  char* const memory = allocate(alignof(Node) - 1 + height * sizeof(Link) + size);
  KINDRED_CHECK(memory != nullptr);
  const uintptr_t unaligned = reinterpret_cast<uintptr_t>(memory) % alignof(Node);
  char* at = memory + (unaligned == 0 ? 0 : alignof(Node) - unaligned);
  for (size_t i = 1; i < height; ++i, at += sizeof(Link)) new (at) Link(nullptr);
  return new (at) Node{reinterpret_cast<Node*>(height)};
}

int SkipList::NewHeight() {
  // Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003.
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return 1 + std::min(std::countr_zero(random_) / 2, kLevels - 1);
}

SkipList::Node* SkipList::At(const Node* node, int level) const {
  const Link& link = node == nullptr ? first_[static_cast<size_t>(level)] : node->at(level);
  return link.load(std::memory_order_acquire);
}

int SkipList::FirstBracketing(const EntryKey& key) const {
  const int height = height_.load(std::memory_order_relaxed);
  int level = 0;
  while (level < height) {
    const Node* const before = before_[static_cast<size_t>(level)];
    const Node* const after = At(before, level);
    if (before != nullptr && !(before->key() < key)) {
      // The same node on the levels above needs no second look.
      do ++level;
      while (level < height && before_[static_cast<size_t>(level)] == before);
    } else if (after != nullptr && after->key() < key) {
      do ++level;
      while (level < height && At(before_[static_cast<size_t>(level)], level) == after);
    } else {
      break;
    }
  }
  return level;
}

bool SkipList::Insert(Node* node) {
  const auto height =
      static_cast<int>(reinterpret_cast<uintptr_t>(node->next.load(std::memory_order_relaxed)));
  const EntryKey key = node->key();
  if (height > height_.load(std::memory_order_relaxed)) {
    height_.store(height, std::memory_order_relaxed);
  }
  int level = FirstBracketing(key);
  Node* before = level < kLevels ? before_[static_cast<size_t>(level)] : nullptr;
  const Node* too_far = nullptr;
  while (level-- > 0) {
    Node* after = At(before, level);
    while (after != nullptr && after != too_far && after->key() < key) {
      before = after;
      after = At(before, level);
    }
    too_far = after;
    before_[static_cast<size_t>(level)] = before;
  }
  // Nothing lies between before_[0] and the key.
  const Node* const after = At(before_[0], 0);
  if (after != nullptr && !(key < after->key())) return false;
  for (level = 0; level < height; ++level) {
    Node*& last = before_[static_cast<size_t>(level)];
    node->at(level).store(At(last, level), std::memory_order_relaxed);
    Link& link = last == nullptr ? first_[static_cast<size_t>(level)] : last->at(level);
    // Whoever sees the node sees all of it.
    link.store(node, std::memory_order_release);
    last = node;
  }
  return true;
}

const SkipList::Node* SkipList::First() const { return At(nullptr, 0); }

const SkipList::Node* SkipList::Next(const Node* node) {
  return node->next.load(std::memory_order_acquire);
}

const SkipList::Node* SkipList::Last() const {
  const Node* node = nullptr;
  for (int level = height_.load(std::memory_order_relaxed); level-- > 0;) {
    while (const Node* const next = At(node, level)) node = next;
  }
  return node;
}

const SkipList::Node* SkipList::LastBelow(const EntryKey& key) const {
  const Node* node = nullptr;
  const Node* too_far = nullptr;
  for (int level = height_.load(std::memory_order_relaxed); level-- > 0;) {
    const Node* next = At(node, level);
    while (next != nullptr && next != too_far && next->key() < key) {
      node = next;
      next = At(node, level);
    }
    too_far = next;
  }
  return node;
}

const SkipList::Node* SkipList::FirstFrom(const EntryKey& key) const {
  const Node* const before = LastBelow(key);
  const Node* node = At(before, 0);
  // The writer may have put in one in between.
  while (node != nullptr && node->key() < key) node = Next(node);
  return node;
}

}  // namespace kindred::store
