#include "recommend/pair_table.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>
#include <utility>

#include "base/check.h"
#include "recommend/pair_block.h"

namespace kindred::recommend {
namespace {

constexpr uint64_t kRevisitSample = 4;
constexpr float kRounding = 1e-5f;
constexpr size_t kPrefetchBytes = 512;  // header and the first neighbours
constexpr uint64_t kBoundCheckEvents = 65'536;

// Where `id` is among `size` ids, or `size`. Sixteen at a time: rows are long and searched per
// event.
uint32_t IndexOf(const uint32_t* ids, uint32_t size, uint32_t id) {
  uint32_t i = 0;
#ifdef __SSE2__
  const __m128i wanted = _mm_set1_epi32(static_cast<int>(id));
  const auto equal = [&](uint32_t at) {
    return _mm_cmpeq_epi32(wanted, _mm_loadu_si128(reinterpret_cast<const __m128i*>(ids + at)));
  };
  for (; i + 16 <= size; i += 16) {
    const __m128i low = _mm_packs_epi32(equal(i), equal(i + 4));
    const __m128i high = _mm_packs_epi32(equal(i + 8), equal(i + 12));
    const int mask = _mm_movemask_epi8(_mm_packs_epi16(low, high));
    if (mask != 0) return i + static_cast<uint32_t>(__builtin_ctz(static_cast<unsigned>(mask)));
  }
#endif
  while (i < size && ids[i] != id) ++i;
  return i;
}

void Store(float* to, float value) {
  std::atomic_ref<float>(*to).store(value, std::memory_order_relaxed);
}

}  // namespace

PairTable::PairTable(PartitionId partition, const PairOptions& options, ItemIndex* index)
    : partition_(partition),
      options_(options),
      index_(*index),
      row_limit_(2 * std::clamp(options.max_neighbours, kSmallestRowLimit, kLargestRowLimit / 2)),
      chunks_(ItemIndex::kMaxItems >> kChunkBits) {}

PairTable::~PairTable() {
  for (auto& chunk : chunks_) {
    Chunk* rows = chunk.load(std::memory_order_relaxed);
    if (rows == nullptr) continue;
    for (auto& row : rows->rows) std::free(row.load(std::memory_order_relaxed));
    delete rows;
  }
  for (const Retired& retired : retired_) std::free(retired.block);
}

PairTable::Block* PairTable::NewBlock(uint32_t capacity) {
  void* memory = std::malloc(Block::Bytes(capacity));
  KINDRED_CHECK(memory != nullptr);
  return new (memory)
      Block{.capacity = capacity, .size = 0, .dirty = false, .support = 0, .popularity = 0};
}

std::atomic<PairTable::Block*>& PairTable::Slot(uint32_t item) {
  auto& chunk = chunks_[item >> kChunkBits];
  Chunk* rows = chunk.load(std::memory_order_relaxed);
  if (rows == nullptr) {
    rows = new Chunk;
    bytes_.fetch_add(sizeof(Chunk), std::memory_order_relaxed);
    chunk.store(rows, std::memory_order_release);
  }
  return rows->rows[item & (kChunkSize - 1)];
}

const PairTable::Block* PairTable::Find(uint32_t item) const {
  if (item >= ItemIndex::kMaxItems) return nullptr;
  const Chunk* rows = chunks_[item >> kChunkBits].load(std::memory_order_acquire);
  return rows == nullptr ? nullptr : rows->rows[item & (kChunkSize - 1)].load();
}

RowView PairTable::Row(uint32_t item) const {
  const Block* block = Find(item);
  if (block == nullptr) return {};
  return {.size = block->size.load(std::memory_order_acquire),
          .neighbours = block->neighbours(),
          .symmetric = block->symmetric(),
          .directed = block->directed()};
}

PairTable::Block* PairTable::Touched(uint32_t item) {
  std::atomic<Block*>& slot = Slot(item);
  Block* block = slot.load(std::memory_order_relaxed);
  if (block == nullptr) {
    block = NewBlock(kSmallestRow);
    bytes_.fetch_add(Block::Bytes(kSmallestRow), std::memory_order_relaxed);
    ++rows_;
    slot.store(block);
  }
  MarkDirty(item, block);
  return block;
}

// The rows of a session lie anywhere in memory: fetched together, their misses overlap.
void PairTable::Prefetch(uint32_t item) const {
  const Block* block = Find(item);
  if (block == nullptr) return;
  const char* const begin = reinterpret_cast<const char*>(block);
  for (size_t line = 0; line < kPrefetchBytes; line += 64) __builtin_prefetch(begin + line);
}

void PairTable::MarkDirty(uint32_t item, Block* block) {
  if (block->dirty) return;
  block->dirty = true;
  dirty_.push_back(item);
}

void PairTable::AddEvent(const Touch& event, absl::Span<const Touch> recent, float weight) {
  const uint32_t item = event.item.value();
  if (item == 0 || item >= ItemIndex::kMaxItems) return;
  const bool takes = weight < 0;
  if (!takes && ++events_ % kBoundCheckEvents == 0) EnforceMemoryBound();
  if (!retired_.empty()) FreeRetired();
  if (first_ms_ == ItemIndex::kNoBase) first_ms_ = event.time_ms;
  newest_ms_ = std::max(newest_ms_, event.time_ms);
  if (index_.base_ms() == ItemIndex::kNoBase) index_.SetBase(event.time_ms);

  const float relation = weight * static_cast<float>(index_.RelationWeight(event.time_ms));
  const double popularity = weight * options_.popularity_weight[static_cast<size_t>(event.kind)] *
                            index_.PopularityWeight(event.time_ms);
  // Walk the running session back from the event.
  const size_t reach = std::min<size_t>(recent.size(), options_.max_session_items);
  size_t session = 0;
  bool met_before = false;
  int64_t later_ms = event.time_ms;
  for (; session < reach; ++session) {
    if (!SameSession(recent[session].time_ms, later_ms, options_.session_gap_ms)) break;
    later_ms = recent[session].time_ms;
    Prefetch(recent[session].item.value());
    met_before |= recent[session].item.value() == item;
  }

  const auto observe = [&] {
    if (events_ % kRevisitSample != 0 || recent.empty()) return;
    revisits_.Observe(event.item, recent, StrongestUnseen(recent), relation);
  };
  // On the table as it was before the event.
  if (!takes) observe();

  Block* block = Touched(item);
  const double support = met_before ? 0.0 : relation;
  block->support = std::max(0.0, block->support + support);
  block->popularity = std::max(0.0, block->popularity + popularity);
  index_.Add(event.item, support, popularity);

  for (size_t i = 0; i < session; ++i) {
    const uint32_t other = recent[i].item.value();
    if (other == item || other == 0 || other >= ItemIndex::kMaxItems) continue;
    bool repeated = false;  // nearer occurrences of `other` have counted the pair already
    for (size_t j = 0; j < i && !repeated; ++j) repeated = recent[j].item.value() == other;
    const float symmetric = met_before || repeated ? 0.0f : relation;
    const size_t gap = i + 1;
    const float directed = gap <= options_.max_gap ? relation / static_cast<float>(gap) : 0.0f;
    if (symmetric == 0 && directed == 0) continue;
    AddPair(other, item, symmetric, directed);
    if (symmetric != 0) AddPair(item, other, symmetric, 0);
  }
  if (!takes) return;
  observe();
  if (events_ > 0) --events_;
}

// What most often follows the newest touch's item, among items not in `recent`; 0 if nothing does.
uint32_t PairTable::StrongestUnseen(absl::Span<const Touch> recent) const {
  const Block* block = Find(recent.front().item.value());
  if (block == nullptr) return 0;
  const uint32_t size = block->size.load(std::memory_order_relaxed);
  uint32_t strongest = 0;
  float most = 0;
  for (uint32_t i = 0; i < size; ++i) {
    if (block->directed()[i] <= most) continue;
    const uint32_t neighbour = block->neighbours()[i];
    const bool seen = std::any_of(recent.begin(), recent.end(), [neighbour](const Touch& touch) {
      return touch.item.value() == neighbour;
    });
    if (seen) continue;
    most = block->directed()[i];
    strongest = neighbour;
  }
  return strongest;
}

void PairTable::AddPair(uint32_t item, uint32_t neighbour, float symmetric, float directed) {
  if (symmetric < 0 || directed < 0) return TakePair(item, neighbour, symmetric, directed);
  Block* block = Touched(item);
  const uint32_t size = block->size.load(std::memory_order_relaxed);
  const uint32_t found = IndexOf(block->neighbours(), size, neighbour);
  if (found != size) {
    Store(block->symmetric() + found, block->symmetric()[found] + symmetric);
    Store(block->directed() + found, block->directed()[found] + directed);
    return;
  }
  // A block may be larger than a limit that was lowered since.
  if (size >= std::min(block->capacity, row_limit_)) block = Grow(item, block);
  ++entries_;
  const uint32_t at = block->size.load(std::memory_order_relaxed);
  block->neighbours()[at] = neighbour;
  block->symmetric()[at] = symmetric;
  block->directed()[at] = directed;
  block->size.store(at + 1, std::memory_order_release);  // readers see the entry whole or not
}

// Amounts are negative or 0. What rounding leaves of a sum whose parts are gone is no relation.
void PairTable::TakePair(uint32_t item, uint32_t neighbour, float symmetric, float directed) {
  if (Find(item) == nullptr) return;
  Block* block = Touched(item);
  const uint32_t size = block->size.load(std::memory_order_relaxed);
  const uint32_t found = IndexOf(block->neighbours(), size, neighbour);
  if (found == size) return;
  const auto less = [](float sum, float taken) {
    return sum + taken > -taken * kRounding ? sum + taken : 0.0f;
  };
  const float new_symmetric = less(block->symmetric()[found], symmetric);
  const float new_directed = less(block->directed()[found], directed);
  if (new_symmetric > 0 || new_directed > 0) {
    Store(block->symmetric() + found, new_symmetric);
    Store(block->directed() + found, new_directed);
    return;
  }
  // Readers may be in the row: a shorter one takes its place.
  Block* shorter = NewBlock(block->capacity);
  const auto copy = [found, size](const auto* from, auto* to) {
    std::copy(from + found + 1, from + size, std::copy(from, from + found, to));
  };
  copy(block->neighbours(), shorter->neighbours());
  copy(block->symmetric(), shorter->symmetric());
  copy(block->directed(), shorter->directed());
  shorter->size.store(size - 1, std::memory_order_relaxed);
  shorter->dirty = block->dirty;
  shorter->support = block->support;
  shorter->popularity = block->popularity;
  --entries_;
  Replace(item, block, shorter);
}

// A row with room for one more: twice as large, or, at the limit, pruned to its better half.
// Weights grow with time, so what is new enters, and what has faded leaves.
PairTable::Block* PairTable::Grow(uint32_t item, Block* block) {
  const uint32_t size = block->size.load(std::memory_order_relaxed);
  Block* grown;
  if (size < row_limit_) {
    grown = NewBlock(std::min(std::max(size + size / 2, kSmallestRow), row_limit_));
    std::copy_n(block->neighbours(), size, grown->neighbours());
    std::copy_n(block->symmetric(), size, grown->symmetric());
    std::copy_n(block->directed(), size, grown->directed());
    grown->size.store(size, std::memory_order_relaxed);
  } else {
    const uint32_t keep = row_limit_ / 2;
    // Of equal ones the older stays: numbers of items would be another order after each rebuild.
    std::vector<std::pair<float, uint32_t>> order(size);
    for (uint32_t i = 0; i < size; ++i) {
      order[i] = {-(block->symmetric()[i] + block->directed()[i]), i};
    }
    std::nth_element(order.begin(), order.begin() + keep, order.end());
    const auto last_kept = *std::max_element(order.begin(), order.begin() + keep);
    grown = NewBlock(row_limit_);
    uint32_t at = 0;
    for (uint32_t i = 0; i < size; ++i) {
      const std::pair<float, uint32_t> key = {-(block->symmetric()[i] + block->directed()[i]), i};
      if (key > last_kept) continue;
      grown->neighbours()[at] = block->neighbours()[i];
      grown->symmetric()[at] = block->symmetric()[i];
      grown->directed()[at] = block->directed()[i];
      ++at;
    }
    grown->size.store(at, std::memory_order_relaxed);
    entries_ -= size - at;
    pruned_.fetch_add(size - at, std::memory_order_relaxed);
  }
  grown->dirty = block->dirty;
  grown->support = block->support;
  grown->popularity = block->popularity;
  Replace(item, block, grown);
  return grown;
}

void PairTable::Replace(uint32_t item, Block* old_block, Block* new_block) {
  Slot(item).store(new_block);
  bytes_.fetch_add(Block::Bytes(new_block->capacity), std::memory_order_relaxed);
  retired_.push_back({.block = old_block, .epoch = index_.reclaimer().Retire()});
}

void PairTable::FreeRetired() {
  const uint64_t oldest = index_.reclaimer().OldestReader();
  size_t kept = 0;
  for (const Retired& retired : retired_) {
    if (retired.epoch < oldest) {
      bytes_.fetch_sub(Block::Bytes(retired.block->capacity), std::memory_order_relaxed);
      std::free(retired.block);
    } else {
      retired_[kept++] = retired;
    }
  }
  retired_.resize(kept);
}

// What rows take without the room they have to grow and without blocks that readers still hold:
// the same at the same place of the log, whatever happened to the process.
size_t PairTable::FilledBytes() const {
  return rows_ * (sizeof(Block) + sizeof(Block*)) + entries_ * 12;
}

// Called at fixed event counts: while the table is over its bound, all rows are cut to half the
// limit, so that what goes is each item's weakest pairs.
void PairTable::EnforceMemoryBound() {
  while (FilledBytes() > options_.max_bytes && row_limit_ > kSmallestRowLimit) {
    row_limit_ /= 2;
    for (uint32_t chunk = 0; chunk < chunks_.size(); ++chunk) {
      Chunk* rows = chunks_[chunk].load(std::memory_order_relaxed);
      if (rows == nullptr) continue;
      for (uint32_t i = 0; i < kChunkSize; ++i) {
        Block* block = rows->rows[i].load(std::memory_order_relaxed);
        if (block == nullptr || block->size.load(std::memory_order_relaxed) < row_limit_) continue;
        const uint32_t item = chunk * kChunkSize + i;
        Grow(item, Touched(item));
      }
    }
    FreeRetired();
  }
}

}  // namespace kindred::recommend
