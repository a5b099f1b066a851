#include "node/profile_view.h"

#include <google/protobuf/util/field_mask_util.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
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

double Amount(int64_t micros) { return static_cast<double>(micros) / profile::kMicros; }

void SetDuration(int64_t ms, google::protobuf::Duration* out) {
  out->set_seconds(ms / 1000);
  out->set_nanos(static_cast<int32_t>(ms % 1000) * 1'000'000);
}

template <typename Count>
void FillShares(absl::Span<const Count> counts, const base::Dictionary& terms, size_t limit,
                google::protobuf::RepeatedPtrField<v1::Share>* out) {
  uint64_t total = 0;
  std::vector<Count> sorted;
  for (const Count& count : counts) {
    total += count.count;
    if (count.term.value() != 0) sorted.push_back(count);
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Count& a, const Count& b) { return a.count > b.count; });
  if (sorted.size() > limit) sorted.resize(limit);
  for (const Count& count : sorted) {
    v1::Share& share = *out->Add();
    share.set_value(std::string(terms.Name(count.term.value())));
    share.set_count(count.count);
    share.set_share(static_cast<double>(count.count) / static_cast<double>(total));
  }
}

void FillAffinities(const std::vector<profile::AffinityShare>& affinities,
                    const base::Dictionary& terms,
                    google::protobuf::RepeatedPtrField<v1::Affinity>* out) {
  for (const profile::AffinityShare& from : affinities) {
    v1::Affinity& affinity = *out->Add();
    affinity.set_value(std::string(terms.Name(from.term.value())));
    affinity.set_weight(from.weight);
    affinity.set_share(from.share);
  }
}

void FillPurchases(const profile::Profile& profile, const base::Dictionary& terms, int64_t as_of_ms,
                   v1::Purchases* out) {
  const profile::Purchases& from = profile.purchases();
  const int64_t frequency = static_cast<int64_t>(from.frequency());
  out->set_line_count(from.lines);
  out->set_frequency(frequency);
  out->set_total_amount(Amount(from.total_micros));
  out->set_average_amount(
      frequency == 0 ? 0 : Amount(from.total_micros) / static_cast<double>(frequency));
  out->set_total_quantity(Amount(from.quantity_micros));
  out->set_refund_line_count(from.refund_lines);
  out->set_refunded_amount(Amount(from.refunded_micros));
  out->set_net_amount(Amount(from.total_micros - from.refunded_micros));
  if (frequency > 0) {
    SetTime(from.first_ms, out->mutable_first_purchase_time());
    SetTime(from.last_ms(), out->mutable_last_purchase_time());
    SetDuration(std::max<int64_t>(0, as_of_ms - from.last_ms()), out->mutable_recency());
  }
  if (frequency > 1) {
    SetDuration((from.last_ms() - from.first_ms) / (frequency - 1), out->mutable_mean_gap());
  }
  for (size_t i = from.last_amounts.size(); i-- > 0;) {
    out->add_last_amounts(Amount(from.last_amounts[i].micros));
  }
  for (const profile::CurrencyTotals& totals : profile.rarities().other_currencies) {
    v1::CurrencyAmount& other = *out->add_other_currencies();
    other.set_currency(std::string(terms.Name(totals.currency.value())));
    other.set_total_amount(Amount(totals.total_micros));
    other.set_refunded_amount(Amount(totals.refunded_micros));
  }
}

void FillTimes(const profile::Profile& profile, v1::Profile* out) {
  uint64_t total = 0;
  for (int hour = 0; hour < 24; ++hour) total += profile.HourCount(hour);
  if (total > 0) {
    for (int hour = 0; hour < 24; ++hour) {
      out->add_hour_shares(static_cast<double>(profile.HourCount(hour)) /
                           static_cast<double>(total));
    }
    for (int day = 0; day < 7; ++day) {
      out->add_weekday_shares(static_cast<double>(profile.WeekdayCount(day)) /
                              static_cast<double>(total));
    }
  }
  v1::Sessions& sessions = *out->mutable_sessions();
  sessions.set_count(static_cast<int64_t>(profile.session_count()));
  if (!profile.sessions().empty()) {
    const profile::Session& last = profile.sessions().back();
    SetTime(last.start_ms, sessions.mutable_last_start_time());
    SetTime(last.end_ms, sessions.mutable_last_end_time());
    sessions.set_last_event_count(last.events);
  }
}

void FillGeography(const profile::Profile& profile, const base::Dictionary& terms,
                   v1::Geography* out) {
  const profile::Geography& from = profile.geography();
  if (from.last_ms != 0) {
    out->mutable_last()->set_country(std::string(terms.Name(from.country.value())));
    out->mutable_last()->set_region(std::string(terms.Name(from.region.value())));
    out->mutable_last()->set_city(std::string(terms.Name(from.city.value())));
  }
  out->set_usual_country(std::string(terms.Name(profile.usual_country().value())));
  FillShares(absl::Span<const profile::CountryCount>(from.countries), terms, kMaxCountries,
             out->mutable_countries());
}

void FillRarities(const profile::Rarities& from, v1::Profile* out) {
  for (const profile::Identity& identity : from.identities) {
    v1::Identity& to = *out->add_identities();
    to.set_kind(std::string(profile::IdentityKindName(identity.kind)));
    to.set_value(identity.value);
    SetTime(identity.linked_ms, to.mutable_linked_time());
  }
  for (const profile::Trait& trait : from.traits) {
    google::protobuf::Value value;
    if (!google::protobuf::util::JsonStringToMessage(trait.json, &value).ok()) {
      value.set_string_value(trait.json);
    }
    (*out->mutable_traits()->mutable_fields())[trait.name] = std::move(value);
  }
  for (const profile::Consent& consent : from.consents) {
    (*out->mutable_consents())[consent.purpose] = consent.granted;
  }
  if (from.ratings > 0) {
    out->mutable_ratings()->set_count(from.ratings);
    out->mutable_ratings()->set_mean(Amount(from.rating_sum_micros) / from.ratings);
  }
}

void FillModels(const profile::Profile& profile, const PublishedSegments* segments,
                int64_t as_of_ms, v1::Profile* out) {
  const profile::FeatureVector values = profile::Features(profile, as_of_ms);
  std::vector<double> standardized(profile::kFeatureCount);
  if (segments != nullptr) {
    const learn::SegmentAssignment to =
        learn::Assign(segments->model, profile::Transformed(values), &standardized);
    if (to.segment_id != 0) {
      v1::SegmentMembership& segment = *out->mutable_segment();
      segment.set_segment(absl::StrCat("segments/", to.segment_id));
      segment.set_label(segments->labels[to.index]);
      segment.set_distance(to.distance);
      if (to.runner_up_id != 0) {
        segment.set_runner_up(absl::StrCat("segments/", to.runner_up_id));
        segment.set_runner_up_distance(to.runner_up_distance);
      }
      segment.set_model_version(static_cast<int64_t>(segments->model.version));
    }
  }
  for (size_t d = 0; d < profile::kFeatureCount; ++d) {
    v1::Feature& feature = *out->add_features();
    feature.set_name(std::string(profile::GetFeatureInfo(d).name));
    feature.set_value(values[d]);
    if (d < standardized.size()) feature.set_standardized(standardized[d]);
  }
}

void FillPredictions(const profile::Profile& profile, const profile::Predictor& predictor,
                     const SharedState& shared, int64_t as_of_ms, v1::Profile* out) {
  for (const profile::Prediction& from :
       predictor.Predict(profile, shared.affinity_decay, as_of_ms)) {
    v1::Prediction& to = *out->add_predictions();
    to.set_name(from.name);
    if (from.category.value() != 0) {
      to.set_category(std::string(shared.terms.names().Name(from.category.value())));
    }
    to.mutable_horizon()->set_seconds(int64_t{from.horizon_days} * 86'400);
    to.set_value(from.value);
    to.set_unit(from.unit);
    for (const profile::PredictionDriver& driver : from.drivers) {
      v1::PredictionInput& input = *to.add_inputs();
      input.set_name(driver.input);
      input.set_value(driver.value);
      input.set_effect(driver.effect);
    }
    if (from.reliability.examples > 0) {
      v1::PredictionReliability& reliability = *to.mutable_reliability();
      reliability.set_measure(from.reliability.measure);
      reliability.set_value(from.reliability.value);
      reliability.set_baseline(from.reliability.baseline);
      reliability.set_base_rate(from.reliability.base_rate);
      reliability.set_brier(from.reliability.brier);
      reliability.set_examples(from.reliability.examples);
    }
    to.set_model_version(static_cast<int64_t>(predictor.version()));
    if (predictor.learned_until_ms() > 0) {
      SetTime(predictor.learned_until_ms(), to.mutable_learned_until_time());
    }
  }
}

}  // namespace

void SetTime(int64_t ms, google::protobuf::Timestamp* out) {
  int64_t seconds = ms / 1000;
  int64_t rest = ms % 1000;
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  out->set_seconds(seconds);
  out->set_nanos(static_cast<int32_t>(rest) * 1'000'000);
}

void FillProfile(absl::string_view customer_id, const profile::Profile& profile,
                 const SharedState& shared, const PublishedSegments* segments,
                 const profile::Predictor* predictor, int64_t as_of_ms, v1::Profile* out) {
  const base::Dictionary& terms = shared.terms.names();
  as_of_ms = std::max(as_of_ms, profile.last_seen_ms());
  out->set_name(absl::StrCat("profiles/", customer_id));
  out->set_customer_id(std::string(customer_id));
  FillRarities(profile.rarities(), out);
  SetTime(profile.first_seen_ms(), out->mutable_first_seen_time());
  SetTime(profile.last_seen_ms(), out->mutable_last_seen_time());
  out->set_event_count(static_cast<int64_t>(profile.event_count()));
  for (const profile::TypeCount& count : profile.type_counts()) {
    (*out->mutable_event_counts())[std::string(event::EventTypeName(count.type))] = count.count;
  }
  FillPurchases(profile, terms, as_of_ms, out->mutable_purchases());
  FillTimes(profile, out);
  FillAffinities(profile.CategoryAffinities(shared.affinity_decay, as_of_ms, kMaxAffinities), terms,
                 out->mutable_category_affinities());
  FillAffinities(profile.BrandAffinities(shared.affinity_decay, as_of_ms, kMaxAffinities), terms,
                 out->mutable_brand_affinities());
  const absl::Span<const profile::RecentItem> recent = profile.recent_items();
  for (size_t i = recent.size(); i-- > 0;) {
    v1::RecentItem& item = *out->add_recent_items();
    item.set_item_id(std::string(shared.items.names().Name(recent[i].item.value())));
    item.set_title(shared.index.Title(recent[i].item));
    item.set_type(static_cast<kindred::event::v1::EventType>(recent[i].type));
    SetTime(recent[i].time_ms, item.mutable_event_time());
  }
  FillShares(profile.channels(), terms, kMaxShares, out->mutable_channels());
  FillShares(profile.devices(), terms, kMaxShares, out->mutable_devices());
  FillGeography(profile, terms, out->mutable_geography());
  FillModels(profile, segments, as_of_ms, out);
  if (predictor != nullptr) FillPredictions(profile, *predictor, shared, as_of_ms, out);
  v1::QualityFlags& quality = *out->mutable_quality();
  quality.set_corrected_count(profile.quality().corrected);
  quality.set_outlier_count(profile.quality().outliers);
  quality.set_late_count(profile.quality().late);
  quality.set_suspected_bot(profile.quality().suspected_bot);
  SetTime(as_of_ms, out->mutable_as_of_time());
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
