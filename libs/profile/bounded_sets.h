// How a part of a profile takes one more entry: the sums and the newest-m sets of profile_parts.h,
// with their bounds. Used by Apply and Merge alike, so that both keep the same invariants.
#ifndef KINDRED_PROFILE_BOUNDED_SETS_H_
#define KINDRED_PROFILE_BOUNDED_SETS_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "profile/packed_vector.h"
#include "profile/profile_parts.h"

namespace kindred::profile {

// Affinity sums stay within ± this, so that no arithmetic on them overflows.
inline constexpr double kMaxAffinitySum = 0x1p1000;

// Sums in millionths stay within ± this: more than 10^12 units, more than a clean amount.
inline constexpr int64_t kMaxMicros = int64_t{1} << 60;

// All of these stop at the largest value instead of overflowing.
inline uint32_t AddCounts(uint32_t a, uint32_t b) {
  const uint64_t sum = uint64_t{a} + b;
  return sum > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(sum);
}
inline int64_t AddMicros(int64_t a, int64_t b) {
  return std::clamp(a + b, -kMaxMicros, kMaxMicros);
}
inline double AddSums(double a, double b) {
  return std::clamp(a + b, -kMaxAffinitySum, kMaxAffinitySum);
}
// Rounded to the nearest millionth; 0 for what is not a number.
inline int64_t ToMicros(double value) {
  const double micros = value * kMicros;
  if (std::isnan(micros)) return 0;
  return std::llround(
      std::clamp(micros, -static_cast<double>(kMaxMicros), static_cast<double>(kMaxMicros)));
}

void AddType(PackedVector<TypeCount>& types, event::EventType type, uint32_t count);
// Term 0 is not counted.
void AddTerm(PackedVector<TermCount>& terms, TermId term, uint32_t count);
void AddCountry(PackedVector<CountryCount>& countries, CountryCount added);
// `dropped` takes what leaves at the bound. `amount` is forward-decayed.
void AddAffinity(PackedVector<AffinitySum>& sums, TermId term, double amount, double* dropped);
// What leaves the recent items at the bound is counted by day.
void AddRecent(PackedVector<RecentItem>& recent, PackedVector<DayCount>& days, RecentItem added);
void AddDayCount(PackedVector<DayCount>& days, DayCount added);

void AddPurchaseTime(Purchases& purchases, int64_t time_ms);
void AddLastAmount(PackedVector<TimedAmount>& amounts, TimedAmount added);
void AddPurchasedItem(PackedVector<PurchasedItem>& items, PurchasedItem added);
void AddCurrency(std::vector<CurrencyTotals>& currencies, const CurrencyTotals& added);

void AddTrait(std::vector<Trait>& traits, Trait added);
void AddIdentity(std::vector<Identity>& identities, Identity added);
void AddConsent(std::vector<Consent>& consents, Consent added);
void AddDislike(std::vector<Dislike>& dislikes, Dislike added);

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_BOUNDED_SETS_H_
