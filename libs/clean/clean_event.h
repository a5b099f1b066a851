// What may change a profile. Only the Cleaner can make a CleanEvent, so unclean data cannot reach a
// profile, by construction.
#ifndef KINDRED_CLEAN_CLEAN_EVENT_H_
#define KINDRED_CLEAN_CLEAN_EVENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "event/event.h"

namespace kindred::clean {

// Safe corrections; each is counted by name. The values are bits.
enum class Correction : uint32_t {
  kNone = 0,
  kTrimmedId = 1u << 0,           // "trimmed_id": spaces around an id
  kSecondsToMillis = 1u << 1,     // "seconds_to_millis": a time in seconds given as milliseconds
  kMicrosToMillis = 1u << 2,      // "micros_to_millis"
  kUppercasedCurrency = 1u << 3,  // "uppercased_currency"
  kAmountFromPrice = 1u << 4,     // "amount_from_price": amount disagreed with quantity × price
  kDerivedEventId = 1u << 5,      // "derived_event_id": made from the content
  kDefaultedQuantity = 1u << 6,   // "defaulted_quantity"
  kTruncatedText = 1u << 7,       // "truncated_text": title, query … cut to their limit
  kNegativeToRefund = 1u << 8,    // "negative_to_refund": a purchase of a negative quantity
  kMissingTime = 1u << 9,         // "missing_time": arrival time taken
  kDroppedField = 1u << 10,       // "dropped_field": an optional field that could not be used
  kNormalizedCountry = 1u << 11,  // "normalized_country": a two-letter code in capitals
  kMadePositive = 1u << 12,       // "made_positive": a refund given with a negative sign
};
inline constexpr int kCorrections = 13;

// What is remarkable about an accepted event. The values are bits.
enum class Flag : uint32_t {
  kNone = 0,
  kLate = 1u << 0,           // arrived a day or more after it happened
  kOutlierPrice = 1u << 1,   // far from the item's usual price
  kOutlierAmount = 1u << 2,  // far from the customer's usual amount
  kOutlierRate = 1u << 3,    // more events a minute than a person makes
};
inline constexpr int kFlags = 4;

// An event that passed. Text is canonical (trimmed, UTF-8, within limits) and lives as long as that
// of the Event it was made from, that is until the next record is decoded.
class CleanEvent {
 public:
  absl::string_view customer_id;  // user_id, else anonymous_id
  absl::string_view user_id;
  absl::string_view anonymous_id;
  absl::string_view event_id;  // empty when it was made from the content
  uint64_t fingerprint = 0;    // of the event id, for finding copies
  event::EventType type = event::EventType::kUnspecified;
  absl::string_view custom_type;
  int64_t event_time_ms = 0;
  int64_t arrival_ms = 0;
  absl::string_view item_id;
  double quantity = 1;
  bool has_price = false;
  double price = 0;  // of one unit, above 0
  bool has_amount = false;
  double amount = 0;           // of the line, above 0; refunds too
  absl::string_view currency;  // never empty
  absl::string_view order_id;
  bool has_rating = false;
  double rating = 0;
  absl::string_view category;
  absl::string_view brand;
  absl::string_view title;
  absl::string_view query;
  absl::string_view channel;
  absl::string_view device;
  absl::string_view country;
  absl::string_view region;
  absl::string_view city;
  absl::string_view session_id;
  absl::string_view previous_id;
  absl::string_view group_id;
  absl::string_view device_id;
  absl::string_view email_sha256;
  absl::string_view external_id;
  const std::vector<event::JsonField>* traits = nullptr;        // never null
  const std::vector<event::JsonField>* properties = nullptr;    // never null
  const std::vector<event::ConsentChange>* consents = nullptr;  // never null
  uint32_t corrections = 0;                                     // bits of Correction
  uint32_t flags = 0;                                           // bits of Flag

  bool Has(Correction correction) const {
    return (corrections & static_cast<uint32_t>(correction)) != 0;
  }
  bool Has(Flag flag) const { return (flags & static_cast<uint32_t>(flag)) != 0; }

 private:
  friend class Cleaner;
  CleanEvent() = default;
};

// Why an event may not change a profile. The names are metric labels and dead-letter reasons.
enum class RejectReason : uint8_t {
  kMissingCustomer,    // "missing_customer": neither user_id nor anonymous_id
  kMissingType,        // "missing_type"
  kMissingItem,        // "missing_item": the type needs one
  kMissingRating,      // "missing_rating"
  kMissingConsent,     // "missing_consent"
  kMissingPreviousId,  // "missing_previous_id"
  kIdTooLong,          // "id_too_long"
  kInvalidId,          // "invalid_id": control characters
  kTimeInFuture,       // "time_in_future": later than arrival by more than the skew
  kTimeTooOld,         // "time_too_old": before the horizon
  kInvalidPrice,       // "invalid_price": negative, NaN, infinite or absurd
  kInvalidQuantity,    // "invalid_quantity"
  kInvalidAmount,      // "invalid_amount"
  kZeroPrice,          // "zero_price": a purchase or refund at a price or amount of zero
  kInvalidRating,      // "invalid_rating"
  kInvalidCurrency,    // "invalid_currency"
  kOutlier,            // "outlier": only where outliers are quarantined
  kCrashesProcess,     // "crashes_process": nothing is wrong with it but what it did to the process
  kInvalidLink,        // "invalid_link": a link that Kindred cannot have made
  kOperatorRule,       // "operator_rule": a rule of the operators drops it; the detail names it
};
inline constexpr int kRejectReasons = 20;

struct Rejection {
  RejectReason reason;
  std::string detail;  // the field, its value (cut short) and what was expected
  // Of the event's own id and the reason, for telling a rejection only once; 0 without an id. Not
  // that of CleanEvent: what is sent again under its id once the rule or the event is mended
  // counts.
  uint64_t fingerprint = 0;
};

absl::string_view CorrectionName(Correction correction);
absl::string_view FlagName(Flag flag);
absl::string_view RejectReasonName(RejectReason reason);

}  // namespace kindred::clean

#endif  // KINDRED_CLEAN_CLEAN_EVENT_H_
