#include "base/dictionary.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace kindred::base {
namespace {

template <typename Word>
Word Load(const char* bytes) {
  Word word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

}  // namespace

Dictionary::Dictionary(uint32_t capacity)
    : capacity_(std::min(capacity, kBlocks * kBlockSize - 1)), blocks_(kBlocks) {}

Dictionary::~Dictionary() {
  for (auto& block : blocks_) delete block.load(std::memory_order_relaxed);
}

uint32_t Dictionary::Intern(absl::string_view name) {
  if (name.empty()) return 0;
  {
    absl::ReaderMutexLock lock(&mutex_);
    if (const auto it = ids_.find(name); it != ids_.end()) return it->second;
  }
  absl::MutexLock lock(&mutex_);
  if (const auto it = ids_.find(name); it != ids_.end()) return it->second;
  return Append(name);
}

uint32_t Dictionary::Find(absl::string_view name) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = ids_.find(name);
  return it == ids_.end() ? 0 : it->second;
}

absl::string_view Dictionary::Name(uint32_t id) const {
  if (id == 0 || id > size()) return {};
  return (*blocks_[id >> kBlockBits].load(std::memory_order_acquire))[id & (kBlockSize - 1)];
}

absl::Status Dictionary::Restore(uint32_t id, absl::string_view name) {
  absl::MutexLock lock(&mutex_);
  if (name.empty() || ids_.contains(name)) {
    return absl::InvalidArgumentError("dictionary entry is empty or given twice");
  }
  if (id != size() + 1 || Append(name) != id) {
    return absl::InvalidArgumentError("dictionary entries are not in order");
  }
  return absl::OkStatus();
}

uint32_t Dictionary::Append(absl::string_view name) {
  const uint32_t id = size_.load(std::memory_order_relaxed) + 1;
  if (id > capacity_) {
    overflow_.fetch_add(1, std::memory_order_relaxed);
    return 0;
  }
  std::atomic<Block*>& slot = blocks_[id >> kBlockBits];
  Block* block = slot.load(std::memory_order_relaxed);
  if (block == nullptr) {
    block = new Block;
    slot.store(block, std::memory_order_release);
    bytes_.fetch_add(sizeof(Block), std::memory_order_relaxed);
  }
  const absl::string_view kept = names_.emplace_back(name);
  (*block)[id & (kBlockSize - 1)] = kept;
  ids_.emplace(kept, id);
  bytes_.fetch_add(kept.size() + sizeof(std::string) + 32, std::memory_order_relaxed);
  size_.store(id, std::memory_order_release);
  return id;
}

DictionaryCache::DictionaryCache(Dictionary* names, size_t sets)
    : names_(*names), sets_(sets), shift_(64 - std::countr_zero(sets)) {
  KINDRED_CHECK(sets >= 2 && std::has_single_bit(sets)) << sets;
}

DictionaryCache::Slot DictionaryCache::SlotOf(absl::string_view name) {
  const char* const text = name.data();
  const size_t size = name.size();
  Slot slot;
  slot.rest = static_cast<uint32_t>(size);
  if (size >= 8) {
    slot.first = Load<uint64_t>(text);
    slot.last = Load<uint64_t>(text + size - 8);
    if (size > 16) slot.middle = Load<uint64_t>(text + 8);
    if (size > 24) slot.rest |= Load<uint32_t>(text + 16) << 8;
  } else if (size >= 4) {
    slot.first = Load<uint32_t>(text);
    slot.last = Load<uint32_t>(text + size - 4);
  } else {
    const auto byte = [text](size_t i) {
      return static_cast<uint64_t>(static_cast<unsigned char>(text[i]));
    };
    slot.first = byte(0) | byte(size / 2) << 8 | byte(size - 1) << 16;
  }
  return slot;
}

bool DictionaryCache::Same(const Slot& a, const Slot& b) {
  return ((a.first ^ b.first) | (a.middle ^ b.middle) | (a.last ^ b.last) | (a.rest ^ b.rest)) == 0;
}

// It only says where to look: names that were made to meet in one set are as slow as unknown ones.
size_t DictionaryCache::SetOf(const Slot& name) const {
  uint64_t hash = (name.first ^ (name.middle + name.rest)) * 0x9E3779B97F4A7C15;
  hash = ((hash ^ hash >> 32) + name.last) * 0xD6E8FEB86659FD93;
  return hash >> shift_;
}

uint32_t DictionaryCache::Find(absl::string_view name) {
  if (name.size() > kMaxBytes) return names_.Intern(name);
  const Slot slot = SlotOf(name);
  Set& set = sets_[SetOf(slot)];
  if (Same(set.newer, slot)) return set.newer.id;
  return Take(name, &set);
}

uint32_t DictionaryCache::Take(absl::string_view name, Set* set) {
  Slot slot = SlotOf(name);
  if (Same(set->older, slot)) {
    std::swap(set->newer, set->older);
    return set->newer.id;
  }
  slot.id = names_.Intern(name);
  if (slot.id == 0) return 0;
  set->older = std::exchange(set->newer, slot);
  return slot.id;
}

void DictionaryCache::Prefetch(absl::string_view name) const {
  if (name.empty() || name.size() > kMaxBytes) return;
  const Set* set = &sets_[SetOf(SlotOf(name))];
  __builtin_prefetch(set);
  // Else g++ 12 takes this function for one without effect, and drops it.
  asm volatile("" : : "r"(set));
}

}  // namespace kindred::base
