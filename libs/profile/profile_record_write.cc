#include <cstdint>
#include <cstring>
#include <string>

#include "base/bytes.h"
#include "profile/profile_record.h"
#include "profile/record_parts.h"

namespace kindred::profile {

namespace {

// As base::ByteWriter, for records of many short numbers: they go through a buffer on the stack,
// which costs a third of appending them to a string one by one.
class BufferedWriter {
 public:
  explicit BufferedWriter(std::string* out) : out_(*out), direct_(out) {}
  ~BufferedWriter() { Flush(); }
  BufferedWriter(const BufferedWriter&) = delete;
  BufferedWriter& operator=(const BufferedWriter&) = delete;

  void U8(uint8_t value) {
    Room();
    buffer_[size_++] = static_cast<char>(value);
  }
  void U32(uint32_t value) { Fixed(value); }
  void F64(double value) { Fixed(value); }
  void Varint(uint64_t value) {
    Room();
    while (value >= 0x80) {
      buffer_[size_++] = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    buffer_[size_++] = static_cast<char>(value);
  }
  void Bytes(absl::string_view value) {
    Varint(value.size());
    Flush();
    out_.append(value.data(), value.size());
  }
  // For the next value only.
  base::ByteWriter* Direct() {
    Flush();
    return &direct_;
  }

 private:
  // For any number.
  void Room() {
    if (size_ > sizeof(buffer_) - 10) Flush();
  }
  void Flush() {
    out_.append(buffer_, size_);
    size_ = 0;
  }
  template <typename T>
  void Fixed(T value) {
    Room();
    std::memcpy(buffer_ + size_, &value, sizeof(T));
    size_ += sizeof(T);
  }

  std::string& out_;
  base::ByteWriter direct_;
  size_t size_ = 0;
  char buffer_[1024];
};

}  // namespace

class ProfileRecord::Writer {
 public:
  Writer(const Profile& profile, uint8_t version, std::string* out)
      : profile_(profile), version_(version), out_(out) {}

  void State() {
    const uint8_t parts = PartsOf();
    out_.U8(parts);
    out_.Varint(profile_.first_seen_ms_);
    out_.Varint(profile_.last_seen_ms_ - profile_.first_seen_ms_);
    Types();
    Calendar();
    if ((parts & kCalendarHighPart) != 0) CalendarHigh();
    Sessions();
    if ((parts & kFoldedPart) != 0) {
      out_.Varint(profile_.folded_sessions_);
      out_.Varint(profile_.last_seen_ms_ - profile_.folded_sessions_until_ms_);
    }
    Recent();
    if ((parts & kDaysPart) != 0) Days();
    Terms(profile_.channels_);
    Terms(profile_.devices_);
    Sums(profile_.categories_);
    Sums(profile_.brands_);
    if ((parts & kQualityPart) != 0) Quality();
    if ((parts & kRatePart) != 0) profile_.rate_.Encode(out_.Direct());
    if ((parts & kPurchasesPart) != 0) WritePurchases(*profile_.purchases_);
    if ((parts & kGeographyPart) != 0) WriteGeography(*profile_.geography_);
    if ((parts & kRaritiesPart) != 0) WriteRarities(*profile_.rarities_);
  }

 private:
  uint8_t PartsOf() const {
    int parts = 0;
    if (profile_.purchases_ != nullptr) parts |= kPurchasesPart;
    if (profile_.geography_ != nullptr) parts |= kGeographyPart;
    if (profile_.rarities_ != nullptr) parts |= kRaritiesPart;
    if (profile_.calendar_high_ != nullptr) parts |= kCalendarHighPart;
    if (profile_.folded_sessions_ > 0) parts |= kFoldedPart;
    if (!(profile_.quality_ == QualityCounts())) parts |= kQualityPart;
    if (!profile_.rate_.empty()) parts |= kRatePart;
    if (!profile_.days_.empty()) parts |= kDaysPart;
    return static_cast<uint8_t>(parts);
  }

  void Types() {
    out_.Varint(profile_.types_.size());
    for (const TypeCount& entry : profile_.types_) {
      out_.U8(static_cast<uint8_t>(entry.type));
      out_.Varint(entry.count);
    }
  }

  void Calendar() {
    uint32_t mask = 0;
    for (int slot = 0; slot < Profile::kCalendar; ++slot) {
      if (profile_.calendar_[slot] != 0) mask |= 1u << slot;
    }
    out_.U32(mask);
    for (const uint8_t count : profile_.calendar_) {
      if (count != 0) out_.U8(count);
    }
  }

  void CalendarHigh() {
    uint32_t mask = 0;
    for (int slot = 0; slot < Profile::kCalendar; ++slot) {
      if ((*profile_.calendar_high_)[slot] != 0) mask |= 1u << slot;
    }
    out_.U32(mask);
    for (const uint32_t count : *profile_.calendar_high_) {
      if (count != 0) out_.Varint(count);
    }
  }

  void Sessions() {
    out_.Varint(profile_.sessions_.size());
    int64_t next = profile_.last_seen_ms_;
    for (size_t i = profile_.sessions_.size(); i-- > 0;) {
      const Session& session = profile_.sessions_[i];
      out_.Varint(next - session.end_ms);
      out_.Varint(session.end_ms - session.start_ms);
      out_.Varint(session.events);
      next = session.start_ms;
    }
  }

  void Recent() {
    out_.Varint(profile_.recent_.size());
    int64_t next = profile_.last_seen_ms_;
    for (size_t i = profile_.recent_.size(); i-- > 0;) {
      const RecentItem& item = profile_.recent_[i];
      out_.Varint(next - item.time_ms);
      out_.Varint(item.item.value());
      out_.U8(static_cast<uint8_t>(item.type));
      next = item.time_ms;
      if (version_ == 1) continue;
      out_.Varint(item.category.value());
      out_.Varint(item.brand.value());
    }
  }

  void Days() {
    out_.Varint(profile_.days_.size());
    uint32_t next = static_cast<uint32_t>(profile_.last_seen_ms_ / kDayMs);
    for (size_t i = profile_.days_.size(); i-- > 0;) {
      const DayCount& entry = profile_.days_[i];
      out_.Varint(next - entry.day);
      out_.U8(static_cast<uint8_t>(entry.type));
      out_.Varint(entry.category.value());
      out_.Varint(entry.count);
      next = entry.day;
    }
  }

  void Terms(const PackedVector<TermCount>& terms) {
    out_.Varint(terms.size());
    for (const TermCount& entry : terms) {
      out_.Varint(entry.term.value());
      out_.Varint(entry.count);
    }
  }

  void Sums(const PackedVector<AffinitySum>& sums) {
    out_.Varint(sums.size());
    for (const AffinitySum& entry : sums) {
      out_.Varint(entry.term.value());
      out_.U32(entry.high);
      out_.U8(static_cast<uint8_t>(entry.low >> 16));
      out_.U8(static_cast<uint8_t>(entry.low >> 24));
    }
  }

  void Micros(int64_t value) {
    const auto scaled = [this](int64_t number, uint64_t scale) {
      const uint64_t zigzag =
          (static_cast<uint64_t>(number) << 1) ^ static_cast<uint64_t>(number >> 63);
      out_.Varint(zigzag << 2 | scale);
    };
    if (value % kMicrosOfScale[0] == 0) {
      scaled(value / kMicrosOfScale[0], 0);
    } else if (value % kMicrosOfScale[1] == 0) {
      scaled(value / kMicrosOfScale[1], 1);
    } else {
      scaled(value, 2);
    }
  }

  void WritePurchases(const Purchases& purchases) {
    out_.Varint(purchases.lines);
    out_.Varint(purchases.refund_lines);
    Micros(purchases.total_micros);
    Micros(purchases.refunded_micros);
    Micros(purchases.quantity_micros);
    const PackedVector<int64_t>& times = purchases.times;
    out_.Varint(times.size());
    for (size_t i = times.size(); i-- > 1;) out_.Varint(times[i] - times[i - 1]);
    if (times.empty()) return;
    out_.Varint(profile_.last_seen_ms_ - times.back());
    out_.Varint(purchases.folded_times);
    if (purchases.folded_times > 0) {
      out_.Varint(times.front() - purchases.folded_until_ms);
      out_.Varint(purchases.folded_until_ms - purchases.first_ms);
    }
    out_.Varint(purchases.last_amounts.size());
    int64_t next = times.back();
    for (size_t i = purchases.last_amounts.size(); i-- > 0;) {
      out_.Varint(next - purchases.last_amounts[i].time_ms);
      Micros(purchases.last_amounts[i].micros);
      next = purchases.last_amounts[i].time_ms;
    }
    out_.Varint(purchases.items.size());
    next = times.back();
    for (size_t i = purchases.items.size(); i-- > 0;) {
      out_.Varint(next - purchases.items[i].last_ms);
      out_.Varint(purchases.items[i].item.value());
      out_.Varint(purchases.items[i].count);
      next = purchases.items[i].last_ms;
    }
    purchases.amounts.Encode(out_.Direct());
  }

  void WriteGeography(const Geography& geography) {
    out_.Varint(profile_.last_seen_ms_ - geography.last_ms);
    out_.Varint(geography.country.value());
    out_.Varint(geography.region.value());
    out_.Varint(geography.city.value());
    out_.Varint(geography.countries.size());
    for (const CountryCount& entry : geography.countries) {
      out_.Varint(entry.term.value());
      out_.Varint(entry.count);
      out_.Varint(entry.first_ms - profile_.first_seen_ms_);
    }
  }

  void WriteRarities(const Rarities& rarities) {
    out_.Varint(rarities.traits.size());
    for (const Trait& trait : rarities.traits) {
      out_.Bytes(trait.name);
      out_.Bytes(trait.json);
      out_.Varint(profile_.last_seen_ms_ - trait.time_ms);
    }
    out_.Varint(rarities.identities.size());
    for (const Identity& identity : rarities.identities) {
      out_.U8(static_cast<uint8_t>(identity.kind));
      out_.Bytes(identity.value);
      out_.Varint(profile_.last_seen_ms_ - identity.linked_ms);
    }
    out_.Varint(rarities.consents.size());
    for (const Consent& consent : rarities.consents) {
      out_.Bytes(consent.purpose);
      out_.U8(consent.granted ? 1 : 0);
      out_.Varint(profile_.last_seen_ms_ - consent.time_ms);
    }
    out_.Varint(rarities.other_currencies.size());
    for (const CurrencyTotals& totals : rarities.other_currencies) {
      out_.Varint(totals.currency.value());
      Micros(totals.total_micros);
      Micros(totals.refunded_micros);
    }
    out_.Varint(rarities.ratings);
    Micros(rarities.rating_sum_micros);
    const bool dropped = rarities.dropped_category_sum != 0 || rarities.dropped_brand_sum != 0;
    out_.U8(static_cast<uint8_t>((dropped ? kDroppedSums : 0) |
                                 (rarities.dislikes.empty() ? 0 : kDislikes)));
    if (dropped) {
      out_.F64(rarities.dropped_category_sum);
      out_.F64(rarities.dropped_brand_sum);
    }
    if (!rarities.dislikes.empty()) WriteDislikes(rarities.dislikes);
  }

  void WriteDislikes(absl::Span<const Dislike> dislikes) {
    out_.Varint(dislikes.size());
    int64_t next = profile_.last_seen_ms_;
    for (size_t i = dislikes.size(); i-- > 0;) {
      out_.Varint(next - dislikes[i].time_ms);
      out_.Varint(dislikes[i].item.value());
      next = dislikes[i].time_ms;
    }
  }

  void Quality() {
    out_.Varint(profile_.quality_.corrected);
    out_.Varint(profile_.quality_.outliers);
    out_.Varint(profile_.quality_.late);
    out_.U8(profile_.quality_.suspected_bot ? 1 : 0);
  }

  const Profile& profile_;
  const uint8_t version_;
  BufferedWriter out_;
};

void ProfileRecord::Write(const Profile& profile, uint8_t version, std::string* out) {
  if (profile.links_ == nullptr) {
    out->push_back(static_cast<char>(version));
  } else {
    base::ByteWriter writer(out);
    writer.U8(version | kLinksFollow);
    writer.Varint(profile.links().size());
    for (const Link& link : profile.links()) WriteLink(link, &writer);
  }
  if (!profile.empty()) Writer(profile, version, out).State();
}

void Profile::Encode(std::string* out) const {
  ProfileRecord::Write(*this, kProfileRecordVersion, out);
}

}  // namespace kindred::profile
