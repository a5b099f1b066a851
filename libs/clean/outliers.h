// What is far from usual: an item's price, a customer's amounts, a customer's rate of events. All
// robust (a median and the median absolute deviation of logarithms: Hampel 1974), small, and
// functions of the prefix.
#ifndef KINDRED_CLEAN_OUTLIERS_H_
#define KINDRED_CLEAN_OUTLIERS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "clean/stored_row.h"

namespace kindred::clean {

struct OutlierRules {
  // Nothing is judged by fewer observations than this.
  uint32_t min_observations = 8;
  // Robust standard deviations (1.4826 MAD) from the median …
  double deviations = 6;
  // … and at least this factor from it, so that a steady price may move.
  double price_factor = 4;
  double amount_factor = 16;
  // More events than this a minute, sustained for two minutes, are not a person's.
  double events_per_minute = 120;
};

// How often a customer's line amounts fell into each doubling: adds, whatever the order. Exact
// until a count reaches 255; then all counts are halved.
class AmountHistory {
 public:
  static constexpr int kBins = 20;  // 2^-3 … 2^16 and beyond
  void Update(double amount);
  // Far above what is usual. An amount far below is a small purchase, nothing else.
  bool IsOutlier(double amount, const OutlierRules& rules) const;
  void Add(const AmountHistory& other);
  bool empty() const;
  // 1 byte when empty, else 3 bytes and one for each bin in use.
  void Encode(base::ByteWriter* out) const;
  static AmountHistory Decode(base::ByteReader* in);
  friend bool operator==(const AmountHistory&, const AmountHistory&) = default;

 private:
  static int BinOf(double amount);
  void Halve();
  std::array<uint8_t, kBins> counts_{};
};

// A leaky bucket in event time: every event adds one, and `events_per_minute` leak. Events of the
// same millisecond (the lines of one order) count once; events out of order by more than a minute
// (history being loaded) do not count.
class RateHistory {
 public:
  void Update(int64_t event_time_ms, const OutlierRules& rules);
  // Whether an event at this time would be one of too many.
  bool IsOutlier(int64_t event_time_ms, const OutlierRules& rules) const;
  void Add(const RateHistory& other, const OutlierRules& rules);
  bool empty() const { return level_ == 0; }
  // 1 byte when empty, else about 10.
  void Encode(base::ByteWriter* out) const;
  static RateHistory Decode(base::ByteReader* in);
  friend bool operator==(const RateHistory&, const RateHistory&) = default;

 private:
  float LevelAt(int64_t event_time_ms, const OutlierRules& rules) const;
  int64_t last_ms_ = 0;
  float level_ = 0;
};

// Usual prices of the items that one partition saw, for each currency. The estimator is a sign-step
// stochastic approximation of median and MAD (Robbins & Monro 1951) of the price's logarithm: 20
// bytes an item; after ten outliers in a row on one side it starts again there, because then the
// price has changed.
// Threads: one at a time.
// Bound:   `max_items`; further items are not judged, and untracked() counts them.
class PriceBook {
 public:
  explicit PriceBook(uint32_t max_items = 1u << 18);

  // Judges a price by those before it, then learns it. `price` > 0.
  bool Observe(absl::string_view item_id, absl::string_view currency, double price,
               const OutlierRules& rules);
  // Judges only.
  bool IsOutlier(absl::string_view item_id, absl::string_view currency, double price,
                 const OutlierRules& rules) const;

  uint32_t size() const { return size_; }
  uint64_t untracked() const { return untracked_; }
  size_t memory_bytes() const;

  // Rows for the checkpoint, one for each page of items that changed.
  RowChanges TakeChanges();
  // Puts back one row. DataLoss if it is not what TakeChanges() gave.
  absl::Status RestoreRow(absl::string_view key, absl::string_view value);

 private:
  static constexpr uint32_t kPageBits = 12;
  struct Entry {
    uint64_t fingerprint = 0;  // of item and currency
    float median = 0;          // of log2(price)
    float spread = 0;          // MAD of log2(price)
    uint16_t count = 0;
    int8_t streak = 0;  // outliers in a row: above > 0, below < 0
  };
  using Page = std::vector<Entry>;  // sorted by fingerprint

  static uint64_t FingerprintOf(absl::string_view item_id, absl::string_view currency);
  static bool Judge(const Entry& entry, float log_price, const OutlierRules& rules);
  static void Learn(float log_price, bool outlier, Entry* entry);
  const Entry* Find(uint64_t fingerprint) const;

  uint32_t max_items_;
  uint32_t size_ = 0;
  uint64_t untracked_ = 0;
  std::vector<Page> pages_;
  std::vector<bool> dirty_;
  std::vector<uint32_t> dirty_pages_;
};

}  // namespace kindred::clean

#endif  // KINDRED_CLEAN_OUTLIERS_H_
