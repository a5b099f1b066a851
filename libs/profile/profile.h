// One customer's state: what events change, and nothing that a model or a clock decides (that is
// computed when read).
//
// Adds:   every part is a sum, or a newest-m set by event time, so Merge() of two profiles is the
//         profile of all their events, and the order of arrival does not matter within the bounds
//         of profile_parts.h. Where times are equal in a newest-m set, the later arrival is the
//         newer.
// Size:   about 190 bytes and what its vectors hold; see README.md.
// Pure:   no clock, no randomness; the same events give the same state and the same bytes.
// Threads: as a plain value; the owner guards it.
#ifndef KINDRED_PROFILE_PROFILE_H_
#define KINDRED_PROFILE_PROFILE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/strong_int.h"
#include "clean/clean_event.h"
#include "clean/outliers.h"
#include "learn/forward_decay.h"
#include "profile/apply_context.h"
#include "profile/links.h"
#include "profile/packed_vector.h"
#include "profile/profile_parts.h"

namespace kindred::profile {

// What an event of this type adds to the affinity with its category and brand: purchase 5,
// add_to_cart 3, wishlist 2.5, rating, share and checkout 2, view and click 1, impression 0.1,
// remove_from_cart -1, dislike -3, refund -5, others 0.
double AffinityWeight(event::EventType type);

struct AffinityShare {
  TermId term;
  double weight = 0;  // as of the time asked for
  double share = 0;   // of all of the customer's weights, 0 to 1
};

class Profile {
 public:
  Profile() = default;
  Profile(Profile&&) = default;
  Profile& operator=(Profile&&) = default;
  Profile Clone() const { return *this; }

  // Counts the event. Total: any CleanEvent changes the state to a valid one. Times are taken as at
  // least 1970 and below 2^47 ms. A kDelete event empties the profile. Copies are the caller's to
  // drop.
  void Apply(const clean::CleanEvent& event, const ApplyContext& context);
  // Takes back an event that was applied: counts, sums and affinities lose what it added, and it
  // leaves the recent and the purchased items. What a newest-m set had to give up for it does not
  // come back, nor do first and last seen, places, traits, consents and what is usual. False, and
  // nothing changed, if no event of its type was applied. An event that was the only one leaves an
  // empty profile.
  bool Undo(const clean::CleanEvent& event, const ApplyContext& context);
  // Adds the events and links of `other`, another part of the same id, as if they had arrived after
  // this one's.
  void Merge(const Profile& other, const clean::OutlierRules& outlier_rules = {});
  // Adds the events of `other` alone: of a linked id, whose links are its own.
  void MergeEvents(const Profile& other, const clean::OutlierRules& outlier_rules = {});
  // Takes over what `link` knows more; bounded (links.h). Returns whether anything changed. A link
  // is no event: a profile with links alone is empty().
  bool AddLink(const Link& link);
  bool RemoveLink(absl::string_view other);  // returns whether it was there

  // Ids that are, or are not, the same customer; in order of `other`.
  const std::vector<Link>& links() const;
  // Of a linked profile in a CustomerMap, which sets it: a number that no other content of it has
  // in this process. 0: not known, as of a copy. No part of the state.
  uint64_t version() const { return links_ == nullptr ? 0 : links_->version; }
  void SetVersion(uint64_t version) {
    if (links_ != nullptr) links_->version = version;
  }

  // No event was applied (or all were deleted).
  bool empty() const { return types_.empty(); }
  int64_t first_seen_ms() const { return first_seen_ms_; }
  int64_t last_seen_ms() const { return last_seen_ms_; }
  uint64_t event_count() const;
  uint32_t event_count(event::EventType type) const;
  absl::Span<const TypeCount> type_counts() const { return types_; }  // in order of arrival

  const Purchases& purchases() const;  // without purchases or refunds: all zero
  // Purchase lines of the item among the newest kMaxPurchasedItems; null if it is not there.
  const PurchasedItem* FindPurchased(ItemId item) const;

  uint64_t session_count() const { return uint64_t{folded_sessions_} + sessions_.size(); }
  absl::Span<const Session> sessions() const { return sessions_; }  // the newest 8, oldest first

  // Strongest first, at most `limit`; only weights above 0.
  std::vector<AffinityShare> CategoryAffinities(const learn::ForwardDecay& decay, int64_t as_of_ms,
                                                size_t limit) const;
  std::vector<AffinityShare> BrandAffinities(const learn::ForwardDecay& decay, int64_t as_of_ms,
                                             size_t limit) const;
  absl::Span<const AffinitySum> category_sums() const { return categories_; }
  absl::Span<const AffinitySum> brand_sums() const { return brands_; }

  absl::Span<const RecentItem> recent_items() const { return recent_; }  // oldest first, at most 20
  // Of acts with items older than those. See behaviour.h for counts in windows.
  absl::Span<const DayCount> day_counts() const { return days_; }
  absl::Span<const TermCount> channels() const { return channels_; }        // in order of arrival
  absl::Span<const TermCount> devices() const { return devices_; }          // in order of arrival
  uint64_t HourCount(int hour) const { return CalendarCount(hour); }        // 0 to 23, UTC
  uint64_t WeekdayCount(int day) const { return CalendarCount(24 + day); }  // 0 = Monday, UTC
  // Without a place: all zero.
  const Geography& geography() const;
  // The country that most events named; ties go to the one seen first. 0 if none.
  TermId usual_country() const;
  const Rarities& rarities() const;  // without any: all empty
  const QualityCounts& quality() const { return quality_; }
  // For Cleaner::FlagOutliers(), before Apply().
  const clean::AmountHistory& amount_history() const { return purchases().amounts; }
  const clean::RateHistory& rate_history() const { return rate_; }

  // Starts to load what Apply() will touch, for a batch of events: when this object itself has been
  // loaded, and some hundred nanoseconds before Apply().
  void Prefetch() const;
  // Bytes of memory, the object itself included.
  size_t memory_bytes() const;
  // Appends the record: a version byte, then the state. The same state gives the same bytes.
  void Encode(std::string* out) const;
  // DataLoss when the bytes are not a record. Whatever it returns is valid for all operations, and
  // encodes to the same bytes.
  static absl::StatusOr<Profile> Decode(absl::string_view record);
  friend bool operator==(const Profile& a, const Profile& b);

 private:
  friend class ProfileRecord;
  static constexpr int kCalendar = 24 + 7;  // hours, then weekdays
  using CalendarHigh = std::array<uint32_t, kCalendar>;

  Profile(const Profile& other);

  void AddTime(int64_t time_ms);
  void AddSession(Session added);
  void MergeSessions(const Profile& other);
  void ApplyPurchase(const clean::CleanEvent& event, const ApplyContext& context, int64_t time_ms);
  void ApplyRefund(const clean::CleanEvent& event, const ApplyContext& context);
  void UndoTime(int64_t time_ms);
  void UndoPurchase(const clean::CleanEvent& event, const ApplyContext& context, int64_t time_ms);
  void UndoPurchaseTime(int64_t time_ms);
  void UndoRefund(const clean::CleanEvent& event, const ApplyContext& context);
  void UndoDislike(Dislike undone);
  void ApplyPlace(const ApplyContext& context, int64_t time_ms);
  void ApplyAffinities(event::EventType type, const ApplyContext& context, int64_t time_ms);
  void AddDropped(double category, double brand);
  void ApplyRare(const clean::CleanEvent& event, int64_t time_ms);
  void ApplyQuality(const clean::CleanEvent& event, int64_t time_ms);
  void MergeRarities(const Rarities& other);
  void AddCalendar(int slot, uint64_t count);
  uint64_t CalendarCount(int slot) const {
    return calendar_[slot] +
           (calendar_high_ == nullptr ? 0 : uint64_t{(*calendar_high_)[slot]} << 8);
  }
  Purchases& MutablePurchases();
  Geography& MutableGeography();
  Rarities& MutableRarities();

  int64_t first_seen_ms_ = 0;
  int64_t last_seen_ms_ = 0;
  PackedVector<TypeCount> types_;
  PackedVector<Session> sessions_;
  PackedVector<TermCount> channels_;
  PackedVector<TermCount> devices_;
  PackedVector<AffinitySum> categories_;
  PackedVector<AffinitySum> brands_;
  PackedVector<RecentItem> recent_;
  PackedVector<DayCount> days_;
  std::unique_ptr<Purchases> purchases_;
  std::unique_ptr<Geography> geography_;
  std::unique_ptr<Rarities> rarities_;
  std::unique_ptr<CalendarHigh> calendar_high_;  // counts above 255, in units of 256
  std::unique_ptr<LinkSet> links_;               // null when there are none
  int64_t folded_sessions_until_ms_ = 0;  // end of the newest folded one; what is before joins it
  uint32_t folded_sessions_ = 0;
  QualityCounts quality_;
  clean::RateHistory rate_;
  std::array<uint8_t, kCalendar> calendar_{};  // counts modulo 256
};

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_PROFILE_H_
