// SeriesBook's rows. Keys: kind (1 byte), id (4, big-endian), what (1), number (4, big-endian); and
// for what is one of its kind a single byte. Values begin with a version.
#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "series/series_book.h"
#include "series/series_book_parts.h"

namespace kindred::series {
namespace {

constexpr uint8_t kVersion = 1;
constexpr char kHeadKey = '\xF0';
constexpr char kCategoriesKey = '\xF1';
constexpr char kItemsKey = '\xF2';
// What a row holds: the cells of a block, or the customers of one step.
constexpr uint8_t kCells = 0;
constexpr uint8_t kCustomers = 2;
constexpr size_t kKeyBytes = 10;
// What the largest time has.
constexpr uint32_t kHighestNumber = 1u << 31;

void AppendBigEndian(uint32_t value, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

uint32_t BigEndian(absl::string_view bytes) {
  uint32_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

std::string RowKey(SeriesKey key, Step step, uint8_t what, int64_t number) {
  std::string out;
  out.push_back(static_cast<char>(key.kind));
  AppendBigEndian(key.id, &out);
  out.push_back(static_cast<char>(what + static_cast<uint8_t>(step)));
  AppendBigEndian(static_cast<uint32_t>(number), &out);
  return out;
}

absl::Status Damaged() { return absl::DataLossError("a series' row is damaged"); }

}  // namespace

void SeriesBook::EraseBlock(SeriesKey key, Step step, const Block& block) {
  erased_.push_back(RowKey(key, step, kCells, block.number));
  if (block.customers == nullptr) return;
  for (int i = 0; i < kBlock; ++i) {
    if ((*block.customers)[static_cast<size_t>(i)].empty()) continue;
    erased_.push_back(RowKey(key, step, kCustomers, block.number * kBlock + i));
  }
}

void SeriesBook::Erase(SeriesKey key) {
  const auto found = series_.find(key);
  if (found == series_.end()) return;
  found->second->ForEachBlock(
      [this, key](Step step, const Block& block) { EraseBlock(key, step, block); });
  series_.erase(found);
}

void SeriesBook::TakeChanges(
    absl::FunctionRef<void(absl::string_view key, absl::string_view row)> put,
    absl::FunctionRef<void(absl::string_view key)> erase) {
  // First: what was erased may have come again.
  for (const std::string& key : erased_) erase(key);
  erased_.clear();
  std::string row;
  for (const DirtyBlock& dirty : dirty_) {
    const auto found = series_.find(dirty.key);
    if (found == series_.end()) continue;
    Block* block = found->second->Find(dirty.step, dirty.number);
    if (block == nullptr || !block->dirty) continue;
    block->dirty = false;
    found->second->in_use(dirty.step) = {};  // the next event makes it dirty
    row.clear();
    base::ByteWriter writer(&row);
    writer.U8(kVersion);
    for (size_t i = 0; i < kBlock; ++i) {
      const Cell& cell = block->cells[i];
      if (cell.events == 0 && cell.amount_micros == 0) continue;
      writer.U8(static_cast<uint8_t>(i));
      writer.Varint(cell.events);
      writer.Signed(cell.amount_micros);
    }
    put(RowKey(dirty.key, dirty.step, kCells, dirty.number), row);
    for (int i = 0; i < kBlock && block->dirty_customers != 0; ++i) {
      if ((block->dirty_customers >> i & 1) == 0) continue;
      row.clear();
      writer.U8(kVersion);
      (*block->customers)[static_cast<size_t>(i)].Encode(&writer);
      put(RowKey(dirty.key, dirty.step, kCustomers, dirty.number * kBlock + i), row);
    }
    block->dirty_customers = 0;
  }
  dirty_.clear();
  if (!std::exchange(keys_dirty_, false)) return;
  row.clear();
  base::ByteWriter writer(&row);
  writer.U8(kVersion);
  writer.Signed(newest_ms_);
  writer.Varint(too_old_);
  put({&kHeadKey, 1}, row);
  put({&kCategoriesKey, 1}, categories_.Encode());
  put({&kItemsKey, 1}, items_.Encode());
}

absl::Status SeriesBook::RestoreRow(absl::string_view key, absl::string_view row) {
  base::ByteReader in(row);
  if (key.size() == 1) {
    category_places_ = {};
    item_places_ = {};
    if (key[0] == kCategoriesKey) return categories_.Decode(row);
    if (key[0] == kItemsKey) return items_.Decode(row);
    if (key[0] != kHeadKey || in.U8() != kVersion) return Damaged();
    newest_ms_ = in.Signed();
    too_old_ = in.Varint();
    return in.Done() && newest_ms_ >= 0 ? absl::OkStatus() : Damaged();
  }
  if (key.size() != kKeyBytes || in.U8() != kVersion) return Damaged();
  const uint8_t kind = static_cast<uint8_t>(key[0]);
  const SeriesKey series{static_cast<SeriesKind>(kind), BigEndian(key.substr(1, 4))};
  const uint8_t what = static_cast<uint8_t>(key[5]);
  const Step step = (what & 1) != 0 ? Step::kHour : Step::kDay;
  const uint32_t number = BigEndian(key.substr(6));
  if (kind > static_cast<uint8_t>(SeriesKind::kItem) || what > kCustomers + 1 ||
      number > kHighestNumber || (kind == 0 && series.id != 0) ||
      (series.kind == SeriesKind::kEventType && series.id >= kTypes) ||
      (kind >= 2 && series.id == 0)) {
    return Damaged();
  }
  const bool is_customers = what >= kCustomers;
  const int64_t block_number = is_customers ? number / kBlock : number;
  // A hostile file must not make more series than a book can have.
  if (!series_.contains(series) && series_.size() > kTypes + 2 * kTracked) return Damaged();
  Series& of = Find(series);
  of.in_use(step) = {};
  Block* block = of.Find(step, block_number);
  if (block == nullptr) {
    const int64_t span = step == Step::kDay ? kDayBlocks : kHourBlocks;
    const int64_t newest = step == Step::kDay ? of.days.newest : of.hours.newest;
    if (newest >= 0 && std::abs(newest - block_number) >= span) return Damaged();
    block = MakeBlock(series, step, block_number);
  }
  if (is_customers) {
    if (block->customers == nullptr) {
      block->customers = std::make_unique<std::array<CustomerSketch, kBlock>>();
    }
    CustomerSketch& sketch = (*block->customers)[number % kBlock];
    return sketch.Decode(&in) && in.Done() ? absl::OkStatus() : Damaged();
  }
  int last = -1;
  while (in.ok() && in.remaining() > 0) {
    const int place = in.U8();
    const uint64_t events = in.Varint();
    const int64_t amount = in.Signed();
    if (!in.ok() || place <= last || place >= kBlock || (events == 0 && amount == 0)) {
      return Damaged();
    }
    block->cells[static_cast<size_t>(place)] = {events, amount};
    last = place;
  }
  return in.ok() ? absl::OkStatus() : Damaged();
}

}  // namespace kindred::series
