#include "series/series_book.h"

#include <algorithm>
#include <limits>

#include "series/series_book_parts.h"

namespace kindred::series {
namespace {

int64_t Saturated(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

}  // namespace

SeriesBook::SeriesBook() { all_ = &Find({SeriesKind::kAll, 0}); }
SeriesBook::~SeriesBook() = default;
SeriesBook::SeriesBook(SeriesBook&&) noexcept = default;
SeriesBook& SeriesBook::operator=(SeriesBook&&) noexcept = default;

SeriesBook::Series& SeriesBook::Find(SeriesKey key) {
  std::unique_ptr<Series>& series = series_[key];
  if (series == nullptr) series = std::make_unique<Series>();
  return *series;
}

SeriesEvent SeriesBook::Bounded(SeriesEvent event) {
  // Beyond the year 6400 blocks would not fit into their keys.
  event.time_ms = std::clamp<int64_t>(event.time_ms, 0, int64_t{1} << 47);
  if (event.type >= kTypes) event.type = 0;
  return event;
}

void SeriesBook::Add(const SeriesEvent& given) {
  const SeriesEvent event = Bounded(given);
  newest_ms_ = std::max(newest_ms_, event.time_ms);
  keys_dirty_ = true;
  const int64_t hour = event.time_ms / kHourMs;
  const Moment moment{event, hour / 24, hour};
  Count({SeriesKind::kAll, 0}, all_, moment);
  const SeriesKey type{SeriesKind::kEventType, event.type};
  if (types_[event.type] == nullptr) types_[event.type] = &Find(type);
  Count(type, types_[event.type], moment);
  if (event.category != 0) {
    const SeriesKey key{SeriesKind::kCategory, event.category};
    Series* const series = Track(key.kind, key.id, &categories_, &category_places_);
    if (series != nullptr) Count(key, series, moment);
  }
  if (event.item != 0) {
    const SeriesKey key{SeriesKind::kItem, event.item};
    Series* const series = Track(key.kind, key.id, &items_, &item_places_);
    if (series != nullptr) Count(key, series, moment);
  }
}

void SeriesBook::TakeBack(const SeriesEvent& given) {
  const SeriesEvent event = Bounded(given);
  TakeFrom({SeriesKind::kAll, 0}, event);
  TakeFrom({SeriesKind::kEventType, event.type}, event);
  if (event.category != 0) TakeFrom({SeriesKind::kCategory, event.category}, event);
  if (event.item != 0) TakeFrom({SeriesKind::kItem, event.item}, event);
}

void SeriesBook::TakeFrom(SeriesKey key, const SeriesEvent& event) {
  const auto found = series_.find(key);
  if (found == series_.end() || event.time_ms < SinceMs(key)) return;
  for (const Step step : {Step::kDay, Step::kHour}) {
    const int64_t at = event.time_ms / StepMs(step);
    Block* block = found->second->Find(step, at / kBlock);
    if (block == nullptr) continue;
    Cell& cell = block->cells[static_cast<size_t>(at % kBlock)];
    if (cell.events == 0) continue;
    --cell.events;
    // The smallest number has no opposite.
    cell.amount_micros = Saturated(
        cell.amount_micros, -std::max(event.amount_micros, -std::numeric_limits<int64_t>::max()));
    if (!block->dirty) {
      block->dirty = true;
      dirty_.push_back({key, step, at / kBlock});
    }
  }
}

SeriesBook::Series* SeriesBook::Track(SeriesKind kind, uint32_t id, TopKeys* keys, Places* places) {
  const TopKeys::Decision decision = keys->Count(id, newest_ms_);
  if (!decision.tracked) return nullptr;
  if (decision.removed != 0) Erase({kind, decision.removed});
  Series*& series = (*places)[decision.place];
  if (decision.added || series == nullptr) series = &Find({kind, id});
  return series;
}

void SeriesBook::Count(SeriesKey key, Series* series, const Moment& moment) {
  const auto count = [&event = moment.event](Cell& cell) {
    ++cell.events;
    cell.amount_micros = Saturated(cell.amount_micros, event.amount_micros);
  };
  const uint64_t customer = moment.event.customer_hash;
  if (series->day.at == moment.day || Use(key, Step::kDay, moment.day, series)) {
    count(*series->day.cell);
    CountCustomer(customer, &series->day);
  }
  if (series->hour.at == moment.hour || Use(key, Step::kHour, moment.hour, series)) {
    count(*series->hour.cell);
    if (key.kind == SeriesKind::kAll) CountCustomer(customer, &series->hour);
  }
}

bool SeriesBook::Use(SeriesKey key, Step step, int64_t at, Series* series) {
  const int64_t number = at / kBlock;
  Block* block = series->Find(step, number);
  if (block == nullptr) {
    const int64_t oldest = step == Step::kDay
                               ? series->days.newest - static_cast<int64_t>(kDayBlocks)
                               : series->hours.newest - static_cast<int64_t>(kHourBlocks);
    if (number <= oldest) {
      ++too_old_;
      return false;
    }
    block = MakeBlock(key, step, number);
  }
  if (!block->dirty) {
    block->dirty = true;
    dirty_.push_back({key, step, number});
  }
  const size_t place = static_cast<size_t>(at % kBlock);
  series->in_use(step) = {
      .at = at,
      .block = block,
      .cell = &block->cells[place],
      .registers = block->customers == nullptr ? nullptr : (*block->customers)[place].registers()};
  return true;
}

void SeriesBook::CountCustomer(uint64_t hash, InUse* in_use) {
  if (in_use->registers == nullptr) {
    CountExactly(hash, in_use);
  } else if (CustomerSketch::AddTo(in_use->registers, hash)) {
    in_use->block->dirty_customers |= in_use->bit();
  }
}

void SeriesBook::CountExactly(uint64_t hash, InUse* in_use) {
  Block& block = *in_use->block;
  if (block.customers == nullptr) {
    block.customers = std::make_unique<std::array<CustomerSketch, kBlock>>();
  }
  CustomerSketch& sketch = (*block.customers)[static_cast<size_t>(in_use->at % kBlock)];
  if (sketch.Add(hash)) block.dirty_customers |= in_use->bit();
  in_use->registers = sketch.registers();
}

SeriesBook::Block* SeriesBook::MakeBlock(SeriesKey key, Step step, int64_t number) {
  Series& series = Find(key);
  series.in_use(step) = {};  // its block may go
  const auto make = [&](auto* ring) {
    constexpr int64_t kBlocks = static_cast<int64_t>(std::tuple_size_v<decltype(ring->blocks)>);
    if (number > ring->newest) {
      ring->newest = number;
      for (std::unique_ptr<Block>& block : ring->blocks) {
        if (block == nullptr || block->number > number - kBlocks) continue;
        EraseBlock(key, step, *block);
        block = nullptr;
      }
    }
    std::unique_ptr<Block>& place =
        ring->blocks[static_cast<size_t>(number) % static_cast<size_t>(kBlocks)];
    place = std::make_unique<Block>();
    place->number = number;
    return place.get();
  };
  return step == Step::kDay ? make(&series.days) : make(&series.hours);
}

void SeriesBook::AddTo(SeriesKey key, Step step, int64_t first,
                       std::vector<SeriesPoint>* points) const {
  const auto found = series_.find(key);
  if (found == series_.end()) return;
  const int64_t end = first + static_cast<int64_t>(points->size());
  found->second->ForEachBlock([&](Step of, const Block& block) {
    if (of != step) return;
    const int64_t begin = block.number * kBlock;
    for (int64_t at = std::max(first, begin); at < std::min(end, begin + kBlock); ++at) {
      const size_t place = static_cast<size_t>(at - begin);
      SeriesPoint& point = (*points)[static_cast<size_t>(at - first)];
      point.events += block.cells[place].events;
      point.amount_micros = Saturated(point.amount_micros, block.cells[place].amount_micros);
      if (block.customers != nullptr) point.customers += (*block.customers)[place].Estimate();
    }
  });
}

std::vector<TopKeys::Tracked> SeriesBook::Ranked(SeriesKind kind) const {
  if (kind == SeriesKind::kCategory) return categories_.Ranked();
  if (kind == SeriesKind::kItem) return items_.Ranked();
  return {};
}

int64_t SeriesBook::SinceMs(SeriesKey key) const {
  if (key.kind == SeriesKind::kCategory) return categories_.SinceMs(key.id);
  return key.kind == SeriesKind::kItem ? items_.SinceMs(key.id) : 0;
}

size_t SeriesBook::memory_bytes() const {
  size_t bytes = sizeof(*this) + series_.size() * (sizeof(Series) + 32);
  for (const auto& [key, series] : series_) {
    series->ForEachBlock([&bytes](Step, const Block& block) {
      bytes += sizeof(Block);
      if (block.customers == nullptr) return;
      bytes += sizeof(*block.customers);
      for (const CustomerSketch& sketch : *block.customers) bytes += sketch.memory_bytes();
    });
  }
  return bytes;
}

}  // namespace kindred::series
