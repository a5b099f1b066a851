#include "recommend/pair_table.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace kindred::recommend {
namespace {

constexpr uint8_t kRowVersion = 1;
constexpr uint8_t kHeaderVersion = 1;
constexpr uint32_t kSmallestRow = 4;
constexpr uint32_t kSmallestRowLimit = 16;
constexpr uint32_t kLargestRowLimit = 1u << 16;
constexpr double kOldBaseHalvings = 50;
constexpr uint64_t kRevisitSample = 4;
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

// Header and arrays in one allocation: neighbours, symmetric, directed, each `capacity` long. The
// writer reads it plainly; what readers may see at the same time it writes through atomic_ref.
struct PairTable::Block {
  uint32_t capacity;
  std::atomic<uint32_t> size;
  bool dirty;
  double support;
  double popularity;

  uint32_t* neighbours() { return reinterpret_cast<uint32_t*>(this + 1); }
  float* symmetric() { return reinterpret_cast<float*>(neighbours() + capacity); }
  float* directed() { return symmetric() + capacity; }
  const uint32_t* neighbours() const { return const_cast<Block*>(this)->neighbours(); }
  const float* symmetric() const { return const_cast<Block*>(this)->symmetric(); }
  const float* directed() const { return const_cast<Block*>(this)->directed(); }
  static size_t Bytes(uint32_t capacity) { return sizeof(Block) + size_t{capacity} * 12; }
};

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
  if (++events_ % kBoundCheckEvents == 0) EnforceMemoryBound();
  if (!retired_.empty()) FreeRetired();
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

  if (events_ % kRevisitSample == 0 && !recent.empty()) {
    revisits_.Observe(event.item, recent, StrongestUnseen(recent), relation);
  }

  Block* block = Touched(item);
  const double support = met_before ? 0.0 : relation;
  block->support += support;
  block->popularity += popularity;
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
  Block* block = Touched(item);
  const uint32_t size = block->size.load(std::memory_order_relaxed);
  const uint32_t found = IndexOf(block->neighbours(), size, neighbour);
  if (found != size) {
    Store(block->symmetric() + found, block->symmetric()[found] + symmetric);
    Store(block->directed() + found, block->directed()[found] + directed);
    return;
  }
  if (size == block->capacity) block = Grow(item, block);
  const uint32_t at = block->size.load(std::memory_order_relaxed);
  block->neighbours()[at] = neighbour;
  block->symmetric()[at] = symmetric;
  block->directed()[at] = directed;
  block->size.store(at + 1, std::memory_order_release);  // readers see the entry whole or not
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
    std::vector<std::pair<float, uint32_t>> order(size);
    for (uint32_t i = 0; i < size; ++i) {
      order[i] = {-(block->symmetric()[i] + block->directed()[i]), block->neighbours()[i]};
    }
    std::nth_element(order.begin(), order.begin() + keep, order.end());
    const auto last_kept = *std::max_element(order.begin(), order.begin() + keep);
    grown = NewBlock(row_limit_);
    uint32_t at = 0;
    for (uint32_t i = 0; i < size; ++i) {
      const std::pair<float, uint32_t> key = {-(block->symmetric()[i] + block->directed()[i]),
                                              block->neighbours()[i]};
      if (key > last_kept) continue;
      grown->neighbours()[at] = block->neighbours()[i];
      grown->symmetric()[at] = block->symmetric()[i];
      grown->directed()[at] = block->directed()[i];
      ++at;
    }
    grown->size.store(at, std::memory_order_relaxed);
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

// Called at fixed event counts: while the table is over its bound, all rows are cut to half the
// limit, so that what goes is each item's weakest pairs.
void PairTable::EnforceMemoryBound() {
  while (memory_bytes() > options_.max_bytes && row_limit_ > kSmallestRowLimit) {
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

void PairTable::EncodeRow(const Block& block, std::string* out) const {
  out->clear();
  base::ByteWriter writer(out);
  const uint32_t size = block.size.load(std::memory_order_relaxed);
  writer.U8(kRowVersion);
  writer.F64(block.support);
  writer.F64(block.popularity);
  writer.Varint(size);
  for (uint32_t i = 0; i < size; ++i) writer.Varint(block.neighbours()[i]);
  for (uint32_t i = 0; i < size; ++i) writer.F32(block.symmetric()[i]);
  for (uint32_t i = 0; i < size; ++i) writer.F32(block.directed()[i]);
}

void PairTable::TakeDirty(const std::function<void(ItemId, absl::string_view)>& put) {
  std::string bytes;
  for (uint32_t item : dirty_) {
    Block* block = Slot(item).load(std::memory_order_relaxed);
    block->dirty = false;
    EncodeRow(*block, &bytes);
    put(ItemId(item), bytes);
  }
  dirty_.clear();
}

void PairTable::ForEachRow(const std::function<void(ItemId, absl::string_view)>& put) const {
  std::string bytes;
  for (uint32_t chunk = 0; chunk < chunks_.size(); ++chunk) {
    const Chunk* rows = chunks_[chunk].load(std::memory_order_relaxed);
    if (rows == nullptr) continue;
    for (uint32_t i = 0; i < kChunkSize; ++i) {
      const Block* block = rows->rows[i].load(std::memory_order_relaxed);
      if (block == nullptr) continue;
      EncodeRow(*block, &bytes);
      put(ItemId(chunk * kChunkSize + i), bytes);
    }
  }
}

void PairTable::ForEachItem(
    const std::function<void(ItemId, double support, double popularity)>& visit) const {
  for (uint32_t chunk = 0; chunk < chunks_.size(); ++chunk) {
    const Chunk* rows = chunks_[chunk].load(std::memory_order_acquire);
    if (rows == nullptr) continue;
    for (uint32_t i = 0; i < kChunkSize; ++i) {
      const Block* block = rows->rows[i].load();
      if (block != nullptr)
        visit(ItemId(chunk * kChunkSize + i), block->support, block->popularity);
    }
  }
}

std::string PairTable::EncodeHeader() const {
  std::string bytes;
  base::ByteWriter writer(&bytes);
  writer.U8(kHeaderVersion);
  writer.Signed(index_.base_ms());
  writer.Signed(newest_ms_);
  writer.F64(index_.decay().relation_half_life_days);
  writer.F64(index_.decay().popularity_half_life_days);
  writer.Varint(events_);
  writer.Varint(row_limit_);
  revisits_.Encode(&writer);
  return bytes;
}

absl::Status PairTable::RestoreHeader(absl::string_view bytes) {
  const absl::Status corrupt = absl::DataLossError("pair table header cannot be read");
  base::ByteReader reader(bytes);
  const uint8_t version = reader.U8();
  const int64_t base_ms = reader.Signed();
  const int64_t newest_ms = reader.Signed();
  DecayOptions old_decay;
  old_decay.relation_half_life_days = reader.F64();
  old_decay.popularity_half_life_days = reader.F64();
  const uint64_t events = reader.Varint();
  const uint64_t row_limit = reader.Varint();
  if (!reader.ok() || version != kHeaderVersion || !Validate(old_decay).ok() ||
      row_limit < kSmallestRowLimit || row_limit > kLargestRowLimit) {
    return corrupt;
  }
  if (events_ != 0) return absl::FailedPreconditionError("pair table is not empty");
  if (events > 0 && base_ms != ItemIndex::kNoBase) PrepareRescale(base_ms, newest_ms, old_decay);
  if (!revisits_.Decode(&reader, rescale_.relation) || !reader.Done()) return corrupt;
  events_ = events;
  newest_ms_ = newest_ms;
  row_limit_ = std::min(row_limit_, static_cast<uint32_t>(row_limit));
  return absl::OkStatus();
}

void PairTable::PrepareRescale(int64_t base_ms, int64_t newest_ms, const DecayOptions& old_decay) {
  // A base so old that new weights would leave the range of floats is left behind.
  const double age_days = (static_cast<double>(newest_ms) - static_cast<double>(base_ms)) / 864e5;
  const bool old = age_days > kOldBaseHalvings * old_decay.relation_half_life_days;
  index_.SetBase(old ? newest_ms : base_ms);
  const double old_relation = ForwardWeight(newest_ms, base_ms, old_decay.relation_half_life_days,
                                            ItemIndex::kRelationPowers);
  const double old_popularity = ForwardWeight(
      newest_ms, base_ms, old_decay.popularity_half_life_days, ItemIndex::kPopularityPowers);
  rescale_.relation = index_.RelationWeight(newest_ms) / old_relation;
  rescale_.popularity = index_.PopularityWeight(newest_ms) / old_popularity;
  rescale_.exact =
      old_decay.relation_half_life_days == index_.decay().relation_half_life_days &&
      old_decay.popularity_half_life_days == index_.decay().popularity_half_life_days &&
      rescale_.relation == 1 && rescale_.popularity == 1;
}

absl::Status PairTable::RestoreRow(ItemId item, absl::string_view bytes) {
  const absl::Status corrupt = absl::DataLossError("pair table row cannot be read");
  if (item.value() == 0 || item.value() >= ItemIndex::kMaxItems) return corrupt;
  base::ByteReader reader(bytes);
  const uint8_t version = reader.U8();
  const double support = reader.F64() * rescale_.relation;
  const double popularity = reader.F64() * rescale_.popularity;
  const size_t size = reader.Count(9);
  if (!reader.ok() || version != kRowVersion || size > kLargestRowLimit ||
      !std::isfinite(support) || !std::isfinite(popularity) || support < 0 || popularity < 0) {
    return corrupt;
  }
  std::atomic<Block*>& slot = Slot(item.value());
  if (slot.load(std::memory_order_relaxed) != nullptr) return corrupt;
  Block* block = NewBlock(std::max(static_cast<uint32_t>(size), kSmallestRow));
  block->size.store(static_cast<uint32_t>(size), std::memory_order_relaxed);
  bool good = true;
  for (size_t i = 0; i < size; ++i) {
    const uint64_t neighbour = reader.Varint();
    good &= neighbour > 0 && neighbour < ItemIndex::kMaxItems && neighbour != item.value();
    block->neighbours()[i] = static_cast<uint32_t>(neighbour);
  }
  for (float* values : {block->symmetric(), block->directed()}) {
    for (size_t i = 0; i < size; ++i) {
      values[i] = static_cast<float>(reader.F32() * rescale_.relation);
      good &= std::isfinite(values[i]) && values[i] >= 0;
    }
  }
  if (!good || !reader.Done()) {
    std::free(block);
    return corrupt;
  }
  block->support = support;
  block->popularity = popularity;
  bytes_.fetch_add(Block::Bytes(block->capacity), std::memory_order_relaxed);
  if (!rescale_.exact) MarkDirty(item.value(), block);
  slot.store(block);
  index_.Add(item, support, popularity);
  return absl::OkStatus();
}

}  // namespace kindred::recommend
