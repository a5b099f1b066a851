// Pair tables as bytes: rows and header, written and read.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "absl/types/span.h"
#include "base/bytes.h"
#include "base/check.h"
#include "recommend/pair_block.h"
#include "recommend/pair_table.h"

namespace kindred::recommend {
namespace {

constexpr size_t kMaxItemBytes = 5;  // as a varint
constexpr uint8_t kBothFlags = 3;    // of dirty rows
constexpr uint8_t kRowVersion = 2;
constexpr uint8_t kHeaderVersion = 2;
constexpr double kOldBaseHalvings = 50;
constexpr int64_t kFarthestPower = int64_t{1} << 40;
constexpr int64_t kFarthestTimeMs = int64_t{1} << 60;
constexpr int64_t kLargestShift = 120;   // sums are floats
constexpr int64_t kSmallestShift = -64;  // what is stored smaller than this has faded
constexpr int kSmallestPower = -900;     // sums of doubles smaller than this are nothing
constexpr float kFadedPart = 0x1p-60f;   // of the largest sum of its row

bool Within(int64_t value, int64_t bound) { return value >= -bound && value <= bound; }

// The power that a sum of the base's weights is stored with; none if there is nothing to store.
int64_t PowerOf(int64_t base, double sum, int shift) { return sum > 0 ? base + shift : 0; }

// Scaled, and nothing where next to nothing is left. A piece at a time, so that several go through
// the processor at once. Where they end.
char* PutParts(absl::Span<const float> values, double scale, char* at) {
  constexpr size_t kPiece = 64;
  std::array<float, kPiece> parts;
  for (; !values.empty(); values.remove_prefix(std::min(kPiece, values.size()))) {
    const size_t count = std::min(kPiece, values.size());
    for (size_t i = 0; i < count; ++i) {
      const float scaled = static_cast<float>(values[i] * scale);
      parts[i] = scaled < kFadedPart ? 0 : scaled;
    }
    std::memcpy(at, parts.data(), count * sizeof(float));
    at += count * sizeof(float);
  }
  return at;
}

}  // namespace

// Weights are relative to the base of the process, and bases differ by whole half-lives. So each
// row is stored as fractions of a power of two near its largest sum, and that power, counted in
// half-lives since 1970: the same bytes whatever the base.
void PairTable::EncodeRow(const Block& block, std::string* out) const {
  out->clear();
  base::ByteWriter writer(out);
  const uint32_t size = block.size.load(std::memory_order_relaxed);
  float largest_weight = 0;
  for (const float* values : {block.symmetric(), block.directed()}) {
    for (uint32_t i = 0; i < size; ++i) largest_weight = std::max(largest_weight, values[i]);
  }
  const double largest = std::max<double>(block.support, largest_weight);
  int shift = 0, popularity_shift = 0;
  std::frexp(largest, &shift);
  const double popularity = std::frexp(block.popularity, &popularity_shift);
  writer.U8(kRowVersion);
  writer.Signed(PowerOf(index_.relation_base(), largest, shift));
  writer.F64(std::ldexp(block.support, -shift));
  writer.Signed(PowerOf(index_.popularity_base(), popularity, popularity_shift));
  writer.F64(popularity);
  writer.Varint(size);
  size_t at = out->size();
  out->resize(at + size_t{size} * (kMaxItemBytes + 2 * sizeof(float)));
  char* const begin = out->data() + at;
  char* end = begin;
  for (uint32_t i = 0; i < size; ++i) end = base::PutVarint(block.neighbours()[i], end);
  // A power of two times a float is exact as a double.
  const double scale = std::ldexp(1.0, -shift);
  for (const float* values : {block.symmetric(), block.directed()}) {
    end = PutParts({values, size}, scale, end);
  }
  out->resize(at + static_cast<size_t>(end - begin));
}

void PairTable::BeginCheckpoint(PutRow put) {
  KINDRED_CHECK(put_row_ == nullptr) << "a checkpoint is under way";
  put_row_ = std::move(put);
  std::sort(dropped_.begin(), dropped_.end());
  dropped_.erase(std::unique(dropped_.begin(), dropped_.end()), dropped_.end());
  for (const uint32_t item : dropped_) {
    if (Find(item) == nullptr) put_row_(ItemId(item), "");
  }
  Clear(&dropped_);
  awaited_.swap(dirty_);
  // In the order of their keys, which the store takes without a search.
  std::sort(awaited_.begin(), awaited_.end());
  collected_ = 0;
  dirty_flag_ ^= kBothFlags;
}

bool PairTable::CollectRows(size_t count) {
  if (put_row_ == nullptr) return false;
  for (; collected_ < awaited_.size() && count > 0; ++collected_) {
    const uint32_t item = awaited_[collected_];
    Block* const block = Find(item);
    // Else it changed or left meanwhile, and was handed out before it did.
    if (block == nullptr || block->dirty != (dirty_flag_ ^ kBothFlags)) continue;
    HandOut(item, block);
    --count;
  }
  if (collected_ < awaited_.size()) return true;
  Clear(&awaited_);
  put_row_ = nullptr;
  return false;
}

void PairTable::TakeDirty(PutRow put) {
  BeginCheckpoint(std::move(put));
  CollectRows(SIZE_MAX);
}

void PairTable::HandOut(uint32_t item, Block* block) {
  block->dirty = 0;
  EncodeRow(*block, &row_text_);
  put_row_(ItemId(item), row_text_);
}

void PairTable::MarkForNext(uint32_t item, Block* block) {
  if (block->dirty != 0) HandOut(item, block);
  block->dirty = dirty_flag_;
  Append(&dirty_, item);
}

void PairTable::ForEachRow(const PutRow& put) const {
  std::string bytes;
  for (const auto& [item, block] : RowsInOrder()) {
    EncodeRow(*block, &bytes);
    put(ItemId(item), bytes);
  }
}

void PairTable::ForEachItem(
    const std::function<void(ItemId, double support, double popularity)>& visit) const {
  for (const auto& [item, block] : RowsInOrder()) {
    visit(ItemId(item), block->support, block->popularity);
  }
}

std::string PairTable::EncodeHeader() const {
  std::string bytes;
  base::ByteWriter writer(&bytes);
  writer.U8(kHeaderVersion);
  writer.Signed(first_ms_);
  writer.Signed(newest_ms_);
  writer.F64(index_.decay().relation_half_life_days);
  writer.F64(index_.decay().popularity_half_life_days);
  writer.Varint(events_);
  writer.Varint(row_limit_);
  int shift = 0;
  std::frexp(revisits_.asked(), &shift);
  const bool faded = shift < kSmallestPower;
  writer.Signed(faded ? 0 : PowerOf(index_.relation_base(), revisits_.asked(), shift));
  revisits_.Encode(&writer, faded ? 0 : std::ldexp(1.0, -shift));
  return bytes;
}

absl::Status PairTable::RestoreHeader(absl::string_view bytes) {
  const absl::Status corrupt = absl::DataLossError("pair table header cannot be read");
  base::ByteReader reader(bytes);
  const uint8_t version = reader.U8();
  const int64_t first_ms = reader.Signed();
  const int64_t newest_ms = reader.Signed();
  DecayOptions old_decay;
  old_decay.relation_half_life_days = reader.F64();
  old_decay.popularity_half_life_days = reader.F64();
  const uint64_t events = reader.Varint();
  const uint64_t row_limit = reader.Varint();
  const int64_t revisits_power = reader.Signed();
  if (!reader.ok() || version != kHeaderVersion || !Validate(old_decay).ok() ||
      row_limit < kSmallestRowLimit || row_limit > kLargestRowLimit || newest_ms < first_ms ||
      (events > 0 && first_ms == ItemIndex::kNoBase) ||
      (first_ms != ItemIndex::kNoBase &&
       !(Within(first_ms, kFarthestTimeMs) && Within(newest_ms, kFarthestTimeMs))) ||
      !Within(revisits_power, kFarthestPower)) {
    return corrupt;
  }
  if (events_ != 0) return absl::FailedPreconditionError("pair table is not empty");
  const bool begun = first_ms != ItemIndex::kNoBase;
  if (begun) PrepareRescale(first_ms, newest_ms, old_decay);
  const int64_t shift = begun ? revisits_power - rescale_.relation_power : 0;
  const double factor =
      shift < kSmallestShift
          ? 0
          : std::ldexp(rescale_.relation, static_cast<int>(std::min(shift, kLargestShift)));
  if (!revisits_.Decode(&reader, factor) || !reader.Done()) return corrupt;
  if (shift > kLargestShift && revisits_.asked() > 0) return corrupt;
  events_ = events;
  first_ms_ = first_ms;
  newest_ms_ = newest_ms;
  row_limit_ = std::min(row_limit_, static_cast<uint32_t>(row_limit));
  return absl::OkStatus();
}

void PairTable::PrepareRescale(int64_t first_ms, int64_t newest_ms, const DecayOptions& old_decay) {
  // A base so old that new weights would leave the range of floats is left behind.
  const double half_life_ms = index_.decay().relation_half_life_days * 864e5;
  const double halvings =
      (static_cast<double>(newest_ms) - static_cast<double>(first_ms)) / half_life_ms;
  const double base_ms = static_cast<double>(newest_ms) - kOldBaseHalvings * half_life_ms;
  index_.SetBase(halvings <= kOldBaseHalvings ? first_ms : static_cast<int64_t>(base_ms));
  const auto prepare = [newest_ms](double old_half_life, double half_life, int64_t base,
                                   double weight, double* factor, int64_t* power) {
    if (old_half_life == half_life) {
      *factor = 1;
      *power = base;
      return true;
    }
    *power = WholeHalfLives(newest_ms, old_half_life);
    *factor = weight / ForwardWeight(newest_ms, newest_ms, old_half_life, 1);
    return false;
  };
  const DecayOptions& decay = index_.decay();
  const bool same_relation = prepare(
      old_decay.relation_half_life_days, decay.relation_half_life_days, index_.relation_base(),
      index_.RelationWeight(newest_ms), &rescale_.relation, &rescale_.relation_power);
  const bool same_popularity =
      prepare(old_decay.popularity_half_life_days, decay.popularity_half_life_days,
              index_.popularity_base(), index_.PopularityWeight(newest_ms), &rescale_.popularity,
              &rescale_.popularity_power);
  rescale_.exact = same_relation && same_popularity;
}

absl::Status PairTable::RestoreRow(ItemId item, absl::string_view bytes) {
  const absl::Status corrupt = absl::DataLossError("pair table row cannot be read");
  if (item.value() == 0 || item.value() >= ItemIndex::kMaxItems) return corrupt;
  base::ByteReader reader(bytes);
  const uint8_t version = reader.U8();
  const int64_t power = reader.Signed();
  const double support_part = reader.F64();
  const int64_t popularity_power = reader.Signed();
  const double popularity_part = reader.F64();
  const size_t size = reader.Count(9);
  if (!reader.ok() || version != kRowVersion || size > kLargestRowLimit ||
      !Within(power, kFarthestPower) || !Within(popularity_power, kFarthestPower) ||
      !(support_part >= 0 && support_part < 1) || !(popularity_part >= 0 && popularity_part < 1)) {
    return corrupt;
  }
  const int64_t shift = power - rescale_.relation_power;
  const int64_t popularity_shift = popularity_power - rescale_.popularity_power;
  constexpr int64_t kLargestPopularityShift = ItemIndex::kPopularityPowers + 64;
  if (popularity_shift > kLargestPopularityShift && popularity_part > 0) return corrupt;
  if (Find(item.value()) != nullptr) return corrupt;
  Block* block = NewBlock(RowCapacity(static_cast<uint32_t>(size)));
  block->size.store(static_cast<uint32_t>(size), std::memory_order_relaxed);
  bool good = true;
  for (size_t i = 0; i < size; ++i) {
    const uint64_t neighbour = reader.Varint();
    good &= neighbour > 0 && neighbour < ItemIndex::kMaxItems && neighbour != item.value();
    block->neighbours()[i] = static_cast<uint32_t>(neighbour);
  }
  const bool too_large = shift > kLargestShift;  // for anything but zeros
  const double factor = shift < kSmallestShift || too_large
                            ? 0
                            : std::ldexp(rescale_.relation, static_cast<int>(shift));
  for (float* values : {block->symmetric(), block->directed()}) {
    for (size_t i = 0; i < size; ++i) {
      const float part = reader.F32();
      good &= part >= 0 && part <= 1 && !(too_large && part > 0);
      values[i] = static_cast<float>(part * factor);
      good &= std::isfinite(values[i]);
    }
  }
  if (!good || !reader.Done() || (too_large && support_part > 0)) {
    bytes_.fetch_sub(Block::Bytes(block->capacity), std::memory_order_relaxed);
    std::free(block);
    return corrupt;
  }
  block->support = support_part * factor;
  block->popularity = std::ldexp(
      popularity_part * rescale_.popularity,
      static_cast<int>(std::clamp<int64_t>(popularity_shift, -1000, kLargestPopularityShift)));
  if (!rescale_.exact) MarkDirty(item.value(), block);
  InsertRow(item.value(), block);
  index_.Add(item, block->support, block->popularity);
  return absl::OkStatus();
}

}  // namespace kindred::recommend
