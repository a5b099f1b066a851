#include "node/profile_view.h"

#include <google/protobuf/util/field_mask_util.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "node/request_error.h"
#include "profile/features.h"

namespace kindred::node {
namespace {

using ::google::protobuf::util::FieldMaskUtil;

constexpr size_t kMaxAffinities = 10;
constexpr size_t kMaxShares = 16;
constexpr size_t kMaxCountries = 5;
// Fields of an entry of a map.
constexpr int kMapKey = 1;
constexpr int kMapValue = 2;

double Amount(int64_t micros) { return static_cast<double>(micros) / profile::kMicros; }

void WriteDuration(int field, int64_t ms, WireBuffer* out) {
  using google::protobuf::Duration;
  const size_t begin = out->BeginShort(field);
  out->Int(Duration::kSecondsFieldNumber, ms / 1000);
  out->Int(Duration::kNanosFieldNumber, ms % 1000 * 1'000'000);
  out->EndShort(begin);
}

template <typename Count>
void WriteShares(int field, absl::Span<const Count> counts, const base::Dictionary& terms,
                 size_t limit, WireBuffer* out) {
  uint64_t total = 0;
  std::vector<Count> sorted;
  sorted.reserve(counts.size());
  for (const Count& count : counts) {
    total += count.count;
    if (count.term.value() != 0) sorted.push_back(count);
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Count& a, const Count& b) { return a.count > b.count; });
  if (sorted.size() > limit) sorted.resize(limit);
  for (const Count& count : sorted) {
    const size_t begin = out->BeginShort(field);
    out->String(v1::Share::kValueFieldNumber, terms.Name(count.term.value()));
    out->Int(v1::Share::kCountFieldNumber, count.count);
    out->Double(v1::Share::kShareFieldNumber,
                static_cast<double>(count.count) / static_cast<double>(total));
    out->EndShort(begin);
  }
}

void WriteAffinities(int field, const std::vector<profile::AffinityShare>& affinities,
                     const base::Dictionary& terms, WireBuffer* out) {
  for (const profile::AffinityShare& from : affinities) {
    const size_t begin = out->BeginShort(field);
    out->String(v1::Affinity::kValueFieldNumber, terms.Name(from.term.value()));
    out->Double(v1::Affinity::kWeightFieldNumber, from.weight);
    out->Double(v1::Affinity::kShareFieldNumber, from.share);
    out->EndShort(begin);
  }
}

void WritePurchases(const profile::Profile& profile, const base::Dictionary& terms,
                    int64_t as_of_ms, WireBuffer* out) {
  using v1::Purchases;
  const profile::Purchases& from = profile.purchases();
  const int64_t frequency = static_cast<int64_t>(from.frequency());
  const size_t begin = out->Begin(v1::Profile::kPurchasesFieldNumber);
  out->Int(Purchases::kLineCountFieldNumber, from.lines);
  out->Int(Purchases::kFrequencyFieldNumber, frequency);
  out->Double(Purchases::kTotalAmountFieldNumber, Amount(from.total_micros));
  out->Double(Purchases::kAverageAmountFieldNumber,
              frequency == 0 ? 0 : Amount(from.total_micros) / static_cast<double>(frequency));
  out->Double(Purchases::kTotalQuantityFieldNumber, Amount(from.quantity_micros));
  out->Int(Purchases::kRefundLineCountFieldNumber, from.refund_lines);
  out->Double(Purchases::kRefundedAmountFieldNumber, Amount(from.refunded_micros));
  out->Double(Purchases::kNetAmountFieldNumber, Amount(from.total_micros - from.refunded_micros));
  if (frequency > 0) {
    WriteTime(Purchases::kFirstPurchaseTimeFieldNumber, from.first_ms, out);
    WriteTime(Purchases::kLastPurchaseTimeFieldNumber, from.last_ms(), out);
    WriteDuration(Purchases::kRecencyFieldNumber, std::max<int64_t>(0, as_of_ms - from.last_ms()),
                  out);
  }
  if (frequency > 1) {
    WriteDuration(Purchases::kMeanGapFieldNumber,
                  (from.last_ms() - from.first_ms) / (frequency - 1), out);
  }
  std::vector<double> amounts;
  amounts.reserve(from.last_amounts.size());
  for (size_t i = from.last_amounts.size(); i-- > 0;) {
    amounts.push_back(Amount(from.last_amounts[i].micros));
  }
  out->Doubles(Purchases::kLastAmountsFieldNumber, amounts);
  for (const profile::CurrencyTotals& totals : profile.rarities().other_currencies) {
    const size_t other = out->BeginShort(Purchases::kOtherCurrenciesFieldNumber);
    out->String(v1::CurrencyAmount::kCurrencyFieldNumber, terms.Name(totals.currency.value()));
    out->Double(v1::CurrencyAmount::kTotalAmountFieldNumber, Amount(totals.total_micros));
    out->Double(v1::CurrencyAmount::kRefundedAmountFieldNumber, Amount(totals.refunded_micros));
    out->EndShort(other);
  }
  out->End(begin);
}

void WriteSessions(const profile::Profile& profile, WireBuffer* out) {
  using v1::Sessions;
  const size_t begin = out->BeginShort(v1::Profile::kSessionsFieldNumber);
  out->Int(Sessions::kCountFieldNumber, static_cast<int64_t>(profile.session_count()));
  if (!profile.sessions().empty()) {
    const profile::Session& last = profile.sessions().back();
    WriteTime(Sessions::kLastStartTimeFieldNumber, last.start_ms, out);
    WriteTime(Sessions::kLastEndTimeFieldNumber, last.end_ms, out);
    out->Int(Sessions::kLastEventCountFieldNumber, last.events);
  }
  out->EndShort(begin);
}

void WriteTimes(const profile::Profile& profile, WireBuffer* out) {
  constexpr int kHours = 24, kDays = 7;
  uint64_t total = 0;
  std::array<double, kHours> hours;
  for (int hour = 0; hour < kHours; ++hour) total += profile.HourCount(hour);
  if (total == 0) return;
  for (int hour = 0; hour < kHours; ++hour) {
    hours[static_cast<size_t>(hour)] =
        static_cast<double>(profile.HourCount(hour)) / static_cast<double>(total);
  }
  std::array<double, kDays> days;
  for (int day = 0; day < kDays; ++day) {
    days[static_cast<size_t>(day)] =
        static_cast<double>(profile.WeekdayCount(day)) / static_cast<double>(total);
  }
  out->Doubles(v1::Profile::kHourSharesFieldNumber, hours);
  out->Doubles(v1::Profile::kWeekdaySharesFieldNumber, days);
}

void WriteGeography(const profile::Profile& profile, const base::Dictionary& terms,
                    WireBuffer* out) {
  using event::v1::Geo;
  const profile::Geography& from = profile.geography();
  const size_t begin = out->Begin(v1::Profile::kGeographyFieldNumber);
  if (from.last_ms != 0) {
    const size_t last = out->BeginShort(v1::Geography::kLastFieldNumber);
    out->String(Geo::kCountryFieldNumber, terms.Name(from.country.value()));
    out->String(Geo::kRegionFieldNumber, terms.Name(from.region.value()));
    out->String(Geo::kCityFieldNumber, terms.Name(from.city.value()));
    out->EndShort(last);
  }
  out->String(v1::Geography::kUsualCountryFieldNumber, terms.Name(profile.usual_country().value()));
  WriteShares(v1::Geography::kCountriesFieldNumber,
              absl::Span<const profile::CountryCount>(from.countries), terms, kMaxCountries, out);
  out->End(begin);
}

void WriteIdentities(const profile::Rarities& from, WireBuffer* out) {
  for (const profile::Identity& identity : from.identities) {
    const size_t begin = out->BeginShort(v1::Profile::kIdentitiesFieldNumber);
    out->String(v1::Identity::kKindFieldNumber, profile::IdentityKindName(identity.kind));
    out->String(v1::Identity::kValueFieldNumber, identity.value);
    WriteTime(v1::Identity::kLinkedTimeFieldNumber, identity.linked_ms, out);
    out->EndShort(begin);
  }
  if (from.traits.empty()) return;
  google::protobuf::Struct traits;
  for (const profile::Trait& trait : from.traits) {
    google::protobuf::Value value;
    if (!google::protobuf::util::JsonStringToMessage(trait.json, &value).ok()) {
      value.set_string_value(trait.json);
    }
    (*traits.mutable_fields())[trait.name] = std::move(value);
  }
  out->Message(v1::Profile::kTraitsFieldNumber, traits.SerializeAsString());
}

void WriteRatings(const profile::Rarities& from, WireBuffer* out) {
  if (from.ratings == 0) return;
  const size_t begin = out->BeginShort(v1::Profile::kRatingsFieldNumber);
  out->Int(v1::Ratings::kCountFieldNumber, from.ratings);
  out->Double(v1::Ratings::kMeanFieldNumber, Amount(from.rating_sum_micros) / from.ratings);
  out->EndShort(begin);
}

// Features, and the segment that they lead to.
void WriteModels(const profile::Profile& profile, const PublishedSegments* segments,
                 int64_t as_of_ms, WireBuffer* out) {
  const profile::FeatureVector values = profile::Features(profile, as_of_ms);
  std::vector<double> standardized(profile::kFeatureCount);
  learn::SegmentAssignment to;
  if (segments != nullptr) {
    to = learn::Assign(segments->model, profile::Transformed(values), &standardized);
  }
  for (size_t d = 0; d < profile::kFeatureCount; ++d) {
    const size_t begin = out->BeginShort(v1::Profile::kFeaturesFieldNumber);
    out->String(v1::Feature::kNameFieldNumber, profile::GetFeatureInfo(d).name);
    out->Double(v1::Feature::kValueFieldNumber, values[d]);
    if (d < standardized.size()) {
      out->Double(v1::Feature::kStandardizedFieldNumber, standardized[d]);
    }
    out->EndShort(begin);
  }
  if (segments == nullptr || to.segment_id == 0) return;
  using v1::SegmentMembership;
  const size_t begin = out->BeginShort(v1::Profile::kSegmentFieldNumber);
  out->String(SegmentMembership::kSegmentFieldNumber, absl::StrCat("segments/", to.segment_id));
  out->String(SegmentMembership::kLabelFieldNumber, segments->labels[to.index]);
  out->Double(SegmentMembership::kDistanceFieldNumber, to.distance);
  if (to.runner_up_id != 0) {
    out->String(SegmentMembership::kRunnerUpFieldNumber,
                absl::StrCat("segments/", to.runner_up_id));
    out->Double(SegmentMembership::kRunnerUpDistanceFieldNumber, to.runner_up_distance);
  }
  out->Int(SegmentMembership::kModelVersionFieldNumber,
           static_cast<int64_t>(segments->model.version));
  out->EndShort(begin);
}

void WriteReliability(const profile::Reliability& from, WireBuffer* out) {
  if (from.examples <= 0) return;
  using To = v1::PredictionReliability;
  const size_t begin = out->BeginShort(v1::Prediction::kReliabilityFieldNumber);
  out->String(To::kMeasureFieldNumber, from.measure);
  out->Double(To::kValueFieldNumber, from.value);
  out->Double(To::kBaselineFieldNumber, from.baseline);
  out->Double(To::kBaseRateFieldNumber, from.base_rate);
  out->Double(To::kBrierFieldNumber, from.brier);
  out->Double(To::kExamplesFieldNumber, from.examples);
  out->EndShort(begin);
}

void WritePredictions(const profile::Profile& profile, const profile::Predictor& predictor,
                      const SharedState& shared, int64_t as_of_ms, WireBuffer* out) {
  using To = v1::Prediction;
  for (const profile::Prediction& from :
       predictor.Predict(profile, shared.affinity_decay, as_of_ms)) {
    const size_t begin = out->Begin(v1::Profile::kPredictionsFieldNumber);
    out->String(To::kNameFieldNumber, from.name);
    out->String(To::kCategoryFieldNumber, shared.terms.names().Name(from.category.value()));
    WriteDuration(To::kHorizonFieldNumber, int64_t{from.horizon_days} * 86'400'000, out);
    out->Double(To::kValueFieldNumber, from.value);
    out->String(To::kUnitFieldNumber, from.unit);
    for (const profile::PredictionDriver& driver : from.drivers) {
      const size_t input = out->BeginShort(To::kInputsFieldNumber);
      out->String(v1::PredictionInput::kNameFieldNumber, driver.input);
      out->Double(v1::PredictionInput::kValueFieldNumber, driver.value);
      out->Double(v1::PredictionInput::kEffectFieldNumber, driver.effect);
      out->EndShort(input);
    }
    WriteReliability(from.reliability, out);
    out->Int(To::kModelVersionFieldNumber, static_cast<int64_t>(predictor.version()));
    if (predictor.learned_until_ms() > 0) {
      WriteTime(To::kLearnedUntilTimeFieldNumber, predictor.learned_until_ms(), out);
    }
    out->End(begin);
  }
}

void WriteEventCounts(const profile::Profile& profile, WireBuffer* out) {
  for (const profile::TypeCount& count : profile.type_counts()) {
    const size_t begin = out->BeginShort(v1::Profile::kEventCountsFieldNumber);
    out->String(kMapKey, event::EventTypeName(count.type));
    out->Int(kMapValue, count.count);
    out->EndShort(begin);
  }
}

void WriteRecentItems(const profile::Profile& profile, const SharedState& shared, WireBuffer* out) {
  const absl::Span<const profile::RecentItem> recent = profile.recent_items();
  for (size_t i = recent.size(); i-- > 0;) {
    const size_t begin = out->BeginShort(v1::Profile::kRecentItemsFieldNumber);
    out->String(v1::RecentItem::kItemIdFieldNumber,
                shared.items.names().Name(recent[i].item.value()));
    out->String(v1::RecentItem::kTitleFieldNumber, shared.index.Title(recent[i].item));
    out->Int(v1::RecentItem::kTypeFieldNumber, static_cast<int>(recent[i].type));
    WriteTime(v1::RecentItem::kEventTimeFieldNumber, recent[i].time_ms, out);
    out->EndShort(begin);
  }
}

void WriteConsents(const profile::Rarities& from, WireBuffer* out) {
  for (const profile::Consent& consent : from.consents) {
    const size_t begin = out->BeginShort(v1::Profile::kConsentsFieldNumber);
    out->String(kMapKey, consent.purpose);
    out->Bool(kMapValue, consent.granted);
    out->EndShort(begin);
  }
}

void WriteQuality(const profile::QualityCounts& from, WireBuffer* out) {
  const size_t begin = out->BeginShort(v1::Profile::kQualityFieldNumber);
  out->Int(v1::QualityFlags::kCorrectedCountFieldNumber, from.corrected);
  out->Int(v1::QualityFlags::kOutlierCountFieldNumber, from.outliers);
  out->Int(v1::QualityFlags::kLateCountFieldNumber, from.late);
  out->Bool(v1::QualityFlags::kSuspectedBotFieldNumber, from.suspected_bot);
  out->EndShort(begin);
}

// Seconds since 1970, rounded down, and nanoseconds from there on.
std::pair<int64_t, int32_t> SecondsAndNanos(int64_t ms) {
  int64_t seconds = ms / 1000;
  int64_t rest = ms % 1000;
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  return {seconds, static_cast<int32_t>(rest) * 1'000'000};
}

}  // namespace

void SetTime(int64_t ms, google::protobuf::Timestamp* out) {
  const auto [seconds, nanos] = SecondsAndNanos(ms);
  out->set_seconds(seconds);
  out->set_nanos(nanos);
}

// A profile has dozens of times, so they are written in one piece.
void WriteTime(int field, int64_t ms, WireBuffer* out) {
  using google::protobuf::Timestamp;
  const auto [seconds, nanos] = SecondsAndNanos(ms);
  char* at = out->Open(5 * WireBuffer::kLongestVarint);
  at = WireBuffer::PutVarint(at, static_cast<uint64_t>(field) << 3 | 2);
  char* const length = at++;
  if (seconds != 0) {
    *at++ = Timestamp::kSecondsFieldNumber << 3;
    at = WireBuffer::PutVarint(at, static_cast<uint64_t>(seconds));
  }
  if (nanos != 0) {
    *at++ = Timestamp::kNanosFieldNumber << 3;
    at = WireBuffer::PutVarint(at, static_cast<uint64_t>(nanos));
  }
  *length = static_cast<char>(at - length - 1);
  out->Close(at);
}

void WriteProfile(absl::string_view customer_id, const profile::Profile& profile,
                  const SharedState& shared, const PublishedSegments* segments,
                  const profile::Predictor* predictor, int64_t as_of_ms, WireBuffer* out) {
  using To = v1::Profile;
  const base::Dictionary& terms = shared.terms.names();
  as_of_ms = std::max(as_of_ms, profile.last_seen_ms());
  const size_t name = out->BeginShort(To::kNameFieldNumber);
  out->Raw("profiles/");
  out->Raw(customer_id);
  out->EndShort(name);
  out->String(To::kCustomerIdFieldNumber, customer_id);
  WriteIdentities(profile.rarities(), out);
  WriteTime(To::kFirstSeenTimeFieldNumber, profile.first_seen_ms(), out);
  WriteTime(To::kLastSeenTimeFieldNumber, profile.last_seen_ms(), out);
  out->Int(To::kEventCountFieldNumber, static_cast<int64_t>(profile.event_count()));
  WriteEventCounts(profile, out);
  WritePurchases(profile, terms, as_of_ms, out);
  WriteSessions(profile, out);
  WriteAffinities(To::kCategoryAffinitiesFieldNumber,
                  profile.CategoryAffinities(shared.affinity_decay, as_of_ms, kMaxAffinities),
                  terms, out);
  WriteAffinities(To::kBrandAffinitiesFieldNumber,
                  profile.BrandAffinities(shared.affinity_decay, as_of_ms, kMaxAffinities), terms,
                  out);
  WriteRecentItems(profile, shared, out);
  WriteShares(To::kChannelsFieldNumber, profile.channels(), terms, kMaxShares, out);
  WriteShares(To::kDevicesFieldNumber, profile.devices(), terms, kMaxShares, out);
  WriteTimes(profile, out);
  WriteGeography(profile, terms, out);
  WriteRatings(profile.rarities(), out);
  WriteModels(profile, segments, as_of_ms, out);
  WriteConsents(profile.rarities(), out);
  WriteQuality(profile.quality(), out);
  WriteTime(To::kAsOfTimeFieldNumber, as_of_ms, out);
  if (predictor != nullptr) WritePredictions(profile, *predictor, shared, as_of_ms, out);
}

absl::Status CheckMask(const google::protobuf::FieldMask& mask) {
  RequestCheck check;
  for (const std::string& path : mask.paths()) {
    if (path != "*" && !FieldMaskUtil::IsValidPath<v1::Profile>(path)) {
      check.Violation("read_mask", absl::StrCat("Profile has no field \"", path, "\""));
    }
  }
  return check.status();
}

void ApplyMask(const google::protobuf::FieldMask& mask, v1::Profile* profile) {
  if (mask.paths().empty() ||
      std::find(mask.paths().begin(), mask.paths().end(), "*") != mask.paths().end()) {
    return;
  }
  FieldMaskUtil::TrimMessage(mask, profile);
}

}  // namespace kindred::node
