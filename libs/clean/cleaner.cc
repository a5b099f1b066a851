#include "clean/cleaner.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <type_traits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/hash.h"
#include "clean/text.h"

namespace kindred::clean {
namespace {

using event::EventType;

constexpr double kMinQuantity = 1e-6;
// As milliseconds these are 1970-01-12 and the year 33658: no event's time. As seconds and as
// microseconds they are 2001-09-09.
constexpr int64_t kMinSeconds = 1000000000;
constexpr int64_t kMinMicros = 1000000000000000;
constexpr size_t kMaxDetailValueBytes = 48;
constexpr size_t kMaxConsents = 64;

bool IsSale(EventType type) { return type == EventType::kPurchase || type == EventType::kRefund; }

bool NeedsItem(EventType type) {
  switch (type) {
    case EventType::kView:
    case EventType::kClick:
    case EventType::kAddToCart:
    case EventType::kRemoveFromCart:
    case EventType::kWishlist:
    case EventType::kPurchase:
    case EventType::kRefund:
    case EventType::kRating:
    case EventType::kDislike:
      return true;
    default:
      return false;
  }
}

// Price and amount are usually each rounded to hundredths.
bool Agree(double amount, double quantity, double price) {
  const double expected = quantity * price;
  return std::abs(amount - expected) <= 0.005 * (quantity + 1) + 1e-9 * expected;
}

uint64_t Mix(absl::string_view text, uint64_t seed) { return base::Fingerprint64(text, seed); }

template <typename T>
uint64_t MixNumber(T number, uint64_t seed) {
  return Mix(absl::string_view(reinterpret_cast<const char*>(&number), sizeof(number)), seed);
}

bool IsVisible(char c) { return c > ' ' && c <= '~'; }
bool IsCapital(char c) { return c >= 'A' && c <= 'Z'; }

std::string Shown(double number) { return absl::StrCat(number); }

}  // namespace

Cleaner::Cleaner(const CleanRules& rules) : rules_(rules) {
  KINDRED_CHECK(CapitalLetters3(rules_.default_currency) == rules_.default_currency)
      << "default currency " << rules_.default_currency;
}

Outcome Cleaner::Clean(const event::Event& in, int64_t arrival_ms) {
  // In place: an assignment would make one elsewhere and copy it.
  static_assert(std::is_trivially_destructible_v<CleanEvent>);
  new (&event_) CleanEvent;
  event_.type = in.type;
  event_.arrival_ms = std::clamp<int64_t>(arrival_ms, 0, rules_.latest_event_ms);
  if (!CleanIds(in) || !CleanTime(in) || !CleanMoney(in) || !CleanRequired(in)) {
    SetRejectionFingerprint(in);
    return {nullptr, &rejection_};
  }
  CleanText(in);
  CleanFields(in);
  SetFingerprint(in);
  return {&event_, nullptr};
}

bool Cleaner::CleanIds(const event::Event& in) {
  if (!RequiredId(in.event_id, "event_id", rules_.max_event_id_bytes, &event_.event_id) ||
      !RequiredId(in.user_id, "user_id", rules_.max_id_bytes, &event_.user_id) ||
      !RequiredId(in.anonymous_id, "anonymous_id", rules_.max_id_bytes, &event_.anonymous_id)) {
    return false;
  }
  event_.customer_id = event_.user_id.empty() ? event_.anonymous_id : event_.user_id;
  if (event_.customer_id.empty()) {
    return Reject(RejectReason::kMissingCustomer, "user_id", "", "user_id or anonymous_id");
  }
  event_.custom_type = in.type == EventType::kCustom ? Trim(in.custom_type) : absl::string_view();
  if (in.type == EventType::kUnspecified || static_cast<int>(in.type) >= event::kEventTypes ||
      (in.type == EventType::kCustom && event_.custom_type.empty())) {
    return Reject(RejectReason::kMissingType, "type", "", "a type of event");
  }
  if (!RequiredId(in.item_id, "item_id", rules_.max_id_bytes, &event_.item_id)) return false;
  if (event_.item_id.empty() && NeedsItem(in.type)) {
    return Reject(RejectReason::kMissingItem, "item_id", "",
                  absl::StrCat("an item for type ", event::EventTypeName(in.type)));
  }
  OptionalId(in.order_id, &event_.order_id);
  OptionalId(in.session_id, &event_.session_id);
  const size_t rare =
      in.group_id.size() | in.device_id.size() | in.email_sha256.size() | in.external_id.size();
  if (rare != 0) {
    OptionalId(in.group_id, &event_.group_id);
    OptionalId(in.device_id, &event_.device_id);
    OptionalId(in.email_sha256, &event_.email_sha256);
    OptionalId(in.external_id, &event_.external_id);
  }
  return true;
}

bool Cleaner::CleanTime(const event::Event& in) {
  const bool arrival_known = event_.arrival_ms >= rules_.earliest_event_ms;
  const int64_t latest =
      arrival_known ? std::min(event_.arrival_ms + rules_.future_skew_ms, rules_.latest_event_ms)
                    : rules_.latest_event_ms;
  int64_t earliest = rules_.earliest_event_ms;
  if (rules_.horizon_ms > 0 && arrival_known) {
    earliest = std::max(earliest, event_.arrival_ms - rules_.horizon_ms);
  }
  int64_t time_ms = in.event_time_ms.value_or(event_.arrival_ms);
  if (!in.event_time_ms.has_value()) {
    Correct(Correction::kMissingTime);
  } else if (time_ms >= kMinSeconds && time_ms <= latest / 1000) {
    time_ms *= 1000;
    Correct(Correction::kSecondsToMillis);
  } else if (time_ms >= kMinMicros && time_ms / 1000 <= latest) {
    time_ms /= 1000;
    Correct(Correction::kMicrosToMillis);
  }
  if (time_ms > latest) {
    return Reject(RejectReason::kTimeInFuture, "event_time", absl::StrCat(time_ms),
                  absl::StrCat("at most ", latest, " ms since 1970"));
  }
  if (time_ms < earliest) {
    return Reject(RejectReason::kTimeTooOld, "event_time", absl::StrCat(time_ms),
                  absl::StrCat("at least ", earliest, " ms since 1970"));
  }
  event_.event_time_ms = time_ms;
  if (arrival_known && event_.arrival_ms - time_ms >= rules_.late_after_ms) {
    event_.flags |= static_cast<uint32_t>(Flag::kLate);
  }
  return true;
}

bool Cleaner::CleanMoney(const event::Event& in) {
  return CleanCurrency(in.currency) && CleanQuantity(in) && CleanPriceAndAmount(in);
}

bool Cleaner::CleanCurrency(absl::string_view in) {
  const absl::string_view usual = rules_.default_currency;
  event_.currency = usual;
  if (in.empty() || (in.size() == 3 && usual.size() == 3 && in[0] == usual[0] &&
                     in[1] == usual[1] && in[2] == usual[2])) {
    return true;
  }
  const absl::string_view trimmed = Trim(in);
  if (trimmed.empty()) return true;
  const absl::string_view code = CapitalLetters3(trimmed);
  if (!code.empty()) {
    if (code != trimmed) Correct(Correction::kUppercasedCurrency);
    event_.currency = code;
    return true;
  }
  if (IsSale(event_.type)) {
    return Reject(RejectReason::kInvalidCurrency, "currency", trimmed, "three letters (ISO 4217)");
  }
  Correct(Correction::kDroppedField);
  return true;
}

bool Cleaner::CleanQuantity(const event::Event& in) {
  const bool sale = IsSale(event_.type);
  if (!in.quantity.has_value()) {
    if (!sale) return true;
    Correct(Correction::kDefaultedQuantity);
    const double price = in.price.value_or(0);
    const double amount = std::abs(in.amount.value_or(0));
    if (!(price > 0) || !(amount > 0)) return true;
    const double ratio = amount / price;
    const double units = std::max(1.0, std::round(ratio));
    event_.quantity = Agree(amount, units, price) ? units : ratio;
    if (event_.quantity >= kMinQuantity && event_.quantity <= rules_.max_quantity) return true;
    return Reject(RejectReason::kInvalidAmount, "amount", Shown(amount), "quantity × price");
  }
  double quantity = *in.quantity;
  // Also refuses NaN.
  if (!(std::abs(quantity) <= rules_.max_quantity) || (sale && std::abs(quantity) < kMinQuantity)) {
    return Reject(RejectReason::kInvalidQuantity, "quantity", Shown(quantity),
                  absl::StrCat(kMinQuantity, " to ", rules_.max_quantity));
  }
  if (quantity < 0 && event_.type == EventType::kPurchase) {
    event_.type = EventType::kRefund;
    Correct(Correction::kNegativeToRefund);
    quantity = -quantity;
  } else if (quantity < 0 && (sale || event_.type == EventType::kRemoveFromCart)) {
    Correct(Correction::kMadePositive);
    quantity = -quantity;
  }
  if (quantity < kMinQuantity) {
    Correct(Correction::kDroppedField);
    quantity = 1;
  }
  event_.quantity = quantity;
  return true;
}

bool Cleaner::CleanPriceAndAmount(const event::Event& in) {
  const bool sale = IsSale(event_.type);
  if (in.price.has_value()) {
    const double price = *in.price;
    if (!(price >= 0 && price <= rules_.max_price)) {
      return Reject(RejectReason::kInvalidPrice, "price", Shown(price),
                    absl::StrCat("0 to ", rules_.max_price));
    }
    if (price == 0 && sale) {
      return Reject(RejectReason::kZeroPrice, "price", Shown(price), "above 0");
    }
    event_.has_price = price > 0;
    event_.price = price;
    if (price == 0) Correct(Correction::kDroppedField);
  }
  if (in.amount.has_value()) {
    double amount = *in.amount;
    if (!(std::abs(amount) <= rules_.max_amount) ||
        (amount < 0 && event_.type == EventType::kPurchase)) {
      return Reject(RejectReason::kInvalidAmount, "amount", Shown(amount),
                    absl::StrCat("0 to ", rules_.max_amount));
    }
    if (amount < 0 && event_.type == EventType::kRefund) {
      if (!event_.Has(Correction::kNegativeToRefund)) Correct(Correction::kMadePositive);
      amount = -amount;
    }
    if (amount <= 0 && !sale) {
      Correct(Correction::kDroppedField);
      return true;
    }
    event_.amount = amount;
    event_.has_amount = true;
    if (!event_.has_price) {
      event_.price = amount / event_.quantity;
      event_.has_price = event_.price > 0;
      if (event_.price > rules_.max_price) {
        return Reject(RejectReason::kInvalidAmount, "amount", Shown(amount), "a credible price");
      }
    } else if (!Agree(amount, event_.quantity, event_.price)) {
      event_.amount = event_.quantity * event_.price;
      Correct(Correction::kAmountFromPrice);
    }
  } else if (sale && event_.has_price) {
    event_.amount = event_.quantity * event_.price;
    event_.has_amount = true;
  }
  if (event_.has_amount && !(event_.amount > 0 && event_.amount <= rules_.max_amount)) {
    return Reject(event_.amount > 0 ? RejectReason::kInvalidAmount : RejectReason::kZeroPrice,
                  "amount", Shown(event_.amount), absl::StrCat("above 0 to ", rules_.max_amount));
  }
  return true;
}

bool Cleaner::CleanRequired(const event::Event& in) {
  if (in.rating.has_value()) {
    const bool valid = std::abs(*in.rating) <= rules_.max_rating;
    if (!valid && event_.type == EventType::kRating) {
      return Reject(RejectReason::kInvalidRating, "rating", Shown(*in.rating),
                    absl::StrCat("at most ", rules_.max_rating));
    }
    if (!valid) Correct(Correction::kDroppedField);
    event_.has_rating = valid;
    event_.rating = valid ? *in.rating : 0;
  } else if (event_.type == EventType::kRating) {
    return Reject(RejectReason::kMissingRating, "rating", "", "a number");
  }
  if (!RequiredId(in.previous_id, "previous_id", rules_.max_id_bytes, &event_.previous_id)) {
    return false;
  }
  if (event_.previous_id.empty() &&
      (event_.type == EventType::kAlias || event_.type == EventType::kLink ||
       event_.type == EventType::kUnlink)) {
    return Reject(RejectReason::kMissingPreviousId, "previous_id", "", "an id");
  }
  const auto usable = [this](const event::ConsentChange& change) {
    return !change.purpose.empty() && change.purpose.size() <= rules_.max_label_bytes &&
           !HasControl(change.purpose);
  };
  event_.consents = &in.consents;
  if (!in.consents.empty() && (in.consents.size() > kMaxConsents ||
                               !std::all_of(in.consents.begin(), in.consents.end(), usable))) {
    kept_consents_.clear();
    for (const event::ConsentChange& change : in.consents) {
      if (usable(change) && kept_consents_.size() < kMaxConsents) kept_consents_.push_back(change);
    }
    event_.consents = &kept_consents_;
    Correct(Correction::kDroppedField);
  }
  if (event_.consents->empty() && event_.type == EventType::kConsent) {
    return Reject(RejectReason::kMissingConsent, "consent", "", "a purpose, granted or denied");
  }
  return true;
}

void Cleaner::CleanText(const event::Event& in) {
  Text(event_.custom_type, rules_.max_name_bytes, &event_.custom_type);
  Text(in.category, rules_.max_name_bytes, &event_.category);
  Text(in.brand, rules_.max_name_bytes, &event_.brand);
  Text(in.channel, rules_.max_label_bytes, &event_.channel);
  Text(in.device, rules_.max_label_bytes, &event_.device);
  Text(in.country, rules_.max_label_bytes, &event_.country);
  const size_t rare = in.title.size() | in.query.size() | in.region.size() | in.city.size();
  if (rare != 0) {
    Text(in.title, rules_.max_title_bytes, &event_.title);
    Text(in.query, rules_.max_title_bytes, &event_.query);
    Text(in.region, rules_.max_name_bytes, &event_.region);
    Text(in.city, rules_.max_name_bytes, &event_.city);
  }
  const absl::string_view country = event_.country;
  if (country.size() == 2 && !(IsCapital(country[0]) && IsCapital(country[1]))) {
    const absl::string_view code = CapitalLetters2(country);
    if (!code.empty()) {
      event_.country = code;
      Correct(Correction::kNormalizedCountry);
    }
  }
}

void Cleaner::CleanFields(const event::Event& in) {
  event_.traits = in.traits.empty() ? &in.traits : Fields(in.traits, &kept_traits_);
  event_.properties =
      in.properties.empty() ? &in.properties : Fields(in.properties, &kept_properties_);
}

const std::vector<event::JsonField>* Cleaner::Fields(const std::vector<event::JsonField>& in,
                                                     std::vector<event::JsonField>* kept) {
  const auto usable = [this](const event::JsonField& field) {
    return !field.name.empty() && field.name.size() <= rules_.max_field_name_bytes &&
           field.json.size() <= rules_.max_field_json_bytes;
  };
  if (in.size() <= rules_.max_fields && std::all_of(in.begin(), in.end(), usable)) return &in;
  kept->clear();
  for (const event::JsonField& field : in) {
    if (usable(field) && kept->size() < rules_.max_fields) kept->push_back(field);
  }
  Correct(Correction::kDroppedField);
  return kept;
}

void Cleaner::SetFingerprint(const event::Event& in) {
  if (!event_.event_id.empty()) {
    // The lines of one order share its id.
    event_.fingerprint = base::Fingerprint64(event_.event_id, in.line);
    return;
  }
  Correct(Correction::kDerivedEventId);
  uint64_t seed = Mix(event_.customer_id, static_cast<uint64_t>(event_.type));
  seed = MixNumber(event_.event_time_ms, seed);
  for (const absl::string_view text : {event_.custom_type, event_.item_id, event_.order_id,
                                       event_.query, event_.session_id, event_.previous_id}) {
    seed = Mix(text, seed);
  }
  for (const double number : {event_.quantity, event_.amount, event_.price, event_.rating}) {
    seed = MixNumber(number, seed);
  }
  for (const auto* fields : {event_.traits, event_.properties}) {
    for (const event::JsonField& field : *fields) seed = Mix(field.json, Mix(field.name, seed));
  }
  for (const event::ConsentChange& change : *event_.consents) {
    seed = MixNumber(change.granted, Mix(change.purpose, seed));
  }
  event_.fingerprint = MixNumber(in.line, seed);
}

void Cleaner::SetRejectionFingerprint(const event::Event& in) {
  const absl::string_view id = Trim(in.event_id);
  const uint64_t reason = static_cast<uint64_t>(rejection_.reason) + 1;
  // Above the lines of an order, so that it is never the fingerprint of an accepted event.
  rejection_.fingerprint = id.empty() ? 0 : base::Fingerprint64(id, reason << 32 | in.line);
}

void Cleaner::Fill(const ItemFacts& facts, CleanEvent* event) {
  if (event->category.empty()) event->category = facts.category;
  if (event->brand.empty()) event->brand = facts.brand;
  if (event->title.empty()) event->title = facts.title;
  const bool same_currency = facts.currency.empty() || facts.currency == event->currency;
  if (!IsSale(event->type) || event->has_price || !facts.has_price || !same_currency ||
      !(facts.price > 0) || !std::isfinite(facts.price * event->quantity)) {
    return;
  }
  event->has_price = true;
  event->price = facts.price;
  event->has_amount = true;
  event->amount = facts.price * event->quantity;
}

bool Cleaner::FlagOutliers(const AmountHistory& amounts, const RateHistory& rate, PriceBook* book,
                           CleanEvent* event) {
  const OutlierRules& rules = rules_.outliers;
  absl::string_view kind;
  const auto flag = [&](Flag found) {
    event->flags |= static_cast<uint32_t>(found);
    kind = FlagName(found);
  };
  if (rate.IsOutlier(event->event_time_ms, rules)) flag(Flag::kOutlierRate);
  if (event->type == EventType::kPurchase) {
    if (event->has_amount && amounts.IsOutlier(event->amount, rules)) flag(Flag::kOutlierAmount);
    if (event->has_price && book->Observe(event->item_id, event->currency, event->price, rules)) {
      flag(Flag::kOutlierPrice);
    }
  } else if (event->type == EventType::kRefund && event->has_price &&
             book->IsOutlier(event->item_id, event->currency, event->price, rules)) {
    flag(Flag::kOutlierPrice);
  }
  if (kind.empty() || rules_.outlier_action == OutlierAction::kFlag) return true;
  return Reject(RejectReason::kOutlier, kind, kind == "outlier_rate" ? "" : Shown(event->amount),
                "what is usual");
}

bool Cleaner::RequiredId(absl::string_view in, absl::string_view field, size_t limit,
                         absl::string_view* out) {
  if (in.empty()) return true;
  if (in.size() > limit || !IsVisibleAscii(in)) return TrimRequiredId(in, field, limit, out);
  *out = in;
  return true;
}

bool Cleaner::TrimRequiredId(absl::string_view in, absl::string_view field, size_t limit,
                             absl::string_view* out) {
  const absl::string_view id = Trim(in);
  if (id.size() > limit) {
    return Reject(RejectReason::kIdTooLong, field, id, absl::StrCat("at most ", limit, " bytes"));
  }
  if (HasControl(id)) {
    return Reject(RejectReason::kInvalidId, field, id, "no control characters");
  }
  if (id.size() != in.size()) Correct(Correction::kTrimmedId);
  *out = id;
  return true;
}

void Cleaner::OptionalId(absl::string_view in, absl::string_view* out) {
  if (in.empty()) return;
  *out = in.size() <= rules_.max_id_bytes && IsVisibleAscii(in) ? in : TrimOptionalId(in);
}

absl::string_view Cleaner::TrimOptionalId(absl::string_view in) {
  const absl::string_view id = Trim(in);
  if (id.size() > rules_.max_id_bytes || HasControl(id)) {
    Correct(Correction::kDroppedField);
    return {};
  }
  if (id.size() != in.size()) Correct(Correction::kTrimmedId);
  return id;
}

void Cleaner::Text(absl::string_view in, size_t limit, absl::string_view* out) {
  if (in.empty()) return;
  const bool plain = in.size() <= limit && IsVisible(in.front()) && IsVisible(in.back());
  *out = plain ? in : TrimText(in, limit);
}

absl::string_view Cleaner::TrimText(absl::string_view in, size_t limit) {
  const absl::string_view text = Trim(in);
  if (text.size() <= limit) return text;
  Correct(Correction::kTruncatedText);
  return CutUtf8(text, limit);
}

bool Cleaner::Reject(RejectReason reason, absl::string_view field, absl::string_view value,
                     absl::string_view expected) {
  rejection_.reason = reason;
  rejection_.detail = absl::StrCat(field, ": ", value.empty() ? "nothing" : "\"",
                                   absl::Utf8SafeCHexEscape(CutUtf8(value, kMaxDetailValueBytes)),
                                   value.size() > kMaxDetailValueBytes ? "…" : "",
                                   value.empty() ? "" : "\"", ", expected ", expected);
  return false;
}

}  // namespace kindred::clean
