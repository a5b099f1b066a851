// What recommendations led to: impressions, clicks, purchases and revenue by variant, placement and
// source. One for each partition, a function of its log prefix, part of its checkpoint; sums, so
// the partitions add.
//
// How an event finds its answer: by the token it carries (property "attribution_token"), or, a
// purchase without one, by the customer's newest click on the same item that carried one, if that
// is no older than the window. A purchase counts once, in one place. A refund takes back revenue
// where its token says, or what the customer's newest such click on the item brought, if it did; of
// a purchase never more than it brought.
#ifndef KINDRED_NODE_ATTRIBUTION_H_
#define KINDRED_NODE_ATTRIBUTION_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/strong_int.h"
#include "clean/clean_event.h"
#include "node/attribution_token.h"

namespace kindred::node {

// Where an item was shown and why.
struct AttributionCell {
  std::string variant;    // empty: no experiment
  std::string placement;  // empty: not told
  uint8_t source = 0;     // kindred.v1.Source; 0: the token does not have the item
  friend auto operator<=>(const AttributionCell&, const AttributionCell&) = default;
};

struct AttributionCounts {
  int64_t impressions = 0;     // of items
  int64_t clicks = 0;          // also views that carry the token; one for each answer and item
  int64_t converted = 0;       // clicks that a purchase followed
  int64_t purchases = 0;       // lines
  int64_t revenue_micros = 0;  // of purchases in the default currency, in millionths
  AttributionCounts& operator+=(const AttributionCounts& other);
  friend bool operator==(const AttributionCounts&, const AttributionCounts&) = default;
};

struct AttributionOptions {
  int64_t window_ms = 7 * 86'400'000LL;
  size_t max_customers = 32'768;  // with clicks that a purchase may follow; those seen last stay
};

// Threads: one at a time.
class Attribution {
 public:
  explicit Attribution(const AttributionOptions& options = {});

  // Counts an accepted event, or takes back what it counted before (`undo`). `revenue_micros`: what
  // a purchase brought, or a refund gave back, in the default currency.
  void Apply(const clean::CleanEvent& event, uint64_t customer_hash, ItemId item,
             int64_t revenue_micros, bool undo);
  // The customer's clicks are forgotten; what they counted for stays.
  void Forget(uint64_t customer_hash);

  const std::map<AttributionCell, AttributionCounts>& cells() const { return cells_; }
  size_t customers() const { return customers_.size(); }

  // Rows that changed since the last call; an empty value: the row is gone.
  void TakeChanges(const std::function<void(absl::string_view key, absl::string_view value)>& put);
  // Puts one row back, in any order, into a new object. DataLoss on bytes that TakeChanges() cannot
  // have given.
  absl::Status RestoreRow(absl::string_view key, absl::string_view value);

  // Bounds. Tokens come from outside: beyond the bound everything new counts as placement
  // "(other)".
  static constexpr size_t kMaxCells = 1024;
  static constexpr size_t kMaxClicks = 16;  // of a customer; the newest by arrival stay
  static constexpr absl::string_view kProperty = "attribution_token";

 private:
  struct Click {
    ItemId item;
    uint32_t answer = 0;  // tells answers apart
    int64_t time_ms = 0;
    bool converted = false;
    // What purchases after it brought to its cell, and what refunds gave back of it.
    int64_t sold_micros = 0, refunded_micros = 0;
    AttributionCell cell;
    int64_t Net() const { return std::max<int64_t>(0, sold_micros - refunded_micros); }
  };
  struct Customer {
    uint64_t turn = 0;          // when it was last active, in turns of this partition
    std::vector<Click> clicks;  // in order of arrival
  };

  AttributionCounts& CountsOf(AttributionCell cell);
  void AddClick(uint64_t customer_hash, Click click);
  void CountPurchase(const clean::CleanEvent& event, uint64_t customer_hash, ItemId item,
                     const AttributionToken* token, int64_t revenue_micros, bool undo);
  void CountRefund(const clean::CleanEvent& event, uint64_t customer_hash, ItemId item,
                   const AttributionToken* token, int64_t micros, bool undo);
  std::string EncodeCustomer(const Customer& customer) const;
  std::string EncodeCells() const;
  absl::Status RestoreCustomer(uint64_t hash, absl::string_view value);
  absl::Status RestoreCells(absl::string_view value);

  const AttributionOptions options_;
  std::map<AttributionCell, AttributionCounts> cells_;
  absl::flat_hash_map<uint64_t, Customer> customers_;
  std::map<uint64_t, uint64_t> by_turn_;  // turn → customer
  uint64_t next_turn_ = 1;
  bool cells_dirty_ = false;
  absl::flat_hash_set<uint64_t> dirty_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_ATTRIBUTION_H_
