// What happened when: daily and hourly series of one partition's events, in event time.
//
// Adds:    a series of several partitions is the sum of theirs (a customer is in one of them).
// Order:   within its span a series is the sum of all its events, whatever the order they came in;
//          which items and categories have one is said in top_keys.h.
// Bounded: a series spans the newest 416 days (384 whole ones and the block that fills) and 384
//          hours; kTypes + 2 x kTracked + 1 series; README.md has the bytes.
// Pure:    no clock; the same events in the same order give the same rows.
// Threads: one writer; readers only while nobody writes.
#ifndef KINDRED_SERIES_SERIES_BOOK_H_
#define KINDRED_SERIES_SERIES_BOOK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "series/customer_sketch.h"
#include "series/top_keys.h"

namespace kindred::series {

// Stored: never change a value.
enum class SeriesKind : uint8_t { kAll = 0, kEventType = 1, kCategory = 2, kItem = 3 };
enum class Step : uint8_t { kDay = 0, kHour = 1 };

inline constexpr int64_t kHourMs = 3'600'000;
inline constexpr int64_t StepMs(Step step) { return step == Step::kDay ? 24 * kHourMs : kHourMs; }

struct SeriesKey {
  SeriesKind kind = SeriesKind::kAll;
  uint32_t id = 0;  // event type, category or item; 0 for kAll
  friend bool operator==(const SeriesKey&, const SeriesKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const SeriesKey& key) {
    return H::combine(std::move(h), static_cast<uint8_t>(key.kind), key.id);
  }
};

struct SeriesEvent {
  int64_t time_ms = 0;         // since 1970 UTC; below 0 is taken as 0
  uint64_t customer_hash = 0;  // base::Fingerprint64 of the id
  uint32_t type = 0;           // below kTypes, else 0 is taken
  uint32_t category = 0;       // 0: none
  uint32_t item = 0;           // 0: none
  int64_t amount_micros = 0;   // bought, or below 0: given back; 0 for other events
};

// Sums over a step.
struct SeriesPoint {
  uint64_t events = 0;
  double customers = 0;  // different ones; hourly only of kAll
  int64_t amount_micros = 0;
};

class SeriesBook {
 public:
  static constexpr uint32_t kTypes = 32;
  static constexpr size_t kTracked = 64;  // items, and categories
  static constexpr int kBlock = 32;       // steps that are stored as one row
  static constexpr size_t kDayBlocks = 13;
  static constexpr size_t kHourBlocks = 12;

  SeriesBook();
  ~SeriesBook();
  SeriesBook(SeriesBook&&) noexcept;
  SeriesBook& operator=(SeriesBook&&) noexcept;

  void Add(const SeriesEvent& event);
  // Takes an event that was added out again: its count and amount. Who was counted as a customer
  // stays so; an item's or category's part stays if its series is not whole at that time.
  void TakeBack(const SeriesEvent& event);

  // Adds the series' steps to `points`; points[i] is step `first` + i, counted from 1970 in units
  // of `step`.
  void AddTo(SeriesKey key, Step step, int64_t first, std::vector<SeriesPoint>* points) const;
  // Items (or categories) that have a series, most met first.
  std::vector<TopKeys::Tracked> Ranked(SeriesKind kind) const;
  // The series is whole from here on; 0: from its first event.
  int64_t SinceMs(SeriesKey key) const;
  // Newest event time; 0 before the first event.
  int64_t newest_ms() const { return newest_ms_; }
  // Events older than their series' span.
  uint64_t too_old() const { return too_old_; }
  size_t memory_bytes() const;

  // Rows that changed since the last call, for the checkpoint.
  void TakeChanges(absl::FunctionRef<void(absl::string_view key, absl::string_view row)> put,
                   absl::FunctionRef<void(absl::string_view key)> erase);
  // Puts back one row, in any order, into a new book. DataLoss if TakeChanges() cannot have made
  // it.
  absl::Status RestoreRow(absl::string_view key, absl::string_view row);

 private:
  struct Cell;
  struct Block;
  template <size_t kBlocks>
  struct Ring;
  struct Moment;
  struct InUse;
  struct Series;
  // By a key's place among the tracked ones; null: not looked up yet.
  using Places = std::array<Series*, kTracked>;
  struct DirtyBlock {
    SeriesKey key;
    Step step;
    int64_t number;
  };

  // Within what a book can hold.
  static SeriesEvent Bounded(SeriesEvent event);
  void TakeFrom(SeriesKey key, const SeriesEvent& event);
  Series* Track(SeriesKind kind, uint32_t id, TopKeys* keys, Places* places);
  void Count(SeriesKey key, Series* series, const Moment& moment);
  // Goes to step `at`. False if that is too old.
  ABSL_ATTRIBUTE_NOINLINE bool Use(SeriesKey key, Step step, int64_t at, Series* series);
  static void CountCustomer(uint64_t hash, InUse* in_use);
  ABSL_ATTRIBUTE_NOINLINE static void CountExactly(uint64_t hash, InUse* in_use);
  Series& Find(SeriesKey key);
  void Erase(SeriesKey key);
  void EraseBlock(SeriesKey key, Step step, const Block& block);
  Block* MakeBlock(SeriesKey key, Step step, int64_t number);

  absl::flat_hash_map<SeriesKey, std::unique_ptr<Series>> series_;
  // Views into series_.
  Series* all_ = nullptr;
  std::array<Series*, kTypes> types_{};
  Places category_places_{};
  Places item_places_{};
  TopKeys categories_{kTracked};
  TopKeys items_{kTracked};
  int64_t newest_ms_ = 0;
  uint64_t too_old_ = 0;
  std::vector<DirtyBlock> dirty_;
  std::vector<std::string> erased_;  // keys of rows that were stored and are gone
  bool keys_dirty_ = false;
};

}  // namespace kindred::series

#endif  // KINDRED_SERIES_SERIES_BOOK_H_
