#include "profile/profile.h"

#include <algorithm>
#include <string>
#include <utility>

#include "profile/bounded_sets.h"

namespace kindred::profile {
namespace {

using event::EventType;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kMaxTimeMs = (int64_t{1} << 47) - 1;

constexpr std::array<double, event::kEventTypes> kAffinityWeights = [] {
  std::array<double, event::kEventTypes> weights{};
  const auto set = [&weights](EventType type, double weight) {
    weights[static_cast<size_t>(type)] = weight;
  };
  set(EventType::kView, 1);
  set(EventType::kClick, 1);
  set(EventType::kAddToCart, 3);
  set(EventType::kRemoveFromCart, -1);
  set(EventType::kWishlist, 2.5);
  set(EventType::kPurchase, 5);
  set(EventType::kRefund, -5);
  set(EventType::kDislike, -3);
  set(EventType::kRating, 2);
  set(EventType::kShare, 2);
  set(EventType::kCheckout, 2);
  set(EventType::kImpression, 0.1);
  return weights;
}();

// To be shown an item is not something the customer did.
bool IsItemAct(EventType type) {
  return type != EventType::kImpression && type != EventType::kPromotion;
}

// Of equal ones the first. Sums are few, and most are met in their order or are too weak.
std::vector<AffinityShare> Strongest(absl::Span<const AffinitySum> sums, double dropped,
                                     const learn::ForwardDecay& decay, int64_t as_of_ms,
                                     size_t limit) {
  std::vector<AffinityShare> shares;
  shares.reserve(std::min(sums.size(), limit));
  double total = std::max(0.0, dropped);
  for (const AffinitySum& entry : sums) {
    const double sum = entry.sum();
    if (sum <= 0) continue;
    total += sum;
    size_t place = shares.size();
    while (place > 0 && shares[place - 1].share < sum) --place;
    if (place == limit) continue;
    if (shares.size() < limit) shares.emplace_back();
    for (size_t i = shares.size() - 1; i > place; --i) shares[i] = shares[i - 1];
    shares[place] = {.term = entry.term, .weight = 0, .share = sum};
  }
  for (AffinityShare& entry : shares) {
    entry.weight = decay.ValueAt(entry.share, as_of_ms);
    entry.share /= total;
  }
  return shares;
}

size_t HeapBytes(const std::string& text) {
  return text.capacity() > std::string().capacity() ? text.capacity() + 1 : 0;
}

template <typename T>
std::unique_ptr<T> Copy(const std::unique_ptr<T>& from) {
  return from == nullptr ? nullptr : std::make_unique<T>(*from);
}

template <typename T>
bool Same(const std::unique_ptr<T>& a, const std::unique_ptr<T>& b) {
  return a == nullptr || b == nullptr ? a == b : *a == *b;
}

}  // namespace

double AffinityWeight(EventType type) {
  const size_t index = static_cast<size_t>(type);
  return index < kAffinityWeights.size() ? kAffinityWeights[index] : 0;
}

absl::string_view IdentityKindName(IdentityKind kind) {
  switch (kind) {
    case IdentityKind::kUserId:
      return "user_id";
    case IdentityKind::kAnonymousId:
      return "anonymous_id";
    case IdentityKind::kPreviousId:
      return "previous_id";
    case IdentityKind::kGroupId:
      return "group_id";
  }
  return "";
}

Profile::Profile(const Profile& other)
    : first_seen_ms_(other.first_seen_ms_),
      last_seen_ms_(other.last_seen_ms_),
      types_(other.types_),
      sessions_(other.sessions_),
      channels_(other.channels_),
      devices_(other.devices_),
      categories_(other.categories_),
      brands_(other.brands_),
      recent_(other.recent_),
      days_(other.days_),
      purchases_(Copy(other.purchases_)),
      geography_(Copy(other.geography_)),
      rarities_(Copy(other.rarities_)),
      calendar_high_(Copy(other.calendar_high_)),
      links_(other.links_ == nullptr ? nullptr : new LinkSet{other.links_->links}),
      folded_sessions_until_ms_(other.folded_sessions_until_ms_),
      folded_sessions_(other.folded_sessions_),
      quality_(other.quality_),
      rate_(other.rate_),
      calendar_(other.calendar_) {}

bool operator==(const Profile& a, const Profile& b) {
  return a.first_seen_ms_ == b.first_seen_ms_ && a.last_seen_ms_ == b.last_seen_ms_ &&
         a.types_ == b.types_ && a.sessions_ == b.sessions_ && a.channels_ == b.channels_ &&
         a.devices_ == b.devices_ && a.categories_ == b.categories_ && a.brands_ == b.brands_ &&
         a.recent_ == b.recent_ && a.days_ == b.days_ && Same(a.purchases_, b.purchases_) &&
         Same(a.geography_, b.geography_) && Same(a.rarities_, b.rarities_) &&
         Same(a.calendar_high_, b.calendar_high_) && a.links() == b.links() &&
         a.folded_sessions_until_ms_ == b.folded_sessions_until_ms_ &&
         a.folded_sessions_ == b.folded_sessions_ && a.quality_ == b.quality_ &&
         a.rate_ == b.rate_ && a.calendar_ == b.calendar_;
}

// The first lines of each: few customers have more.
void Profile::Prefetch() const {
  types_.Prefetch(4);
  sessions_.Prefetch(4);
  channels_.Prefetch(1);
  devices_.Prefetch(1);
  categories_.Prefetch(8);
  brands_.Prefetch(8);
  recent_.Prefetch(10);
  days_.Prefetch(8);
  if (geography_ != nullptr) __builtin_prefetch(geography_.get());
  if (purchases_ != nullptr) __builtin_prefetch(purchases_.get());
}

void Profile::Apply(const clean::CleanEvent& event, const ApplyContext& context) {
  if (event.type == EventType::kDelete) {
    *this = Profile();
    return;
  }
  const int64_t time_ms = std::clamp<int64_t>(event.event_time_ms, 1, kMaxTimeMs);
  ApplyQuality(event, time_ms);
  AddTime(time_ms);
  rate_.Update(time_ms, *context.outlier_rules);
  AddType(types_, event.type, 1);
  if (context.channel.value() != 0) AddTerm(channels_, context.channel, 1);
  if (context.device.value() != 0) AddTerm(devices_, context.device, 1);
  ApplyPlace(context, time_ms);
  ApplyAffinities(event.type, context, time_ms);
  if (context.item.value() != 0 && IsItemAct(event.type)) {
    AddRecent(recent_, days_, {time_ms, context.item, event.type, context.category, context.brand});
  }
  if (event.type == EventType::kPurchase) ApplyPurchase(event, context, time_ms);
  if (event.type == EventType::kRefund) ApplyRefund(event, context);
  if (event.type == EventType::kDislike && context.item.value() != 0) {
    AddDislike(MutableRarities().dislikes, {time_ms, context.item});
  }
  ApplyRare(event, time_ms);
}

void Profile::ApplyQuality(const clean::CleanEvent& event, int64_t time_ms) {
  if (event.corrections != 0) quality_.corrected = AddCounts(quality_.corrected, 1);
  if (event.Has(clean::Flag::kOutlierPrice) || event.Has(clean::Flag::kOutlierAmount) ||
      event.Has(clean::Flag::kOutlierRate)) {
    quality_.outliers = AddCounts(quality_.outliers, 1);
  }
  if (event.Has(clean::Flag::kLate) || time_ms + kDayMs < last_seen_ms_) {
    quality_.late = AddCounts(quality_.late, 1);
  }
  if (event.Has(clean::Flag::kOutlierRate)) quality_.suspected_bot = true;
}

void Profile::AddTime(int64_t time_ms) {
  first_seen_ms_ = first_seen_ms_ == 0 ? time_ms : std::min(first_seen_ms_, time_ms);
  last_seen_ms_ = std::max(last_seen_ms_, time_ms);
  const uint32_t hour = static_cast<uint32_t>(time_ms / kHourMs);
  const uint32_t day = hour / 24;
  AddCalendar(static_cast<int>(hour % 24), 1);
  AddCalendar(24 + static_cast<int>((day + 3) % 7), 1);  // 1970-01-01 was a Thursday
  const bool folded = folded_sessions_ > 0 && time_ms <= folded_sessions_until_ms_ + kSessionGapMs;
  if (folded && (sessions_.empty() || time_ms + kSessionGapMs < sessions_.front().start_ms)) return;
  // Mostly the event is of the newest session, which ends with it.
  const size_t count = sessions_.size();
  if (count > 0 && sessions_.back().start_ms <= time_ms &&
      time_ms <= sessions_.back().end_ms + kSessionGapMs &&
      (count == 1 || sessions_[count - 2].end_ms + kSessionGapMs < time_ms)) {
    Session& newest = sessions_.back();
    newest.end_ms = std::max(newest.end_ms, time_ms);
    newest.events = AddCounts(newest.events, 1);
    return;
  }
  AddSession({time_ms, time_ms, 1});
}

void Profile::AddCalendar(int slot, uint64_t count) {
  const uint64_t sum = calendar_[slot] + count;
  calendar_[slot] = static_cast<uint8_t>(sum);
  if (sum < 256) return;
  if (calendar_high_ == nullptr) calendar_high_ = std::make_unique<CalendarHigh>();
  uint32_t& high = (*calendar_high_)[slot];
  high = static_cast<uint32_t>(std::min<uint64_t>(UINT32_MAX, high + (sum >> 8)));
}

void Profile::AddSession(Session added) {
  size_t first = sessions_.size();
  while (first > 0 && sessions_[first - 1].end_ms + kSessionGapMs >= added.start_ms) --first;
  size_t end = first;
  while (end < sessions_.size() && sessions_[end].start_ms <= added.end_ms + kSessionGapMs) {
    added.start_ms = std::min(added.start_ms, sessions_[end].start_ms);
    added.end_ms = std::max(added.end_ms, sessions_[end].end_ms);
    added.events = AddCounts(added.events, sessions_[end].events);
    ++end;
  }
  if (end == first) {
    sessions_.insert(first, added);
  } else {
    sessions_[first] = added;
    while (end > first + 1) sessions_.erase(--end);
  }
  while (sessions_.size() > kMaxSessions) {
    folded_sessions_ = AddCounts(folded_sessions_, 1);
    folded_sessions_until_ms_ = std::max(folded_sessions_until_ms_, sessions_.front().end_ms);
    sessions_.erase(0);
  }
}

void Profile::ApplyPlace(const ApplyContext& context, int64_t time_ms) {
  if ((context.country.value() | context.region.value() | context.city.value()) == 0) return;
  Geography& geography = MutableGeography();
  if (time_ms >= geography.last_ms) {
    geography.last_ms = time_ms;
    geography.country = context.country;
    geography.region = context.region;
    geography.city = context.city;
  }
  if (context.country.value() != 0) {
    AddCountry(geography.countries, {context.country, 1, time_ms});
  }
}

void Profile::ApplyAffinities(EventType type, const ApplyContext& context, int64_t time_ms) {
  const double weight = AffinityWeight(type);
  if (weight == 0 || (context.category.value() | context.brand.value()) == 0) return;
  const double amount = weight * context.affinity_decay->Weight(time_ms);
  double dropped_category = 0;
  double dropped_brand = 0;
  if (context.category.value() != 0) {
    AddAffinity(categories_, context.category, amount, &dropped_category);
  }
  if (context.brand.value() != 0) AddAffinity(brands_, context.brand, amount, &dropped_brand);
  AddDropped(dropped_category, dropped_brand);
}

void Profile::AddDropped(double category, double brand) {
  if (category == 0 && brand == 0) return;
  Rarities& rarities = MutableRarities();
  rarities.dropped_category_sum = AddSums(rarities.dropped_category_sum, category);
  rarities.dropped_brand_sum = AddSums(rarities.dropped_brand_sum, brand);
}

void Profile::ApplyPurchase(const clean::CleanEvent& event, const ApplyContext& context,
                            int64_t time_ms) {
  Purchases& purchases = MutablePurchases();
  purchases.lines = AddCounts(purchases.lines, 1);
  purchases.quantity_micros = AddMicros(purchases.quantity_micros, ToMicros(event.quantity));
  purchases.first_ms = purchases.first_ms == 0 ? time_ms : std::min(purchases.first_ms, time_ms);
  AddPurchaseTime(purchases, time_ms);
  if (context.item.value() != 0) AddPurchasedItem(purchases.items, {time_ms, context.item, 1});
  if (!event.has_amount) return;
  purchases.amounts.Update(event.amount);
  const int64_t micros = ToMicros(event.amount);
  if (context.currency.value() != 0 && context.currency != context.default_currency) {
    AddCurrency(MutableRarities().other_currencies, {context.currency, micros, 0});
    return;
  }
  purchases.total_micros = AddMicros(purchases.total_micros, micros);
  AddLastAmount(purchases.last_amounts, {time_ms, micros});
}

void Profile::ApplyRefund(const clean::CleanEvent& event, const ApplyContext& context) {
  Purchases& purchases = MutablePurchases();
  purchases.refund_lines = AddCounts(purchases.refund_lines, 1);
  if (!event.has_amount) return;
  const int64_t micros = ToMicros(event.amount);
  if (context.currency.value() != 0 && context.currency != context.default_currency) {
    AddCurrency(MutableRarities().other_currencies, {context.currency, 0, micros});
    return;
  }
  purchases.refunded_micros = AddMicros(purchases.refunded_micros, micros);
}

void Profile::ApplyRare(const clean::CleanEvent& event, int64_t time_ms) {
  if (event.type == EventType::kRating && event.has_rating) {
    Rarities& rarities = MutableRarities();
    rarities.ratings = AddCounts(rarities.ratings, 1);
    rarities.rating_sum_micros = AddMicros(rarities.rating_sum_micros, ToMicros(event.rating));
  }
  if (event.type == EventType::kGroup && !event.group_id.empty()) {
    AddIdentity(MutableRarities().identities,
                {IdentityKind::kGroupId, std::string(event.group_id), time_ms});
  }
  if (!event.traits->empty()) {
    for (const event::JsonField& field : *event.traits) {
      AddTrait(MutableRarities().traits,
               {std::string(field.name), std::string(field.json), time_ms});
    }
  }
  if (!event.consents->empty()) {
    for (const event::ConsentChange& change : *event.consents) {
      AddConsent(MutableRarities().consents,
                 {std::string(change.purpose), change.granted, time_ms});
    }
  }
}

uint64_t Profile::event_count() const {
  uint64_t count = 0;
  for (const TypeCount& entry : types_) count += entry.count;
  return count;
}

uint32_t Profile::event_count(EventType type) const {
  for (const TypeCount& entry : types_) {
    if (entry.type == type) return entry.count;
  }
  return 0;
}

const Purchases& Profile::purchases() const {
  static const Purchases* const none = new Purchases;
  return purchases_ == nullptr ? *none : *purchases_;
}

const Geography& Profile::geography() const {
  static const Geography* const none = new Geography;
  return geography_ == nullptr ? *none : *geography_;
}

const Rarities& Profile::rarities() const {
  static const Rarities* const none = new Rarities;
  return rarities_ == nullptr ? *none : *rarities_;
}

Purchases& Profile::MutablePurchases() {
  if (purchases_ == nullptr) purchases_ = std::make_unique<Purchases>();
  return *purchases_;
}

Geography& Profile::MutableGeography() {
  if (geography_ == nullptr) geography_ = std::make_unique<Geography>();
  return *geography_;
}

Rarities& Profile::MutableRarities() {
  if (rarities_ == nullptr) rarities_ = std::make_unique<Rarities>();
  return *rarities_;
}

const PurchasedItem* Profile::FindPurchased(ItemId item) const {
  for (const PurchasedItem& entry : purchases().items) {
    if (entry.item == item) return &entry;
  }
  return nullptr;
}

const std::vector<Link>& Profile::links() const {
  static const auto* const none = new std::vector<Link>;
  return links_ == nullptr ? *none : links_->links;
}

bool Profile::AddLink(const Link& link) {
  if (links_ == nullptr) links_ = std::make_unique<LinkSet>();
  return profile::AddLink(links_->links, link);
}

bool Profile::RemoveLink(absl::string_view other) {
  if (links_ == nullptr) return false;
  const bool found =
      std::erase_if(links_->links, [other](const Link& link) { return link.other == other; }) > 0;
  if (links_->links.empty()) links_ = nullptr;
  return found;
}

TermId Profile::usual_country() const {
  const CountryCount* usual = nullptr;
  for (const CountryCount& entry : geography().countries) {
    if (entry.term.value() == 0) continue;
    if (usual == nullptr || entry.count > usual->count ||
        (entry.count == usual->count && entry.first_ms < usual->first_ms)) {
      usual = &entry;
    }
  }
  return usual == nullptr ? TermId() : usual->term;
}

std::vector<AffinityShare> Profile::CategoryAffinities(const learn::ForwardDecay& decay,
                                                       int64_t as_of_ms, size_t limit) const {
  return Strongest(categories_, rarities().dropped_category_sum, decay, as_of_ms, limit);
}

std::vector<AffinityShare> Profile::BrandAffinities(const learn::ForwardDecay& decay,
                                                    int64_t as_of_ms, size_t limit) const {
  return Strongest(brands_, rarities().dropped_brand_sum, decay, as_of_ms, limit);
}

size_t Profile::memory_bytes() const {
  size_t bytes = sizeof(Profile) + types_.memory_bytes() + sessions_.memory_bytes() +
                 channels_.memory_bytes() + devices_.memory_bytes() + categories_.memory_bytes() +
                 brands_.memory_bytes() + recent_.memory_bytes() + days_.memory_bytes();
  if (calendar_high_ != nullptr) bytes += sizeof(CalendarHigh);
  if (purchases_ != nullptr) {
    bytes += sizeof(Purchases) + purchases_->times.memory_bytes() +
             purchases_->last_amounts.memory_bytes() + purchases_->items.memory_bytes();
  }
  if (geography_ != nullptr) bytes += sizeof(Geography) + geography_->countries.memory_bytes();
  if (links_ != nullptr) {
    bytes += sizeof(*links_) + links_->links.capacity() * sizeof(Link);
    for (const Link& link : links_->links) {
      bytes += HeapBytes(link.other) + HeapBytes(link.first_event) + HeapBytes(link.unlinked_event);
    }
  }
  if (rarities_ == nullptr) return bytes;
  const Rarities& rare = *rarities_;
  bytes += sizeof(Rarities) + rare.traits.capacity() * sizeof(Trait) +
           rare.identities.capacity() * sizeof(Identity) +
           rare.consents.capacity() * sizeof(Consent) + rare.dislikes.capacity() * sizeof(Dislike) +
           rare.other_currencies.capacity() * sizeof(CurrencyTotals);
  for (const Trait& trait : rare.traits) bytes += HeapBytes(trait.name) + HeapBytes(trait.json);
  for (const Identity& identity : rare.identities) bytes += HeapBytes(identity.value);
  for (const Consent& consent : rare.consents) bytes += HeapBytes(consent.purpose);
  return bytes;
}

}  // namespace kindred::profile
