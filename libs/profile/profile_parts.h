// The parts a profile is made of: plain values, read by those who answer calls, changed only by
// Profile. Times are milliseconds since 1970 UTC. Amounts and quantities are integers in millionths
// ("micros") of a unit: integer sums do not depend on the order in which they were made.
#ifndef KINDRED_PROFILE_PROFILE_PARTS_H_
#define KINDRED_PROFILE_PROFILE_PARTS_H_

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/strong_int.h"
#include "clean/outliers.h"
#include "event/event_type.h"
#include "profile/item_acts.h"
#include "profile/packed_vector.h"

namespace kindred::profile {

inline constexpr double kMicros = 1e6;
inline constexpr int64_t kSessionGapMs = 30 * 60 * 1000;

// Bounds of one profile. Inside them every part is exact and independent of the order of arrival;
// what happens beyond is said at each part.
inline constexpr size_t kMaxPurchaseTimes = 256;
inline constexpr size_t kMaxPurchasedItems = 256;
inline constexpr size_t kMaxLastAmounts = 5;
inline constexpr size_t kMaxSessions = 8;
inline constexpr size_t kMaxRecentItems = 20;
inline constexpr size_t kMaxDayCounts = 32;
inline constexpr size_t kMaxAffinities = 32;
inline constexpr size_t kMaxTermCounts = 16;
inline constexpr size_t kMaxOtherCurrencies = 16;
inline constexpr size_t kMaxTraits = 64;
inline constexpr size_t kMaxTraitBytes = 8192;  // names and values
inline constexpr size_t kMaxIdentities = 32;
inline constexpr size_t kMaxConsents = 32;
inline constexpr size_t kMaxDislikes = 32;

struct TypeCount {
  event::EventType type;
  uint32_t count;
  friend bool operator==(const TypeCount&, const TypeCount&) = default;
};

// Events that named a term. In order of arrival. Beyond the bound the smallest is folded into the
// entry of term 0, so that the sum of counts stays true.
struct TermCount {
  TermId term;
  uint32_t count;
  friend bool operator==(const TermCount&, const TermCount&) = default;
};

struct CountryCount {
  TermId term;
  uint32_t count;
  int64_t first_ms;
  friend bool operator==(const CountryCount&, const CountryCount&) = default;
};

// A forward-decayed sum of event weights (learn/forward_decay.h) with 36 bits of mantissa: what is
// in memory is what is stored. May be negative (refunds before purchases); readers take that as 0.
// In order of arrival. Beyond the bound the smallest leaves.
struct AffinitySum {
  TermId term;
  uint32_t low;  // before `high`, so that both are one load
  uint32_t high;
  double sum() const { return std::bit_cast<double>(uint64_t{high} << 32 | low); }
  // Rounds to the stored precision.
  void set_sum(double sum) {
    const uint64_t bits = (std::bit_cast<uint64_t>(sum) + 0x8000) & ~uint64_t{0xffff};
    high = static_cast<uint32_t>(bits >> 32);
    low = static_cast<uint32_t>(bits);
  }
  friend bool operator==(const AffinitySum&, const AffinitySum&) = default;
};

// A maximal run of events with gaps of at most kSessionGapMs.
struct Session {
  int64_t start_ms;
  int64_t end_ms;
  uint32_t events;
  friend bool operator==(const Session&, const Session&) = default;
};

struct PurchasedItem {
  int64_t last_ms;
  ItemId item;
  uint32_t count;  // purchase lines
  friend bool operator==(const PurchasedItem&, const PurchasedItem&) = default;
};

struct TimedAmount {
  int64_t time_ms;
  int64_t micros;
  friend bool operator==(const TimedAmount&, const TimedAmount&) = default;
};

// In the default currency. Lines count whatever their currency.
struct Purchases {
  uint32_t lines = 0;
  uint32_t refund_lines = 0;
  int64_t total_micros = 0;
  int64_t refunded_micros = 0;  // positive
  int64_t quantity_micros = 0;
  int64_t first_ms = 0;         // 0 without purchases
  PackedVector<int64_t> times;  // the newest distinct purchase times, oldest first
  uint32_t folded_times = 0;    // how many older ones there were …
  int64_t folded_until_ms = 0;  // … up to here; what arrives from before is one of them
  PackedVector<TimedAmount> last_amounts;  // oldest first; equal times in order of arrival
  clean::AmountHistory amounts;            // of purchase lines, any currency: what is usual
  PackedVector<PurchasedItem> items;       // by last purchase, oldest first

  // Distinct purchase times.
  uint64_t frequency() const { return uint64_t{folded_times} + times.size(); }
  int64_t last_ms() const { return times.empty() ? 0 : times.back(); }
  friend bool operator==(const Purchases&, const Purchases&) = default;
};

struct Geography {
  int64_t last_ms = 0;  // of the newest event that named a place
  TermId country;
  TermId region;
  TermId city;
  PackedVector<CountryCount> countries;
  friend bool operator==(const Geography&, const Geography&) = default;
};

struct CurrencyTotals {
  TermId currency;
  int64_t total_micros = 0;
  int64_t refunded_micros = 0;
  friend bool operator==(const CurrencyTotals&, const CurrencyTotals&) = default;
};

// The newest value by event time; at equal times the greater text, so that arrival does not matter.
struct Trait {
  std::string name;
  std::string json;
  int64_t time_ms = 0;
  friend bool operator==(const Trait&, const Trait&) = default;
};

// Only groups are added; other ids of the customer are links (links.h). Stored: never change a
// value.
enum class IdentityKind : uint8_t { kUserId = 0, kAnonymousId = 1, kPreviousId = 2, kGroupId = 3 };
inline constexpr int kIdentityKinds = 4;
// "user_id", "anonymous_id", "previous_id", "group_id".
absl::string_view IdentityKindName(IdentityKind kind);

struct Identity {
  IdentityKind kind = IdentityKind::kUserId;
  std::string value;
  int64_t linked_ms = 0;  // event time at which it was first tied to the customer
  friend bool operator==(const Identity&, const Identity&) = default;
};

// The newest answer by event time; at equal times "no".
struct Consent {
  std::string purpose;
  bool granted = false;
  int64_t time_ms = 0;
  friend bool operator==(const Consent&, const Consent&) = default;
};

// An item that the customer said no to, and when last.
struct Dislike {
  int64_t time_ms;
  ItemId item;
  friend auto operator<=>(const Dislike&, const Dislike&) = default;
};

// What few customers have. Beyond a bound the oldest by time leaves.
struct Rarities {
  std::vector<Trait> traits;                     // by name
  std::vector<Identity> identities;              // by linked_ms, kind, value
  std::vector<Consent> consents;                 // by purpose
  std::vector<Dislike> dislikes;                 // by time, item; an item once
  std::vector<CurrencyTotals> other_currencies;  // in order of arrival; none further at the bound
  uint32_t ratings = 0;
  int64_t rating_sum_micros = 0;
  // Forward-decayed sums of affinities that left.
  double dropped_category_sum = 0;
  double dropped_brand_sum = 0;
  friend bool operator==(const Rarities&, const Rarities&) = default;
};

struct QualityCounts {
  uint32_t corrected = 0;
  uint32_t outliers = 0;
  uint32_t late = 0;
  bool suspected_bot = false;
  friend bool operator==(const QualityCounts&, const QualityCounts&) = default;
};

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_PROFILE_PARTS_H_
