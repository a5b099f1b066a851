#include "clean/clean_event.h"

namespace kindred::clean {

absl::string_view CorrectionName(Correction correction) {
  switch (correction) {
    case Correction::kNone:
      return "none";
    case Correction::kTrimmedId:
      return "trimmed_id";
    case Correction::kSecondsToMillis:
      return "seconds_to_millis";
    case Correction::kMicrosToMillis:
      return "micros_to_millis";
    case Correction::kUppercasedCurrency:
      return "uppercased_currency";
    case Correction::kAmountFromPrice:
      return "amount_from_price";
    case Correction::kDerivedEventId:
      return "derived_event_id";
    case Correction::kDefaultedQuantity:
      return "defaulted_quantity";
    case Correction::kTruncatedText:
      return "truncated_text";
    case Correction::kNegativeToRefund:
      return "negative_to_refund";
    case Correction::kMissingTime:
      return "missing_time";
    case Correction::kDroppedField:
      return "dropped_field";
    case Correction::kNormalizedCountry:
      return "normalized_country";
    case Correction::kMadePositive:
      return "made_positive";
  }
  return "unknown";
}

absl::string_view FlagName(Flag flag) {
  switch (flag) {
    case Flag::kNone:
      return "none";
    case Flag::kLate:
      return "late";
    case Flag::kOutlierPrice:
      return "outlier_price";
    case Flag::kOutlierAmount:
      return "outlier_amount";
    case Flag::kOutlierRate:
      return "outlier_rate";
  }
  return "unknown";
}

absl::string_view RejectReasonName(RejectReason reason) {
  switch (reason) {
    case RejectReason::kMissingCustomer:
      return "missing_customer";
    case RejectReason::kMissingType:
      return "missing_type";
    case RejectReason::kMissingItem:
      return "missing_item";
    case RejectReason::kMissingRating:
      return "missing_rating";
    case RejectReason::kMissingConsent:
      return "missing_consent";
    case RejectReason::kMissingPreviousId:
      return "missing_previous_id";
    case RejectReason::kIdTooLong:
      return "id_too_long";
    case RejectReason::kInvalidId:
      return "invalid_id";
    case RejectReason::kTimeInFuture:
      return "time_in_future";
    case RejectReason::kTimeTooOld:
      return "time_too_old";
    case RejectReason::kInvalidPrice:
      return "invalid_price";
    case RejectReason::kInvalidQuantity:
      return "invalid_quantity";
    case RejectReason::kInvalidAmount:
      return "invalid_amount";
    case RejectReason::kZeroPrice:
      return "zero_price";
    case RejectReason::kInvalidRating:
      return "invalid_rating";
    case RejectReason::kInvalidCurrency:
      return "invalid_currency";
    case RejectReason::kOutlier:
      return "outlier";
    case RejectReason::kCrashesProcess:
      return "crashes_process";
    case RejectReason::kInvalidLink:
      return "invalid_link";
    case RejectReason::kOperatorRule:
      return "operator_rule";
  }
  return "unknown";
}

}  // namespace kindred::clean
