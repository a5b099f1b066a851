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
// Replaced blocks are freed together: to ask who still reads costs more than to free one.
constexpr size_t kFreeAtBytes = 16 << 10;

void Store(float* to, float value) {
  std::atomic_ref<float>(*to).store(value, std::memory_order_relaxed);
}

}  // namespace

PairTable::PairTable(PartitionId partition, const PairOptions& options, ItemIndex* index)
    : partition_(partition),
      options_(options),
      index_(*index),
      row_limit_(2 * std::clamp(options.max_neighbours, kSmallestRowLimit, kLargestRowLimit / 2)),
      bytes_(sizeof(*this)),
      directory_(NewDirectory(0)) {}

const PairTable::Block* PairTable::FindRow(uint32_t item) const {
  const Block* const row = Find(item);
  __builtin_prefetch(row);
  return row;
}

RowView PairTable::ReadRow(const Block* row) {
  if (row == nullptr) return {};
  return {.size = row->size.load(std::memory_order_acquire),
          .neighbours = row->neighbours(),
          .symmetric = row->symmetric(),
          .directed = row->directed()};
}

void PairTable::PrefetchSlots(ItemId item, absl::Span<const Touch> recent) const {
  const Directory* directory = directory_.load(std::memory_order_relaxed);
  directory->Prefetch(item.value());
  if (!options_.learn_pairs) return;
  const size_t reach = std::min<size_t>(recent.size(), options_.max_session_items);
  for (size_t i = 0; i < reach; ++i) directory->Prefetch(recent[i].item.value());
}

void PairTable::PrefetchRows(ItemId item, absl::Span<const Touch> recent) const {
  Prefetch(item.value());
  if (!options_.learn_pairs) return;
  const size_t reach = std::min<size_t>(recent.size(), options_.max_session_items);
  for (size_t i = 0; i < reach; ++i) Prefetch(recent[i].item.value());
}

// The rows of a session lie anywhere in memory: fetched together, their misses overlap.
void PairTable::Prefetch(uint32_t item) const {
  const Block* block = Find(item);
  if (block == nullptr) return;
  const char* const begin = reinterpret_cast<const char*>(block);
  for (size_t line = 0; line < kPrefetchBytes; line += 64) __builtin_prefetch(begin + line);
}

void PairTable::AddEvent(const Touch& event, absl::Span<const Touch> recent, float weight) {
  const uint32_t item = event.item.value();
  if (item == 0 || item >= ItemIndex::kMaxItems) return;
  const bool takes = weight < 0;
  if (retired_bytes_ >= kFreeAtBytes) FreeRetired();
  if (!takes) {
    ++events_;
    if (MostBytes() > options_.max_bytes) EnforceMemoryBound();
  }
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

  for (size_t i = 0; options_.learn_pairs && i < session; ++i) {
    const uint32_t other = recent[i].item.value();
    if (other == item || other == 0 || other >= ItemIndex::kMaxItems) continue;
    bool repeated = false;  // nearer occurrences of `other` have counted the pair already
    for (size_t j = 0; j < i && !repeated; ++j) repeated = recent[j].item.value() == other;
    const float symmetric = met_before || repeated ? 0.0f : relation;
    const size_t gap = i + 1;
    const float directed = gap <= options_.max_gap ? relation / static_cast<float>(gap) : 0.0f;
    if (symmetric == 0 && directed == 0) continue;
    // What is taken makes no row.
    Block* const others = takes ? Find(other) : Touched(other);
    if (others != nullptr) AddPair(other, others, item, symmetric, directed);
    if (symmetric != 0) block = AddPair(item, block, other, symmetric, 0);
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

// Sixteen at a time, then four: rows are long and searched several times an event.
uint32_t PairTable::Block::IndexOf(uint32_t id) const {
  const uint32_t* const ids = neighbours();
  const uint32_t count = size.load(std::memory_order_relaxed);
  uint32_t i = 0;
#ifdef __SSE2__
  const __m128i wanted = _mm_set1_epi32(static_cast<int>(id));
  const auto equal = [&](uint32_t at) {
    return _mm_cmpeq_epi32(wanted, _mm_loadu_si128(reinterpret_cast<const __m128i*>(ids + at)));
  };
  for (; i + 16 <= count; i += 16) {
    const __m128i low = _mm_packs_epi32(equal(i), equal(i + 4));
    const __m128i high = _mm_packs_epi32(equal(i + 8), equal(i + 12));
    const int mask = _mm_movemask_epi8(_mm_packs_epi16(low, high));
    if (mask != 0) return i + static_cast<uint32_t>(__builtin_ctz(static_cast<unsigned>(mask)));
  }
  // Beyond the last one there are at least as many sums in the block; what equals there is none.
  static_assert(kSmallestRow >= 4);
  for (; i < count; i += 4) {
    const int mask = _mm_movemask_ps(_mm_castsi128_ps(equal(i)));
    if (mask == 0) continue;
    return std::min(count, i + static_cast<uint32_t>(__builtin_ctz(static_cast<unsigned>(mask))));
  }
  return count;
#else
  while (i < count && ids[i] != id) ++i;
  return i;
#endif
}

PairTable::Block* PairTable::AddPair(uint32_t item, Block* block, uint32_t neighbour,
                                     float symmetric, float directed) {
  if (symmetric < 0 || directed < 0) return TakePair(item, block, neighbour, symmetric, directed);
  const uint32_t size = block->size.load(std::memory_order_relaxed);
  const uint32_t found = block->IndexOf(neighbour);
  if (found != size) {
    Store(block->symmetric() + found, block->symmetric()[found] + symmetric);
    Store(block->directed() + found, block->directed()[found] + directed);
    return block;
  }
  // A block may be larger than a limit that was lowered since.
  if (size >= std::min(block->capacity, row_limit_)) block = Grow(item, block);
  const uint32_t at = block->size.load(std::memory_order_relaxed);
  block->neighbours()[at] = neighbour;
  block->symmetric()[at] = symmetric;
  block->directed()[at] = directed;
  block->size.store(at + 1, std::memory_order_release);  // readers see the entry whole or not
  return block;
}

// Amounts are negative or 0. What rounding leaves of a sum whose parts are gone is no relation.
PairTable::Block* PairTable::TakePair(uint32_t item, Block* block, uint32_t neighbour,
                                      float symmetric, float directed) {
  MarkDirty(item, block);
  const uint32_t size = block->size.load(std::memory_order_relaxed);
  const uint32_t found = block->IndexOf(neighbour);
  if (found == size) return block;
  const auto less = [](float sum, float taken) {
    return sum + taken > -taken * kRounding ? sum + taken : 0.0f;
  };
  const float new_symmetric = less(block->symmetric()[found], symmetric);
  const float new_directed = less(block->directed()[found], directed);
  if (new_symmetric > 0 || new_directed > 0) {
    Store(block->symmetric() + found, new_symmetric);
    Store(block->directed() + found, new_directed);
    return block;
  }
  // Readers may be in the row: a shorter one takes its place.
  Block* shorter = NewBlock(RowCapacity(size - 1));
  const auto copy = [found, size](const auto* from, auto* to) {
    std::copy(from + found + 1, from + size, std::copy(from, from + found, to));
  };
  copy(block->neighbours(), shorter->neighbours());
  copy(block->symmetric(), shorter->symmetric());
  copy(block->directed(), shorter->directed());
  shorter->size.store(size - 1, std::memory_order_relaxed);
  CopyHeader(*block, shorter);
  Replace(item, block, shorter);
  return shorter;
}

}  // namespace kindred::recommend
