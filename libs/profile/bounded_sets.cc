#include "profile/bounded_sets.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "absl/base/attributes.h"

namespace kindred::profile {
namespace {

// Makes room by folding the smallest entry (the latest among equals) into the one of term 0.
template <typename T>
void FoldSmallest(PackedVector<T>& entries) {
  size_t smallest = entries.size();
  size_t other = entries.size();
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].term == TermId(0)) {
      other = i;
    } else if (smallest == entries.size() || entries[i].count <= entries[smallest].count) {
      smallest = i;
    }
  }
  if (other == entries.size()) {
    entries[smallest].term = TermId(0);
    return;
  }
  entries[other].count = AddCounts(entries[other].count, entries[smallest].count);
  entries.erase(smallest);
}

template <typename T>
T* FindTerm(PackedVector<T>& entries, TermId term) {
  T* entry = entries.begin();
  size_t left = entries.size();
  // Four at a time, for there may be many.
  for (; left >= 4; left -= 4, entry += 4) {
    if (entry[0].term == term) return entry;
    if (entry[1].term == term) return entry + 1;
    if (entry[2].term == term) return entry + 2;
    if (entry[3].term == term) return entry + 3;
  }
  for (; left > 0; --left, ++entry) {
    if (entry->term == term) return entry;
  }
  return nullptr;
}

// The smallest of kMaxAffinities sums, the latest among equals.
size_t Smallest(const PackedVector<AffinitySum>& sums) {
  // Four minima at a time do not wait for each other.
  std::array<double, 4> least;
  const AffinitySum* const begin = sums.begin();
  for (size_t k = 0; k < 4; ++k) least[k] = begin[k].sum();
  static_assert(kMaxAffinities % 4 == 0);
  for (size_t i = 4; i < kMaxAffinities; i += 4) {
    for (size_t k = 0; k < 4; ++k) {
      const double sum = begin[i + k].sum();
      least[k] = least[k] < sum ? least[k] : sum;
    }
  }
  const double smallest = std::min(std::min(least[0], least[1]), std::min(least[2], least[3]));
  size_t at = kMaxAffinities - 1;
  while (at > 0 && begin[at].sum() != smallest) --at;
  return at;
}

// Apart from AddAffinity(), which mostly finds the term and needs less.
ABSL_ATTRIBUTE_NOINLINE void AddNewAffinity(PackedVector<AffinitySum>& sums, TermId term,
                                            double amount, double* dropped) {
  AffinitySum added{term, 0, 0};
  added.set_sum(amount);
  if (sums.size() < kMaxAffinities) {
    sums.push_back(added);
    return;
  }
  const size_t smallest = Smallest(sums);
  if (added.sum() <= sums[smallest].sum()) {
    *dropped = AddSums(*dropped, amount);
    return;
  }
  *dropped = AddSums(*dropped, sums[smallest].sum());
  sums.erase(smallest);
  sums.push_back(added);
}

// Where an entry of this time goes: behind those that are as old or older.
template <typename T, typename TimeOf>
size_t PositionBehind(const PackedVector<T>& entries, int64_t time_ms, TimeOf time_of) {
  size_t position = entries.size();
  while (position > 0 && time_of(entries[position - 1]) > time_ms) --position;
  return position;
}

// Puts it at `position` among at most `bound` entries: when they are as many, the first one leaves.
template <typename T>
void InsertAt(PackedVector<T>& entries, size_t position, const T& added, size_t bound) {
  if (entries.size() < bound) {
    entries.insert(position, added);
    return;
  }
  if (position == 0) return;
  std::move(entries.begin() + 1, entries.begin() + position, entries.begin());
  entries[position - 1] = added;
}

// A newest-`bound` set, oldest first.
template <typename T, typename TimeOf>
void InsertNewest(PackedVector<T>& entries, const T& added, size_t bound, TimeOf time_of) {
  InsertAt(entries, PositionBehind(entries, time_of(added), time_of), added, bound);
}

bool Before(const DayCount& a, const DayCount& b) {
  if (a.day != b.day) return a.day < b.day;
  const auto kind = [](const DayCount& entry) {
    return uint64_t{static_cast<uint8_t>(entry.type)} << 32 | entry.category.value();
  };
  return kind(a) < kind(b);
}

size_t TraitBytes(const std::vector<Trait>& traits) {
  size_t bytes = 0;
  for (const Trait& trait : traits) bytes += trait.name.size() + trait.json.size();
  return bytes;
}

// The oldest entry; the last one in the vector among equals.
template <typename T>
void EraseOldest(std::vector<T>& entries) {
  auto oldest = entries.begin();
  for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
    if (entry->time_ms <= oldest->time_ms) oldest = entry;
  }
  entries.erase(oldest);
}

}  // namespace

void AddType(PackedVector<TypeCount>& types, event::EventType type, uint32_t count) {
  for (TypeCount& entry : types) {
    if (entry.type == type) {
      entry.count = AddCounts(entry.count, count);
      return;
    }
  }
  types.push_back({type, count});
}

void AddTerm(PackedVector<TermCount>& terms, TermId term, uint32_t count) {
  if (count == 0) return;
  if (TermCount* const entry = FindTerm(terms, term); entry != nullptr) {
    entry->count = AddCounts(entry->count, count);
    return;
  }
  while (terms.size() >= kMaxTermCounts) FoldSmallest(terms);
  terms.push_back({term, count});
}

void AddCountry(PackedVector<CountryCount>& countries, CountryCount added) {
  if (added.count == 0) return;
  if (CountryCount* const entry = FindTerm(countries, added.term); entry != nullptr) {
    entry->count = AddCounts(entry->count, added.count);
    entry->first_ms = std::min(entry->first_ms, added.first_ms);
    return;
  }
  while (countries.size() >= kMaxTermCounts) FoldSmallest(countries);
  countries.push_back(added);
}

void AddAffinity(PackedVector<AffinitySum>& sums, TermId term, double amount, double* dropped) {
  if (AffinitySum* const entry = FindTerm(sums, term); entry != nullptr) {
    entry->set_sum(AddSums(entry->sum(), amount));
  } else {
    AddNewAffinity(sums, term, amount, dropped);
  }
}

void AddRecent(PackedVector<RecentItem>& recent, PackedVector<DayCount>& days, RecentItem added) {
  if (recent.size() == kMaxRecentItems) {
    const RecentItem& leaves = added.time_ms < recent.front().time_ms ? added : recent.front();
    constexpr int64_t kDayMs = 86'400'000;
    AddDayCount(days,
                {static_cast<uint32_t>(leaves.time_ms / kDayMs), leaves.type, leaves.category, 1});
  }
  InsertNewest(recent, added, kMaxRecentItems,
               [](const RecentItem& entry) { return entry.time_ms; });
}

void AddDayCount(PackedVector<DayCount>& days, DayCount added) {
  size_t position = days.size();
  // Mostly it is of the newest day, among others of that day.
  if (position > 0 && Before(added, days.back())) {
    const DayCount* const behind = std::upper_bound(days.begin(), days.end(), added, Before);
    position = static_cast<size_t>(behind - days.begin());
  }
  if (position > 0 && !Before(days[position - 1], added)) {
    days[position - 1].count = AddCounts(days[position - 1].count, added.count);
    return;
  }
  InsertAt(days, position, added, kMaxDayCounts);
}

void AddPurchaseTime(Purchases& purchases, int64_t time_ms) {
  PackedVector<int64_t>& times = purchases.times;
  if (purchases.folded_times > 0 && time_ms <= purchases.folded_until_ms) return;
  const size_t position = PositionBehind(times, time_ms, [](int64_t time) { return time; });
  if (position > 0 && times[position - 1] == time_ms) return;
  times.insert(position, time_ms);
  if (times.size() <= kMaxPurchaseTimes) return;
  purchases.folded_times = AddCounts(purchases.folded_times, 1);
  purchases.folded_until_ms = times.front();
  times.erase(0);
}

void AddLastAmount(PackedVector<TimedAmount>& amounts, TimedAmount added) {
  InsertNewest(amounts, added, kMaxLastAmounts,
               [](const TimedAmount& entry) { return entry.time_ms; });
}

void AddPurchasedItem(PackedVector<PurchasedItem>& items, PurchasedItem added) {
  // Newest first: what is bought again was mostly bought lately.
  for (size_t i = items.size(); i-- > 0;) {
    if (items[i].item != added.item) continue;
    added.count = AddCounts(items[i].count, added.count);
    if (items[i].last_ms > added.last_ms) {
      items[i].count = added.count;
      return;
    }
    items.erase(i);
    break;
  }
  InsertNewest(items, added, kMaxPurchasedItems,
               [](const PurchasedItem& entry) { return entry.last_ms; });
}

void AddCurrency(std::vector<CurrencyTotals>& currencies, const CurrencyTotals& added) {
  for (CurrencyTotals& entry : currencies) {
    if (entry.currency != added.currency) continue;
    entry.total_micros = AddMicros(entry.total_micros, added.total_micros);
    entry.refunded_micros = AddMicros(entry.refunded_micros, added.refunded_micros);
    return;
  }
  if (currencies.size() < kMaxOtherCurrencies) currencies.push_back(added);
}

void AddTrait(std::vector<Trait>& traits, Trait added) {
  if (added.name.size() + added.json.size() > kMaxTraitBytes) return;
  const auto position = std::lower_bound(
      traits.begin(), traits.end(), added.name,
      [](const Trait& entry, const std::string& name) { return entry.name < name; });
  if (position != traits.end() && position->name == added.name) {
    if (std::tie(added.time_ms, added.json) < std::tie(position->time_ms, position->json)) return;
    *position = std::move(added);
  } else {
    traits.insert(position, std::move(added));
  }
  while (traits.size() > kMaxTraits || TraitBytes(traits) > kMaxTraitBytes) EraseOldest(traits);
}

void AddIdentity(std::vector<Identity>& identities, Identity added) {
  const auto same =
      std::find_if(identities.begin(), identities.end(), [&added](const Identity& entry) {
        return entry.kind == added.kind && entry.value == added.value;
      });
  if (same != identities.end()) {
    if (same->linked_ms <= added.linked_ms) return;
    identities.erase(same);
  }
  const auto position = std::upper_bound(
      identities.begin(), identities.end(), added, [](const Identity& a, const Identity& b) {
        return std::tie(a.linked_ms, a.kind, a.value) < std::tie(b.linked_ms, b.kind, b.value);
      });
  identities.insert(position, std::move(added));
  if (identities.size() > kMaxIdentities) identities.erase(identities.begin());
}

void AddConsent(std::vector<Consent>& consents, Consent added) {
  const auto position = std::lower_bound(
      consents.begin(), consents.end(), added.purpose,
      [](const Consent& entry, const std::string& purpose) { return entry.purpose < purpose; });
  if (position != consents.end() && position->purpose == added.purpose) {
    if (added.time_ms > position->time_ms) {
      *position = std::move(added);
    } else if (added.time_ms == position->time_ms) {
      position->granted = position->granted && added.granted;
    }
    return;
  }
  consents.insert(position, std::move(added));
  if (consents.size() > kMaxConsents) EraseOldest(consents);
}

void AddDislike(std::vector<Dislike>& dislikes, Dislike added) {
  const auto same = std::find_if(dislikes.begin(), dislikes.end(),
                                 [&](const Dislike& entry) { return entry.item == added.item; });
  if (same != dislikes.end()) {
    if (same->time_ms >= added.time_ms) return;
    dislikes.erase(same);
  }
  dislikes.insert(std::lower_bound(dislikes.begin(), dislikes.end(), added), added);
  if (dislikes.size() > kMaxDislikes) dislikes.erase(dislikes.begin());
}

}  // namespace kindred::profile
