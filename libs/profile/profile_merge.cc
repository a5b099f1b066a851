#include <algorithm>
#include <iterator>
#include <vector>

#include "profile/bounded_sets.h"
#include "profile/profile.h"

namespace kindred::profile {
namespace {

// Room for all of both, once, instead of step by step.
template <typename T>
void ReserveFor(PackedVector<T>& into, const PackedVector<T>& other, size_t bound) {
  into.reserve(std::min(bound, into.size() + other.size()));
}

// The union of both sets of purchase times; what lies before the newer fold goes into it.
void MergePurchaseTimes(Purchases& into, const Purchases& other) {
  std::vector<int64_t> times;
  std::set_union(into.times.begin(), into.times.end(), other.times.begin(), other.times.end(),
                 std::back_inserter(times));
  into.folded_times = AddCounts(into.folded_times, other.folded_times);
  into.folded_until_ms = std::max(into.folded_until_ms, other.folded_until_ms);
  into.times.clear();
  size_t first = times.size() > kMaxPurchaseTimes ? times.size() - kMaxPurchaseTimes : 0;
  while (first < times.size() && times[first] <= into.folded_until_ms) ++first;
  // A fold lies before the times beside it, so the newest time is never folded.
  if (first > 0) {
    into.folded_times = AddCounts(into.folded_times, static_cast<uint32_t>(first));
    into.folded_until_ms = std::max(into.folded_until_ms, times[first - 1]);
  }
  into.times.reserve(times.size() - first);
  for (size_t i = first; i < times.size(); ++i) into.times.push_back(times[i]);
}

void MergePurchases(Purchases& into, const Purchases& other) {
  into.lines = AddCounts(into.lines, other.lines);
  into.refund_lines = AddCounts(into.refund_lines, other.refund_lines);
  into.total_micros = AddMicros(into.total_micros, other.total_micros);
  into.refunded_micros = AddMicros(into.refunded_micros, other.refunded_micros);
  into.quantity_micros = AddMicros(into.quantity_micros, other.quantity_micros);
  if (into.first_ms == 0 || (other.first_ms != 0 && other.first_ms < into.first_ms)) {
    into.first_ms = other.first_ms;
  }
  MergePurchaseTimes(into, other);
  for (const TimedAmount& amount : other.last_amounts) AddLastAmount(into.last_amounts, amount);
  ReserveFor(into.items, other.items, kMaxPurchasedItems);
  for (const PurchasedItem& item : other.items) AddPurchasedItem(into.items, item);
  into.amounts.Add(other.amounts);
}

void MergeGeography(Geography& into, const Geography& other) {
  if (other.last_ms >= into.last_ms) {
    into.last_ms = other.last_ms;
    into.country = other.country;
    into.region = other.region;
    into.city = other.city;
  }
  for (const CountryCount& country : other.countries) AddCountry(into.countries, country);
}

}  // namespace

void Profile::Merge(const Profile& other, const clean::OutlierRules& outlier_rules) {
  if (&other == this) return MergeEvents(other.Clone(), outlier_rules);
  for (const Link& link : other.links()) AddLink(link);
  MergeEvents(other, outlier_rules);
}

void Profile::MergeEvents(const Profile& other, const clean::OutlierRules& outlier_rules) {
  if (other.empty()) return;
  if (&other == this) return MergeEvents(other.Clone(), outlier_rules);
  first_seen_ms_ = empty() ? other.first_seen_ms_ : std::min(first_seen_ms_, other.first_seen_ms_);
  last_seen_ms_ = std::max(last_seen_ms_, other.last_seen_ms_);
  for (const TypeCount& entry : other.types_) AddType(types_, entry.type, entry.count);
  for (int slot = 0; slot < kCalendar; ++slot) AddCalendar(slot, other.CalendarCount(slot));
  MergeSessions(other);
  for (const TermCount& entry : other.channels_) AddTerm(channels_, entry.term, entry.count);
  for (const TermCount& entry : other.devices_) AddTerm(devices_, entry.term, entry.count);
  ReserveFor(recent_, other.recent_, kMaxRecentItems);
  ReserveFor(days_, other.days_, kMaxDayCounts);
  for (const RecentItem& item : other.recent_) AddRecent(recent_, days_, item);
  for (const DayCount& day : other.days_) AddDayCount(days_, day);
  if (other.purchases_ != nullptr) MergePurchases(MutablePurchases(), *other.purchases_);
  if (other.geography_ != nullptr) MergeGeography(MutableGeography(), *other.geography_);
  double dropped_category = 0;
  double dropped_brand = 0;
  ReserveFor(categories_, other.categories_, kMaxAffinities);
  ReserveFor(brands_, other.brands_, kMaxAffinities);
  for (const AffinitySum& entry : other.categories_) {
    AddAffinity(categories_, entry.term, entry.sum(), &dropped_category);
  }
  for (const AffinitySum& entry : other.brands_) {
    AddAffinity(brands_, entry.term, entry.sum(), &dropped_brand);
  }
  AddDropped(dropped_category, dropped_brand);
  if (other.rarities_ != nullptr) MergeRarities(*other.rarities_);
  quality_.corrected = AddCounts(quality_.corrected, other.quality_.corrected);
  quality_.outliers = AddCounts(quality_.outliers, other.quality_.outliers);
  quality_.late = AddCounts(quality_.late, other.quality_.late);
  quality_.suspected_bot = quality_.suspected_bot || other.quality_.suspected_bot;
  rate_.Add(other.rate_, outlier_rules);
}

void Profile::MergeSessions(const Profile& other) {
  for (const Session& session : other.sessions_) {
    // Folds at most what it adds; those that fold are before all that stay.
    AddSession(session);
  }
  folded_sessions_ = AddCounts(folded_sessions_, other.folded_sessions_);
  folded_sessions_until_ms_ = std::max(folded_sessions_until_ms_, other.folded_sessions_until_ms_);
  // What reaches into the folded past cannot be told apart from it and counts as one more; the
  // newest session stays, it is asked for.
  while (sessions_.size() > 1 && folded_sessions_ > 0 &&
         sessions_.front().start_ms <= folded_sessions_until_ms_ + kSessionGapMs) {
    folded_sessions_ = AddCounts(folded_sessions_, 1);
    folded_sessions_until_ms_ = std::max(folded_sessions_until_ms_, sessions_.front().end_ms);
    sessions_.erase(0);
  }
}

void Profile::MergeRarities(const Rarities& other) {
  Rarities& into = MutableRarities();
  for (const Trait& trait : other.traits) AddTrait(into.traits, trait);
  for (const Identity& identity : other.identities) AddIdentity(into.identities, identity);
  for (const Consent& consent : other.consents) AddConsent(into.consents, consent);
  for (const Dislike& dislike : other.dislikes) AddDislike(into.dislikes, dislike);
  for (const CurrencyTotals& totals : other.other_currencies) {
    AddCurrency(into.other_currencies, totals);
  }
  into.ratings = AddCounts(into.ratings, other.ratings);
  into.rating_sum_micros = AddMicros(into.rating_sum_micros, other.rating_sum_micros);
  AddDropped(other.dropped_category_sum, other.dropped_brand_sum);
}

}  // namespace kindred::profile
