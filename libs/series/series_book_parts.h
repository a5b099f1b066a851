// What a series is made of; see series_book.h.
#ifndef KINDRED_SERIES_SERIES_BOOK_PARTS_H_
#define KINDRED_SERIES_SERIES_BOOK_PARTS_H_

#include <array>
#include <cstdint>
#include <memory>

#include "series/series_book.h"

namespace kindred::series {

struct SeriesBook::Cell {
  uint64_t events = 0;
  int64_t amount_micros = 0;
};

// kBlock steps that follow each other.
struct SeriesBook::Block {
  int64_t number = 0;            // of the first step / kBlock
  bool dirty = false;            // is in dirty_
  uint32_t dirty_customers = 0;  // bit of each step whose sketch changed
  std::array<Cell, kBlock> cells;
  // Null until there is one.
  std::unique_ptr<std::array<CustomerSketch, kBlock>> customers;
};

// The newest blocks; block b lies in place b % kBlocks.
template <size_t kBlocks>
struct SeriesBook::Ring {
  int64_t newest = -1;
  std::array<std::unique_ptr<Block>, kBlocks> blocks;

  Block* Find(int64_t number) const {
    Block* block = blocks[static_cast<size_t>(number) % kBlocks].get();
    return block != nullptr && block->number == number ? block : nullptr;
  }
};

// An event and the steps it is of.
struct SeriesBook::Moment {
  const SeriesEvent& event;
  int64_t day;
  int64_t hour;
};

// Where a series counted last: while events of the same step follow, nothing is looked up.
struct SeriesBook::InUse {
  int64_t at = -1;         // the step; -1: none
  Block* block = nullptr;  // its block, which is dirty
  Cell* cell = nullptr;
  uint8_t* registers = nullptr;  // of its sketch; null while that is exact

  uint32_t bit() const { return uint32_t{1} << (at % kBlock); }  // in Block::dirty_customers
};

// In use first: usually an event looks at this one line and at what it names.
struct alignas(64) SeriesBook::Series {
  InUse day;
  InUse hour;
  Ring<kDayBlocks> days;
  Ring<kHourBlocks> hours;

  Block* Find(Step step, int64_t number) const {
    return step == Step::kDay ? days.Find(number) : hours.Find(number);
  }
  InUse& in_use(Step step) { return step == Step::kDay ? day : hour; }
  template <typename Visit>
  void ForEachBlock(Visit visit) const {
    for (const auto& block : days.blocks) {
      if (block != nullptr) visit(Step::kDay, *block);
    }
    for (const auto& block : hours.blocks) {
      if (block != nullptr) visit(Step::kHour, *block);
    }
  }
};

}  // namespace kindred::series

#endif  // KINDRED_SERIES_SERIES_BOOK_PARTS_H_
