// Pair tables: how rows lie in memory, grow, are pruned and leave, and the bound of it all.
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <functional>
#include <new>
#include <tuple>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "base/check.h"
#include "recommend/pair_block.h"
#include "recommend/pair_table.h"

namespace kindred::recommend {
namespace {

// Of the bound, for what was replaced and waits to be freed by one of the next events.
constexpr size_t kReserveBytes = 64 << 10;
constexpr size_t kUsualRowLimit = 200;
constexpr size_t kFreeEvery = 64;  // replaced rows, while all are pruned
// What an event may add to each row that it touches, on average over them.
constexpr size_t kGrowthBytes = 256;
// Beside a row: its places in the lists of two checkpoints, which double.
constexpr size_t kDirtyBytes = 4 * sizeof(uint32_t);

}  // namespace

PairTable::~PairTable() {
  Directory* directory = directory_.load(std::memory_order_relaxed);
  for (uint32_t i = 0; i < directory->capacity; ++i) std::free(directory->slots()[i].block.load());
  std::free(directory);
  for (const Retired& retired : retired_) std::free(retired.memory);
}

PairTable::Block* PairTable::NewBlock(uint32_t capacity) {
  void* memory = std::malloc(sizeof(Block) + size_t{capacity} * Block::kEntryBytes);
  KINDRED_CHECK(memory != nullptr);
  bytes_.fetch_add(Block::Bytes(capacity), std::memory_order_relaxed);
  return new (memory)
      Block{.capacity = capacity, .size = 0, .dirty = 0, .support = 0, .popularity = 0};
}

PairTable::Directory* PairTable::NewDirectory(uint64_t rows) {
  const uint32_t capacity = Directory::CapacityFor(rows);
  // All zeros: no items.
  void* memory = std::calloc(1, sizeof(Directory) + size_t{capacity} * sizeof(Directory::Slot));
  KINDRED_CHECK(memory != nullptr);
  bytes_.fetch_add(Directory::Bytes(capacity), std::memory_order_relaxed);
  const uint32_t shift = 32 - static_cast<uint32_t>(std::countr_zero(capacity));
  return new (memory) Directory{.capacity = capacity, .shift = shift};
}

PairTable::Block* PairTable::Find(uint32_t item) const {
  if (item == 0 || item >= ItemIndex::kMaxItems) return nullptr;
  return directory_.load()->SlotOf(item).block.load();
}

PairTable::Block* PairTable::Touched(uint32_t item) {
  Block* block = Find(item);
  if (block == nullptr) {
    block = NewBlock(kSmallestRow);
    InsertRow(item, block);
  }
  MarkDirty(item, block);
  return block;
}

// The item has no row yet.
void PairTable::InsertRow(uint32_t item, Block* block) {
  Directory* directory = directory_.load(std::memory_order_relaxed);
  ++rows_;
  row_bytes_ += Block::Bytes(block->capacity);
  if (Directory::CapacityFor(rows_) > directory->capacity) {
    Directory* larger = NewDirectory(rows_);
    for (uint32_t i = 0; i < directory->capacity; ++i) {
      const Directory::Slot& from = directory->slots()[i];
      const uint32_t moved = from.item.load(std::memory_order_relaxed);
      if (moved == 0) continue;
      Directory::Slot& to = larger->SlotOf(moved);
      to.block.store(from.block.load(std::memory_order_relaxed), std::memory_order_relaxed);
      to.item.store(moved, std::memory_order_relaxed);
    }
    directory_.store(larger);
    Retire(directory, Directory::Bytes(directory->capacity));
    FreeRetired();
    directory = larger;
  }
  Directory::Slot& slot = directory->SlotOf(item);
  slot.block.store(block);
  slot.item.store(item, std::memory_order_release);
}

void PairTable::CopyHeader(const Block& from, Block* to) {
  to->dirty = from.dirty;
  to->support = from.support;
  to->popularity = from.popularity;
}

// A row with room for one more: half as large again, or, at the limit, pruned to its better half.
// Weights grow with time, so what is new enters, and what has faded leaves.
PairTable::Block* PairTable::Grow(uint32_t item, Block* block) {
  const uint32_t size = block->size.load(std::memory_order_relaxed);
  if (size >= row_limit_) return Prune(item, block, 1);
  Block* grown = NewBlock(RowCapacity(size + 1));
  std::copy_n(block->neighbours(), size, grown->neighbours());
  std::copy_n(block->symmetric(), size, grown->symmetric());
  std::copy_n(block->directed(), size, grown->directed());
  grown->size.store(size, std::memory_order_relaxed);
  CopyHeader(*block, grown);
  Replace(item, block, grown);
  return grown;
}

// Cuts a row to half the limit, with room for `room` more.
PairTable::Block* PairTable::Prune(uint32_t item, Block* block, uint32_t room) {
  const uint32_t size = block->size.load(std::memory_order_relaxed);
  const uint32_t keep = std::min(size, row_limit_ / 2);  // at least one: limits are no smaller
  // Of equal ones the older stays: numbers of items would be another order after each rebuild.
  absl::InlinedVector<float, kUsualRowLimit> weights(size);
  for (uint32_t i = 0; i < size; ++i) weights[i] = block->symmetric()[i] + block->directed()[i];
  absl::InlinedVector<float, kUsualRowLimit> order = weights;
  std::nth_element(order.begin(), order.begin() + (keep - 1), order.end(), std::greater<>());
  const float least = order[keep - 1];
  const auto heavier = std::count_if(weights.begin(), weights.end(),
                                     [least](float weight) { return weight > least; });
  uint32_t equals = keep - static_cast<uint32_t>(heavier);  // that stay
  Block* pruned = NewBlock(RowCapacity(keep + room));
  uint32_t at = 0;
  for (uint32_t i = 0; i < size; ++i) {
    if (weights[i] < least || (weights[i] == least && equals == 0)) continue;
    if (weights[i] == least) --equals;
    pruned->neighbours()[at] = block->neighbours()[i];
    pruned->symmetric()[at] = block->symmetric()[i];
    pruned->directed()[at] = block->directed()[i];
    ++at;
  }
  pruned->size.store(at, std::memory_order_relaxed);
  pruned_.fetch_add(size - at, std::memory_order_relaxed);
  CopyHeader(*block, pruned);
  Replace(item, block, pruned);
  return pruned;
}

void PairTable::Replace(uint32_t item, Block* old_block, Block* new_block) {
  directory_.load(std::memory_order_relaxed)->SlotOf(item).block.store(new_block);
  row_bytes_ += Block::Bytes(new_block->capacity) - Block::Bytes(old_block->capacity);
  Retire(old_block, Block::Bytes(old_block->capacity));
}

void PairTable::Retire(void* memory, size_t bytes) {
  retired_bytes_ += bytes;
  Append(&retired_, {.memory = memory, .bytes = bytes, .epoch = index_.reclaimer().Retire()});
}

void PairTable::FreeRetired() {
  const uint64_t oldest = index_.reclaimer().OldestReader();
  size_t kept = 0;
  for (const Retired& retired : retired_) {
    if (retired.epoch < oldest) {
      bytes_.fetch_sub(retired.bytes, std::memory_order_relaxed);
      retired_bytes_ -= retired.bytes;
      std::free(retired.memory);
    } else {
      retired_[kept++] = retired;
    }
  }
  retired_.resize(kept);
}

template <typename T>
void PairTable::Append(std::vector<T>* list, const T& value) {
  const size_t before = list->capacity();
  list->push_back(value);
  bytes_.fetch_add((list->capacity() - before) * sizeof(T), std::memory_order_relaxed);
}
template void PairTable::Append(std::vector<uint32_t>* list, const uint32_t& value);

void PairTable::Clear(std::vector<uint32_t>* list) {
  bytes_.fetch_sub(list->capacity() * sizeof(uint32_t), std::memory_order_relaxed);
  std::vector<uint32_t>().swap(*list);
}

std::vector<std::pair<uint32_t, PairTable::Block*>> PairTable::RowsInOrder() const {
  std::vector<std::pair<uint32_t, Block*>> rows;
  rows.reserve(rows_);
  const Directory* directory = directory_.load();
  for (uint32_t i = 0; i < directory->capacity; ++i) {
    const Directory::Slot& slot = directory->slots()[i];
    const uint32_t item = slot.item.load(std::memory_order_relaxed);
    if (item != 0) rows.emplace_back(item, slot.block.load());
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

// The most that memory_bytes() may be after the next event: the same at the same place of the log,
// whatever happened to the process.
size_t PairTable::MostBytes() const {
  const size_t touched = options_.max_session_items + 1;
  return sizeof(*this) + kReserveBytes + 2 * touched * kGrowthBytes +
         Directory::Bytes(Directory::CapacityFor(rows_ + touched)) + row_bytes_ +
         (rows_ + touched) * kDirtyBytes;
}

// Each item's weakest pairs go first, all rows by the same limit; when the shortest rows are still
// too much, the weakest items go. An eighth of the bound is left free, so that it does not happen
// again soon.
void PairTable::EnforceMemoryBound() {
  const size_t target = options_.max_bytes - options_.max_bytes / 8;
  while (MostBytes() > target && row_limit_ > kSmallestRowLimit) {
    row_limit_ = std::max(row_limit_ / 4 * 3, kSmallestRowLimit);
    PruneAll();
  }
  if (MostBytes() > target) DropWeakest();
  FreeRetired();
}

void PairTable::PruneAll() {
  for (const auto& [item, block] : RowsInOrder()) {
    if (block->size.load(std::memory_order_relaxed) < row_limit_) continue;
    MarkDirty(item, block);
    Prune(item, block, 0);
    if (retired_.size() >= kFreeEvery) FreeRetired();
  }
}

// Support is a forward weight: the smallest is that of an item that few ever met, or none lately.
void PairTable::DropWeakest() {
  const size_t target = options_.max_bytes - options_.max_bytes / 8;
  std::vector<std::pair<uint32_t, Block*>> rows = RowsInOrder();
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return std::tie(a.second->support, a.second->popularity) <
           std::tie(b.second->support, b.second->popularity);
  });
  size_t gone = 0;
  for (; gone < rows.size() && MostBytes() > target; ++gone) {
    --rows_;
    row_bytes_ -= Block::Bytes(rows[gone].second->capacity);
    pruned_.fetch_add(rows[gone].second->size, std::memory_order_relaxed);
  }
  Directory* old_directory = directory_.load(std::memory_order_relaxed);
  Directory* directory = NewDirectory(rows_);
  for (size_t i = gone; i < rows.size(); ++i) {
    Directory::Slot& slot = directory->SlotOf(rows[i].first);
    slot.block.store(rows[i].second, std::memory_order_relaxed);
    slot.item.store(rows[i].first, std::memory_order_relaxed);
  }
  directory_.store(directory);
  Retire(old_directory, Directory::Bytes(old_directory->capacity));
  for (size_t i = 0; i < gone; ++i) {
    auto [item, block] = rows[i];
    MarkDirty(item, block);  // the checkpoint under way may wait for it
    Append(&dropped_, item);
    index_.Add(ItemId(item), -block->support, -block->popularity);
    Retire(block, Block::Bytes(block->capacity));
    if (retired_.size() >= kFreeEvery) FreeRetired();
  }
}

}  // namespace kindred::recommend
