#include "node/customer_fields.h"

namespace kindred::node {
namespace {

using expression::Parameter;
using expression::Schema;
using expression::Type;

void AddFields(Schema* schema) {
  const auto add = [schema](CustomerField id, const char* name, Type type, const char* doc) {
    schema->Add(expression::Field{static_cast<int>(id), name, type, doc});
  };
  using F = CustomerField;
  add(F::kCustomerId, "customer_id", Type::kText, "The id that events name.");
  add(F::kFirstSeen, "first_seen", Type::kTime, "Time of the first event.");
  add(F::kLastSeen, "last_seen", Type::kTime, "Time of the newest event.");
  add(F::kEvents, "events", Type::kNumber, "Events of all types.");
  add(F::kSessions, "sessions", Type::kNumber, "Visits: runs of events without a gap of 30 min.");
  add(F::kPurchaseCount, "purchases.count", Type::kNumber, "Distinct times of purchases.");
  add(F::kPurchaseLines, "purchases.lines", Type::kNumber, "Purchased lines of orders.");
  add(F::kTotal, "purchases.total", Type::kNumber, "Amount bought, default currency.");
  add(F::kNet, "purchases.net", Type::kNumber, "Amount bought less refunds, default currency.");
  add(F::kAverage, "purchases.average", Type::kNumber,
      "Amount bought by distinct time of purchase; absent without one.");
  add(F::kRefunds, "purchases.refunds", Type::kNumber, "Refunded lines.");
  add(F::kFirstPurchase, "purchases.first", Type::kTime, "First purchase; absent without one.");
  add(F::kLastPurchase, "purchases.last", Type::kTime, "Newest purchase; absent without one.");
  add(F::kMeanGap, "purchases.gap", Type::kDuration,
      "Mean time between purchases; absent with fewer than two.");
  add(F::kCountry, "country", Type::kText, "The country that most events named; absent if none.");
  add(F::kLastCountry, "geo.country", Type::kText, "Country of the newest event with a place.");
  add(F::kRegion, "geo.region", Type::kText, "Region of the newest event with a place.");
  add(F::kCity, "geo.city", Type::kText, "City of the newest event with a place.");
  add(F::kChannel, "channel", Type::kText, "Most used channel; absent if no event named one.");
  add(F::kDevice, "device", Type::kText, "Most used device; absent if no event named one.");
  add(F::kTopCategory, "top_category", Type::kText, "Strongest category affinity.");
  add(F::kTopBrand, "top_brand", Type::kText, "Strongest brand affinity.");
  add(F::kMeanRating, "rating", Type::kNumber, "Mean of ratings given; absent without one.");
  add(F::kSegment, "segment", Type::kText, "\"segments/3\"; absent until segments are learned.");
  add(F::kSegmentLabel, "segment.label", Type::kText, "The segment's label.");
  add(F::kTags, "tags", Type::kTextSet, "Names of the tag rules that are true; not in tag rules.");
  add(F::kBot, "suspected_bot", Type::kBool, "Sent more events a minute than a person makes.");
}

void AddBehaviour(Schema* schema) {
  const Parameter category{"category", Type::kText, false, "only items of this category"};
  const Parameter within{"within", Type::kDuration, false, "only in this time before now"};
  const Parameter brand{"brand", Type::kText, false, "only items of this brand"};
  const Parameter item{"item", Type::kText, false, "only this item"};
  const Parameter type{"type", Type::kText, true, "\"view\", \"add_to_cart\", \"wishlist\" …"};
  const auto add = [&](CustomerFunction id, const char* name, bool typed, Type result,
                       const char* doc) {
    std::vector<Parameter> parameters = {category, within, brand, item};
    if (typed) parameters.insert(parameters.begin(), type);
    schema->Add(
        expression::Function{static_cast<int>(id), name, std::move(parameters), result, doc});
  };
  using C = CustomerFunction;
  add(C::kViews, "views", false, Type::kNumber, "Views of items.");
  add(C::kCarts, "carts", false, Type::kNumber, "Items put into the cart.");
  add(C::kBuys, "buys", false, Type::kNumber, "Purchased lines.");
  add(C::kActs, "acts", true, Type::kNumber, "Events of a type that name an item.");
  add(C::kLastAct, "last_act", true, Type::kTime, "Newest of them; absent without one.");
}

void AddFunctions(Schema* schema) {
  const auto add = [schema](CustomerFunction id, const char* name, const char* parameter,
                            const char* parameter_doc, Type result, const char* doc) {
    schema->Add(expression::Function{static_cast<int>(id),
                                     name,
                                     {Parameter{parameter, Type::kText, true, parameter_doc}},
                                     result,
                                     doc});
  };
  using C = CustomerFunction;
  add(C::kTrait, "trait", "name", "of the trait", Type::kText,
      "A trait as text (numbers and true, false as they are written); absent without it.");
  add(C::kTraitNumber, "trait_number", "name", "of the trait", Type::kNumber,
      "A trait that is a number; absent otherwise.");
  add(C::kConsent, "consent", "purpose", "as in consent events", Type::kBool,
      "What the customer answered; absent if never asked.");
  add(C::kEventCount, "event_count", "type", "\"view\", \"search\" …", Type::kNumber,
      "Events of a type, whether or not they name an item.");
  add(C::kAffinity, "affinity", "category", "name of a category", Type::kNumber,
      "Share of all interest in categories, 0 to 1.");
  add(C::kBrandAffinity, "brand_affinity", "brand", "name of a brand", Type::kNumber,
      "Share of all interest in brands, 0 to 1.");
  add(C::kFeature, "feature", "name", "\"days_since_last_event\" …", Type::kNumber,
      "One of the numbers that models see.");
  add(C::kPercentile, "percentile", "of", "name of a number field: \"purchases.total\"",
      Type::kNumber,
      "Customers with less than this one, 0 to 100, of a sample of all; top 5 %: >= 95.");
  schema->Add(expression::Function{
      static_cast<int>(C::kPrediction),
      "prediction",
      {Parameter{"name", Type::kText, true, "\"churn\", \"buy\" …, as in the profile"},
       Parameter{"category", Type::kText, false, "of \"buy_category\""},
       Parameter{"within", Type::kDuration, false,
                 "its horizon, where there are several: 7d, 30d"}},
      Type::kNumber,
      "A prediction: probability 0 to 1, purchases or amount; absent until it is learned."});
}

}  // namespace

const expression::Schema& CustomerSchema() {
  static const Schema* const schema = [] {
    auto* made = new Schema;
    AddFields(made);
    AddBehaviour(made);
    AddFunctions(made);
    return made;
  }();
  return *schema;
}

int NumberFieldByName(absl::string_view name) {
  const expression::Field* field = CustomerSchema().FindField(name);
  return field == nullptr || field->type != Type::kNumber ? -1 : field->id;
}

}  // namespace kindred::node
