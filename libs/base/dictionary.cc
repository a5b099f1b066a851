#include "base/dictionary.h"

#include <algorithm>

namespace kindred::base {

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

}  // namespace kindred::base
