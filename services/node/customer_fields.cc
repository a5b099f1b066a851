#include "node/customer_fields.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "profile/features.h"

namespace kindred::node {
namespace {

using expression::Value;

double Amount(int64_t micros) { return static_cast<double>(micros) / profile::kMicros; }

}  // namespace

void CustomerRecord::Look(absl::string_view customer_id, const profile::Profile& profile,
                          int64_t now_ms) {
  customer_id_ = customer_id;
  profile_ = &profile;
  now_ms_ = now_ms;
  tags_known_ = false;
  predictions_known_ = false;
}

Value CustomerRecord::Term(TermId id) const {
  const absl::string_view name = context_.terms->Name(id.value());
  return name.empty() ? Value::Absent() : Value::Text(name);
}

Value CustomerRecord::MostUsed(absl::Span<const profile::TermCount> counts) const {
  const profile::TermCount* most = nullptr;
  for (const profile::TermCount& entry : counts) {
    if (entry.term.value() != 0 && (most == nullptr || entry.count > most->count)) most = &entry;
  }
  return most == nullptr ? Value::Absent() : Term(most->term);
}

Value CustomerRecord::PurchaseField(int id) const {
  const profile::Purchases& purchases = profile_->purchases();
  const auto frequency = static_cast<double>(purchases.frequency());
  switch (static_cast<CustomerField>(id)) {
    case CustomerField::kPurchaseCount:
      return Value::Number(frequency);
    case CustomerField::kPurchaseLines:
      return Value::Number(purchases.lines);
    case CustomerField::kTotal:
      return Value::Number(Amount(purchases.total_micros));
    case CustomerField::kNet:
      return Value::Number(Amount(purchases.total_micros - purchases.refunded_micros));
    case CustomerField::kAverage:
      return Value::Number(frequency == 0 ? NAN : Amount(purchases.total_micros) / frequency);
    case CustomerField::kRefunds:
      return Value::Number(purchases.refund_lines);
    case CustomerField::kFirstPurchase:
      return frequency == 0 ? Value::Absent() : Value::Time(purchases.first_ms);
    case CustomerField::kLastPurchase:
      return frequency == 0 ? Value::Absent() : Value::Time(purchases.last_ms());
    case CustomerField::kMeanGap:
      return frequency < 2 ? Value::Absent()
                           : Value::Duration((purchases.last_ms() - purchases.first_ms) /
                                             static_cast<int64_t>(purchases.frequency() - 1));
    default:
      return Value::Absent();
  }
}

Value CustomerRecord::PlaceField(int id) const {
  const profile::Geography& geography = profile_->geography();
  switch (static_cast<CustomerField>(id)) {
    case CustomerField::kCountry:
      return Term(profile_->usual_country());
    case CustomerField::kLastCountry:
      return Term(geography.country);
    case CustomerField::kRegion:
      return Term(geography.region);
    default:
      return Term(geography.city);
  }
}

Value CustomerRecord::SegmentField(int id) const {
  if (context_.segments == nullptr || context_.segments->empty()) return Value::Absent();
  const profile::FeatureVector vector = profile::TransformedFeatures(*profile_, now_ms_);
  const learn::SegmentAssignment to = learn::Assign(*context_.segments, vector);
  if (to.segment_id == 0) return Value::Absent();
  if (static_cast<CustomerField>(id) == CustomerField::kSegment) {
    scratch_ = absl::StrCat("segments/", to.segment_id);
    return Value::Text(scratch_);
  }
  if (to.index >= context_.segment_labels.size()) return Value::Absent();
  return Value::Text(context_.segment_labels[to.index]);
}

void CustomerRecord::JudgeTags() const {
  tags_.clear();
  tag_names_.clear();
  tags_until_ms_ = expression::kForever;
  tags_known_ = true;
  if (context_.rules == nullptr) return;
  for (size_t i = 0; i < context_.rules->tags.size(); ++i) {
    const TagRule& rule = context_.rules->tags[i];
    const expression::Outcome outcome = rule.when.Test(*this, now_ms_);
    tags_until_ms_ = std::min(tags_until_ms_, outcome.until_ms);
    if (!outcome.value) continue;
    tags_.push_back(i);
    tag_names_.push_back(rule.name);
  }
}

absl::Span<const size_t> CustomerRecord::Tags() const {
  if (!tags_known_) JudgeTags();
  return tags_;
}

Value CustomerRecord::Field(int id) const {
  switch (static_cast<CustomerField>(id)) {
    case CustomerField::kCustomerId:
      return Value::Text(customer_id_);
    case CustomerField::kFirstSeen:
      return Value::Time(profile_->first_seen_ms());
    case CustomerField::kLastSeen:
      return Value::Time(profile_->last_seen_ms());
    case CustomerField::kEvents:
      return Value::Number(static_cast<double>(profile_->event_count()));
    case CustomerField::kSessions:
      return Value::Number(static_cast<double>(profile_->session_count()));
    case CustomerField::kCountry:
    case CustomerField::kLastCountry:
    case CustomerField::kRegion:
    case CustomerField::kCity:
      return PlaceField(id);
    case CustomerField::kChannel:
      return MostUsed(profile_->channels());
    case CustomerField::kDevice:
      return MostUsed(profile_->devices());
    case CustomerField::kTopCategory:
    case CustomerField::kTopBrand: {
      const bool category = static_cast<CustomerField>(id) == CustomerField::kTopCategory;
      TermId best;
      double most = 0;
      for (const auto& entry : category ? profile_->category_sums() : profile_->brand_sums()) {
        if (entry.sum() <= most) continue;
        most = entry.sum();
        best = entry.term;
      }
      return Term(best);
    }
    case CustomerField::kMeanRating: {
      const profile::Rarities& rare = profile_->rarities();
      return rare.ratings == 0 ? Value::Absent()
                               : Value::Number(Amount(rare.rating_sum_micros) / rare.ratings);
    }
    case CustomerField::kSegment:
    case CustomerField::kSegmentLabel:
      return SegmentField(id);
    case CustomerField::kTags:
      if (!tags_known_) JudgeTags();
      return Value::TextSet(tag_names_).Until(tags_until_ms_);
    case CustomerField::kBot:
      return Value::Bool(profile_->quality().suspected_bot);
    default:
      return PurchaseField(id);
  }
}

// A JSON string without its quotes; whatever else as it is written.
Value CustomerRecord::Trait(absl::string_view name) const {
  for (const profile::Trait& trait : profile_->rarities().traits) {
    if (trait.name != name) continue;
    const absl::string_view json = trait.json;
    if (json == "null") return Value::Absent();
    if (json.size() < 2 || json.front() != '"') return Value::Text(json);
    const absl::string_view inner = json.substr(1, json.size() - 2);
    return Value::Text(inner);
  }
  return Value::Absent();
}

const CustomerRecord::Lookup& CustomerRecord::LookUp(const expression::CallSite& call) const {
  const auto [it, added] = lookups_.try_emplace(&call);
  Lookup& lookup = it->second;
  if (!added && !lookup.unknown) return lookup;
  lookup = Lookup();
  profile::BehaviourFilter& filter = lookup.filter;
  size_t next = 0;
  switch (static_cast<CustomerFunction>(call.function)) {
    case CustomerFunction::kCarts:
      filter.type = event::EventType::kAddToCart;
      break;
    case CustomerFunction::kBuys:
      filter.type = event::EventType::kPurchase;
      break;
    case CustomerFunction::kActs:
    case CustomerFunction::kLastAct:
      filter.type = event::EventTypeFromName(call.arguments[next++].text());
      break;
    default:
      break;
  }
  const auto name = [&](const base::Dictionary& names) -> uint32_t {
    const Value& argument = call.arguments[next++];
    if (!argument.present) return 0;
    const uint32_t found = names.Find(argument.text());
    lookup.unknown |= found == 0;
    return found;
  };
  filter.category = TermId(name(*context_.terms));
  if (call.arguments[next].present) {
    filter.within_ms = std::max<int64_t>(1, call.arguments[next].ms);
  }
  ++next;
  filter.brand = TermId(name(*context_.terms));
  filter.item = ItemId(name(*context_.items));
  return lookup;
}

Value CustomerRecord::Behaviour(const expression::CallSite& call) const {
  const Lookup& lookup = LookUp(call);
  const bool last = call.function == static_cast<int>(CustomerFunction::kLastAct);
  if (lookup.unknown) return last ? Value::Absent() : Value::Number(0);
  const profile::BehaviourCount count = profile::CountBehaviour(*profile_, lookup.filter, now_ms_);
  Value value = !last              ? Value::Number(static_cast<double>(count.count))
                : count.count == 0 ? Value::Absent()
                                   : Value::Time(count.last_ms);
  return value.Until(count.until_ms);
}

Value CustomerRecord::Affinity(const expression::CallSite& call) const {
  const bool category = call.function == static_cast<int>(CustomerFunction::kAffinity);
  const TermId term(context_.terms->Find(call.arguments[0].text()));
  const auto shares = category ? profile_->CategoryAffinities(*context_.affinity_decay, now_ms_, 64)
                               : profile_->BrandAffinities(*context_.affinity_decay, now_ms_, 64);
  for (const profile::AffinityShare& share : shares) {
    if (share.term == term) return Value::Number(share.share);
  }
  return Value::Number(0);
}

Value CustomerRecord::Percentile(const expression::CallSite& call) const {
  const int field = NumberFieldByName(call.arguments[0].text());
  if (context_.percentiles == nullptr || field < 0) return Value::Absent();
  for (const Distribution& distribution : context_.percentiles->fields) {
    if (distribution.field != field || distribution.sorted.empty()) continue;
    const Value own = Field(field);
    if (!own.present) return Value::Absent();
    const auto below =
        std::lower_bound(distribution.sorted.begin(), distribution.sorted.end(), own.number) -
        distribution.sorted.begin();
    return Value::Number(100.0 * static_cast<double>(below) /
                         static_cast<double>(distribution.sorted.size()));
  }
  return Value::Absent();
}

absl::Span<const absl::string_view> PredictionNames() {
  static constexpr absl::string_view kNames[] = {
      "churn",         "buy", "buy_category", "next_purchase_amount", "expected_purchases",
      "lifetime_value"};
  return kNames;
}

// Models move, and so do their inputs with time; only a walk over all customers finds that.
Value CustomerRecord::Prediction(const expression::CallSite& call) const {
  if (context_.predictor == nullptr) return Value::Absent();
  if (!predictions_known_) {
    predictions_ = context_.predictor->Predict(*profile_, *context_.affinity_decay, now_ms_);
    predictions_known_ = true;
  }
  const Value& category = call.arguments[1];
  const Value& within = call.arguments[2];
  const TermId term(category.present ? context_.terms->Find(category.text()) : 0);
  for (const profile::Prediction& one : predictions_) {
    if (one.name != call.arguments[0].text() || one.category != term) continue;
    if (within.present && within.ms != one.horizon_days * int64_t{86'400'000}) continue;
    return Value::Number(one.value);
  }
  return Value::Absent();
}

Value CustomerRecord::Call(const expression::CallSite& call) const {
  const absl::string_view first =
      call.arguments[0].present && call.arguments[0].type == expression::Type::kText
          ? call.arguments[0].text()
          : absl::string_view();
  switch (static_cast<CustomerFunction>(call.function)) {
    case CustomerFunction::kTrait:
      return Trait(first);
    case CustomerFunction::kTraitNumber: {
      const Value text = Trait(first);
      double number;
      if (!text.present || !absl::SimpleAtod(text.text(), &number)) return Value::Absent();
      return Value::Number(number);
    }
    case CustomerFunction::kConsent:
      for (const profile::Consent& consent : profile_->rarities().consents) {
        if (consent.purpose == first) return Value::Bool(consent.granted);
      }
      return Value::Absent();
    case CustomerFunction::kEventCount:
      return Value::Number(profile_->event_count(event::EventTypeFromName(first)));
    case CustomerFunction::kAffinity:
    case CustomerFunction::kBrandAffinity:
      return Affinity(call);
    case CustomerFunction::kFeature: {
      const int feature = profile::FeatureByName(first);
      if (feature < 0) return Value::Absent();
      // Some grow with time; only a walk over all customers finds that.
      return Value::Number(profile::Features(*profile_, now_ms_)[feature]);
    }
    case CustomerFunction::kPercentile:
      return Percentile(call);
    case CustomerFunction::kPrediction:
      return Prediction(call);
    default:
      return Behaviour(call);
  }
}

}  // namespace kindred::node
