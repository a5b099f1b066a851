#include "profile/profile_record.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "profile/bounded_sets.h"
#include "profile/record_parts.h"

namespace kindred::profile {
namespace {

constexpr int64_t kMaxTimeMs = (int64_t{1} << 47) - 1;

template <typename T, typename KeyOf>
bool Distinct(const PackedVector<T>& entries, KeyOf key_of) {
  for (size_t i = 1; i < entries.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (key_of(entries[i]) == key_of(entries[j])) return false;
    }
  }
  return true;
}

template <typename T>
void Reverse(PackedVector<T>& entries) {
  std::reverse(entries.begin(), entries.end());
}

}  // namespace

// Reads in the order of Writer. Every value is held against what Apply and Merge guarantee; the
// first that breaks it fails the whole record.
class ProfileRecord::Reader {
 public:
  Reader(absl::string_view record, uint8_t version, Profile* profile)
      : in_(record), version_(version), profile_(*profile) {}

  bool State() {
    const uint8_t parts = in_.U8();
    profile_.first_seen_ms_ = Number(kMaxTimeMs);
    profile_.last_seen_ms_ = profile_.first_seen_ms_ + Number(kMaxTimeMs);
    Require(profile_.first_seen_ms_ > 0 && profile_.last_seen_ms_ <= kMaxTimeMs);
    Types();
    Calendar();
    if ((parts & kCalendarHighPart) != 0) CalendarHigh();
    Sessions();
    if ((parts & kFoldedPart) != 0) {
      profile_.folded_sessions_ = Count32();
      profile_.folded_sessions_until_ms_ = Before(profile_.last_seen_ms_);
    }
    Recent();
    if ((parts & kDaysPart) != 0) Days();
    Terms(&profile_.channels_);
    Terms(&profile_.devices_);
    Sums(&profile_.categories_);
    Sums(&profile_.brands_);
    if ((parts & kQualityPart) != 0) Quality();
    if ((parts & kRatePart) != 0) profile_.rate_ = clean::RateHistory::Decode(&in_);
    if ((parts & kPurchasesPart) != 0) ReadPurchases(&profile_.MutablePurchases());
    if ((parts & kGeographyPart) != 0) ReadGeography(&profile_.MutableGeography());
    if ((parts & kRaritiesPart) != 0) ReadRarities(&profile_.MutableRarities());
    return valid_ && in_.Done();
  }

 private:
  void Require(bool condition) { valid_ = valid_ && condition; }

  // At most `limit`.
  int64_t Number(int64_t limit) {
    const uint64_t value = in_.Varint();
    Require(value <= static_cast<uint64_t>(limit));
    return valid_ ? static_cast<int64_t>(value) : 0;
  }
  uint32_t Number32() { return static_cast<uint32_t>(Number(UINT32_MAX)); }
  // At least 1.
  uint32_t Count32() {
    const uint32_t count = Number32();
    Require(count > 0);
    return count;
  }
  // Of elements that follow.
  size_t Size(size_t limit, size_t bytes_each) {
    const size_t size = in_.Count(bytes_each);
    Require(in_.ok() && size <= limit);
    return valid_ ? size : 0;
  }
  // A time that lies a stored difference before `next`, within the customer's life.
  int64_t Before(int64_t next) {
    const int64_t time_ms = next - Number(kMaxTimeMs);
    Require(time_ms >= profile_.first_seen_ms_);
    return valid_ ? time_ms : next;
  }
  int64_t After(int64_t time_ms) {
    const int64_t later_ms = time_ms + Number(kMaxTimeMs);
    Require(later_ms <= profile_.last_seen_ms_);
    return valid_ ? later_ms : time_ms;
  }
  event::EventType Type() {
    const uint8_t type = in_.U8();
    Require(type < event::kEventTypes);
    return valid_ ? static_cast<event::EventType>(type) : event::EventType::kUnspecified;
  }
  TermId Term() { return TermId(Number32()); }
  ItemId Item() { return ItemId(Count32()); }
  bool Bool() {
    const uint8_t value = in_.U8();
    Require(value <= 1);
    return value == 1;
  }
  int64_t Micros() {
    const uint64_t raw = in_.Varint();
    const uint64_t scale = raw & 3;
    const uint64_t zigzag = raw >> 2;
    const int64_t number = static_cast<int64_t>(zigzag >> 1) ^ -static_cast<int64_t>(zigzag & 1);
    Require(scale <= 2);
    if (!valid_) return 0;
    const int64_t limit = kMaxMicros / kMicrosOfScale[scale];
    Require(number >= -limit && number <= limit);
    return valid_ ? number * kMicrosOfScale[scale] : 0;
  }
  double Sum() {
    const double sum = in_.F64();
    Require(std::abs(sum) <= kMaxAffinitySum);
    return valid_ ? sum : 0;
  }

  void Types() {
    const size_t size = Size(event::kEventTypes, 2);
    Require(size > 0);
    profile_.types_.reserve(size);
    for (size_t i = 0; i < size; ++i) {
      const event::EventType type = Type();
      profile_.types_.push_back({type, Count32()});
    }
    Require(Distinct(profile_.types_, [](const TypeCount& entry) { return entry.type; }));
  }

  void Calendar() {
    const uint32_t mask = in_.U32();
    Require((mask >> Profile::kCalendar) == 0);
    for (int slot = 0; slot < Profile::kCalendar; ++slot) {
      if ((mask >> slot & 1) != 0) profile_.calendar_[slot] = in_.U8();
    }
  }

  void CalendarHigh() {
    profile_.calendar_high_ = std::make_unique<Profile::CalendarHigh>();
    const uint32_t mask = in_.U32();
    Require((mask >> Profile::kCalendar) == 0);
    for (int slot = 0; slot < Profile::kCalendar; ++slot) {
      if ((mask >> slot & 1) != 0) (*profile_.calendar_high_)[slot] = Count32();
    }
  }

  void Sessions() {
    const size_t size = Size(kMaxSessions, 3);
    Require(size > 0);
    profile_.sessions_.reserve(size);
    int64_t next = profile_.last_seen_ms_;
    for (size_t i = 0; i < size; ++i) {
      Session session{};
      session.end_ms = Before(next);
      Require(i == 0 || next - session.end_ms > kSessionGapMs);
      session.start_ms = Before(session.end_ms);
      session.events = Count32();
      next = session.start_ms;
      profile_.sessions_.push_back(session);
    }
    Reverse(profile_.sessions_);
  }

  void Recent() {
    const size_t size = Size(kMaxRecentItems, 3);
    profile_.recent_.reserve(size);
    int64_t next = profile_.last_seen_ms_;
    for (size_t i = 0; i < size; ++i) {
      next = Before(next);
      RecentItem entry{next, Item(), Type()};
      if (version_ > 1) {
        entry.category = Term();
        entry.brand = Term();
      }
      profile_.recent_.push_back(entry);
    }
    Reverse(profile_.recent_);
  }

  void Days() {
    Require(version_ > 1);
    const size_t size = Size(kMaxDayCounts, 4);
    profile_.days_.reserve(size);
    const auto key = [](const DayCount& entry) {
      return std::make_tuple(entry.day, entry.type, entry.category.value());
    };
    int64_t next = profile_.last_seen_ms_ / kDayMs;
    for (size_t i = 0; i < size; ++i) {
      next -= Number(next);
      Require(next >= profile_.first_seen_ms_ / kDayMs);
      const DayCount entry{static_cast<uint32_t>(next), Type(), Term(), Count32()};
      Require(i == 0 || key(entry) < key(profile_.days_.back()));
      profile_.days_.push_back(entry);
    }
    Reverse(profile_.days_);
  }

  void Terms(PackedVector<TermCount>* terms) {
    const size_t size = Size(kMaxTermCounts, 2);
    terms->reserve(size);
    for (size_t i = 0; i < size; ++i) {
      const TermId term = Term();
      terms->push_back({term, Count32()});
    }
    Require(Distinct(*terms, [](const TermCount& entry) { return entry.term; }));
  }

  void Sums(PackedVector<AffinitySum>* sums) {
    const size_t size = Size(kMaxAffinities, 7);
    sums->reserve(size);
    for (size_t i = 0; i < size; ++i) {
      AffinitySum entry{Term(), 0, 0};
      Require(entry.term.value() != 0);
      entry.high = in_.U32();
      const uint32_t low = in_.U8();
      entry.low = low << 16 | static_cast<uint32_t>(in_.U8()) << 24;
      Require(std::abs(entry.sum()) <= kMaxAffinitySum);
      sums->push_back(entry);
    }
    Require(Distinct(*sums, [](const AffinitySum& entry) { return entry.term; }));
  }

  void ReadPurchases(Purchases* out) {
    out->lines = Number32();
    out->refund_lines = Number32();
    out->total_micros = Micros();
    out->refunded_micros = Micros();
    out->quantity_micros = Micros();
    const size_t size = Size(kMaxPurchaseTimes, 1);
    Require((size > 0) == (out->lines > 0));
    if (size == 0) return;
    // The differences come before the newest time.
    out->times.reserve(size);
    out->times.push_back(0);
    for (size_t i = 1; i < size; ++i) {
      const int64_t gap = Number(kMaxTimeMs);
      Require(gap > 0);
      out->times.push_back(out->times.back() - gap);
    }
    const int64_t last = Before(profile_.last_seen_ms_);
    for (int64_t& time : out->times) time += last;
    Reverse(out->times);
    Require(out->times.front() >= profile_.first_seen_ms_);
    out->first_ms = out->times.front();
    out->folded_times = Number32();
    if (out->folded_times > 0) {
      out->folded_until_ms = Before(out->times.front());
      Require(out->folded_until_ms < out->times.front());
      out->first_ms = Before(out->folded_until_ms);
    }
    ReadAmountsAndItems(last, out);
  }

  void ReadAmountsAndItems(int64_t last, Purchases* out) {
    const size_t amounts = Size(kMaxLastAmounts, 2);
    int64_t next = last;
    out->last_amounts.reserve(amounts);
    for (size_t i = 0; i < amounts; ++i) {
      next = Before(next);
      out->last_amounts.push_back({next, Micros()});
    }
    Reverse(out->last_amounts);
    const size_t items = Size(kMaxPurchasedItems, 3);
    next = last;
    out->items.reserve(items);
    for (size_t i = 0; i < items; ++i) {
      next = Before(next);
      const ItemId item = Item();
      out->items.push_back({next, item, Count32()});
    }
    Reverse(out->items);
    Require(Distinct(out->items, [](const PurchasedItem& entry) { return entry.item; }));
    out->amounts = clean::AmountHistory::Decode(&in_);
  }

  void ReadGeography(Geography* out) {
    out->last_ms = Before(profile_.last_seen_ms_);
    out->country = Term();
    out->region = Term();
    out->city = Term();
    const size_t size = Size(kMaxTermCounts, 3);
    out->countries.reserve(size);
    for (size_t i = 0; i < size; ++i) {
      CountryCount entry{Term(), Count32(), 0};
      entry.first_ms = After(profile_.first_seen_ms_);
      out->countries.push_back(entry);
    }
    Require(Distinct(out->countries, [](const CountryCount& entry) { return entry.term; }));
  }

  void ReadRarities(Rarities* out) {
    ReadTraits(out);
    ReadIdentities(out);
    const size_t consents = Size(kMaxConsents, 3);
    for (size_t i = 0; i < consents; ++i) {
      Consent consent{std::string(in_.Bytes()), Bool(), Before(profile_.last_seen_ms_)};
      Require(i == 0 || out->consents.back().purpose < consent.purpose);
      out->consents.push_back(std::move(consent));
    }
    const size_t currencies = Size(kMaxOtherCurrencies, 3);
    for (size_t i = 0; i < currencies; ++i) {
      CurrencyTotals totals{Term(), Micros(), Micros()};
      for (const CurrencyTotals& other : out->other_currencies) {
        Require(other.currency != totals.currency);
      }
      out->other_currencies.push_back(totals);
    }
    out->ratings = Number32();
    out->rating_sum_micros = Micros();
    const uint8_t rest = in_.U8();
    Require(rest <= (kDroppedSums | kDislikes));
    if ((rest & kDroppedSums) != 0) {
      out->dropped_category_sum = Sum();
      out->dropped_brand_sum = Sum();
    }
    if ((rest & kDislikes) != 0) ReadDislikes(&out->dislikes);
  }

  void ReadDislikes(std::vector<Dislike>* out) {
    const size_t size = Size(kMaxDislikes, 2);
    Require(size > 0);
    int64_t next = profile_.last_seen_ms_;
    for (size_t i = 0; i < size; ++i) {
      next = Before(next);
      const Dislike dislike{next, Item()};
      for (const Dislike& other : *out) Require(other.item != dislike.item);
      Require(out->empty() || dislike < out->back());
      out->push_back(dislike);
    }
    std::reverse(out->begin(), out->end());
  }

  void ReadTraits(Rarities* out) {
    const size_t size = Size(kMaxTraits, 3);
    size_t bytes = 0;
    for (size_t i = 0; i < size; ++i) {
      Trait trait{std::string(in_.Bytes()), std::string(in_.Bytes()),
                  Before(profile_.last_seen_ms_)};
      bytes += trait.name.size() + trait.json.size();
      Require(i == 0 || out->traits.back().name < trait.name);
      out->traits.push_back(std::move(trait));
    }
    Require(bytes <= kMaxTraitBytes);
  }

  void ReadIdentities(Rarities* out) {
    const auto key = [](const Identity& entry) {
      return std::tie(entry.linked_ms, entry.kind, entry.value);
    };
    const size_t size = Size(kMaxIdentities, 3);
    for (size_t i = 0; i < size; ++i) {
      const uint8_t kind = in_.U8();
      Require(kind < kIdentityKinds);
      if (!valid_) return;
      Identity identity{static_cast<IdentityKind>(kind), std::string(in_.Bytes()),
                        Before(profile_.last_seen_ms_)};
      Require(i == 0 || key(out->identities.back()) < key(identity));
      for (const Identity& other : out->identities) {
        Require(other.kind != identity.kind || other.value != identity.value);
      }
      out->identities.push_back(std::move(identity));
    }
  }

  void Quality() {
    profile_.quality_.corrected = Number32();
    profile_.quality_.outliers = Number32();
    profile_.quality_.late = Number32();
    profile_.quality_.suspected_bot = Bool();
  }

  base::ByteReader in_;
  const uint8_t version_;
  Profile& profile_;
  bool valid_ = true;
};

bool ProfileRecord::ReadLinks(base::ByteReader* in, Profile* profile) {
  constexpr size_t kMinLinkBytes = 6;
  const size_t size = in->Count(kMinLinkBytes);
  if (size == 0 || size > kMaxLinks) return false;
  profile->links_ = std::make_unique<LinkSet>();
  std::vector<Link>& links = profile->links_->links;
  for (size_t i = 0; i < size; ++i) {
    Link link;
    if (!ReadLink(in, &link)) return false;
    if (i > 0 && links.back().other >= link.other) return false;
    links.push_back(std::move(link));
  }
  return true;
}

bool ProfileRecord::Read(absl::string_view record, Profile* profile) {
  base::ByteReader in(record);
  const uint8_t first = in.U8();
  const uint8_t version = first & ~kLinksFollow;
  if (version < kOldestProfileRecordVersion || version > kProfileRecordVersion) return false;
  if ((first & kLinksFollow) != 0 && !ReadLinks(&in, profile)) return false;
  const absl::string_view state = record.substr(record.size() - in.remaining());
  if (!state.empty() && !Reader(state, version, profile).State()) return false;
  // Anything that could be written shorter (a long varint, an unused part) is not our writing.
  std::string again;
  again.reserve(record.size());
  Write(*profile, version, &again);
  return again == record;
}

absl::StatusOr<Profile> Profile::Decode(absl::string_view record) {
  Profile profile;
  if (!ProfileRecord::Read(record, &profile)) {
    return absl::DataLossError("not a profile record of a version this build reads");
  }
  return profile;
}

}  // namespace kindred::profile
