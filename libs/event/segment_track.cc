#include "event/segment_track.h"

#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "event/json_text.h"
#include "event/key_table.h"

namespace kindred::event {
namespace {

// Names in lower case without separators.
const KeyTable<TrackRule>& TrackRules() {
  static const auto* const rules = new KeyTable<TrackRule>({
      {"productssearched", {EventType::kSearch}},
      {"productlistviewed", {EventType::kImpression, true, true}},
      {"productlistfiltered", {EventType::kImpression, true, true}},
      {"promotionviewed", {EventType::kPromotion, false, false, "viewed"}},
      {"promotionclicked", {EventType::kPromotion, false, false, "clicked"}},
      {"productclicked", {EventType::kClick}},
      {"productviewed", {EventType::kView}},
      {"productadded", {EventType::kAddToCart}},
      {"productremoved", {EventType::kRemoveFromCart}},
      {"cartviewed", {EventType::kCheckout, false, false, "cart_viewed"}},
      {"checkoutstarted", {EventType::kCheckout, false, false, "started"}},
      {"checkoutstepviewed", {EventType::kCheckout, false, false, "step_viewed"}},
      {"checkoutstepcompleted", {EventType::kCheckout, false, false, "step_completed"}},
      {"paymentinfoentered", {EventType::kCheckout, false, false, "payment_info_entered"}},
      {"ordercompleted", {EventType::kPurchase, true, true}},
      {"orderrefunded", {EventType::kRefund, true, false}},
      {"ordercancelled", {EventType::kRefund, true, false}},
      {"productaddedtowishlist", {EventType::kWishlist}},
      {"wishlistproductaddedtocart", {EventType::kAddToCart}},
      {"productshared", {EventType::kShare}},
      {"cartshared", {EventType::kShare}},
      {"productdisliked", {EventType::kDislike}},
      {"productreviewed", {EventType::kRating}},
      {"segmentconsentpreferenceupdated", {EventType::kConsent}},
  });
  return *rules;
}

enum class Kind : uint8_t {
  kText,
  kId,
  kSku,
  kNumber,
  kTotal,
  kRevenue,
  kValue,
  kProducts,
  kGroup
};

struct PropertyRule {
  Kind kind = Kind::kText;
  absl::string_view Event::*text = nullptr;
  std::optional<double> Event::*number = nullptr;
};

const KeyTable<PropertyRule>& PropertyRules() {
  static const auto* const rules = new KeyTable<PropertyRule>({
      {"product_id", {Kind::kId, &Event::item_id}},
      {"productId", {Kind::kId, &Event::item_id}},
      {"sku", {Kind::kSku}},
      {"name", {Kind::kText, &Event::title}},
      {"title", {Kind::kText, &Event::title}},
      {"category", {Kind::kText, &Event::category}},
      {"brand", {Kind::kText, &Event::brand}},
      {"price", {Kind::kNumber, nullptr, &Event::price}},
      {"quantity", {Kind::kNumber, nullptr, &Event::quantity}},
      {"rating", {Kind::kNumber, nullptr, &Event::rating}},
      {"currency", {Kind::kText, &Event::currency}},
      {"order_id", {Kind::kId, &Event::order_id}},
      {"orderId", {Kind::kId, &Event::order_id}},
      {"query", {Kind::kText, &Event::query}},
      {"session_id", {Kind::kId, &Event::session_id}},
      {"sessionId", {Kind::kId, &Event::session_id}},
      {"total", {Kind::kTotal}},
      {"revenue", {Kind::kRevenue}},
      {"value", {Kind::kValue}},
      {"products", {Kind::kProducts}},
      {"group_id", {Kind::kGroup}},
      {"groupId", {Kind::kGroup}},
  });
  return *rules;
}

// What several properties say of one field; the best counts.
struct Alternatives {
  absl::string_view sku;
  std::optional<double> total;
  std::optional<double> revenue;
  std::optional<double> value;
};

bool ReadProducts(DecodeContext& context, dom::element value, std::optional<dom::element>* out) {
  dom::array products;
  if (value.get(products) == simdjson::SUCCESS) {
    if (products.begin() != products.end()) *out = value;
    return true;
  }
  return value.is_null() || context.FailType("products", "an array", JsonKind(value));
}

bool ReadProperty(DecodeContext& context, const PropertyRule& rule, absl::string_view name,
                  dom::element value, Event* event, Alternatives* others,
                  std::optional<dom::element>* products) {
  switch (rule.kind) {
    case Kind::kText:
      return ReadText(context, name, value, &(event->*rule.text));
    case Kind::kId:
      return ReadId(context, name, value, &(event->*rule.text));
    case Kind::kNumber:
      return ReadNumber(context, name, value, &(event->*rule.number));
    case Kind::kSku:
      return ReadId(context, name, value, &others->sku);
    case Kind::kTotal:
      return ReadNumber(context, name, value, &others->total);
    case Kind::kRevenue:
      return ReadNumber(context, name, value, &others->revenue);
    case Kind::kValue:
      return ReadNumber(context, name, value, &others->value);
    case Kind::kProducts:
      return ReadProducts(context, value, products);
    case Kind::kGroup:
      return ReadId(context, name, value, &event->group_id);
  }
  return true;
}

void AddText(DecodeContext& context, absl::string_view name, absl::string_view text,
             std::vector<JsonField>* out) {
  context.scratch.clear();
  AppendJsonString(text, &context.scratch);
  out->push_back({name, context.arena.Copy(context.scratch)});
}

// One event for each product, all with what the first has in common with them.
bool FanOut(DecodeContext& context, dom::element list, std::vector<Event>* events) {
  dom::array products;
  size_t lines = 0;
  if (list.get(products) != simdjson::SUCCESS) return true;
  for (const dom::element product : products) {
    if (!product.is_object()) return context.FailType("products", "objects", JsonKind(product));
    ++lines;
  }
  if (lines > context.max_events) {
    return context.Fail(DecodeFailure::kTooManyEvents,
                        absl::StrCat("products: ", lines, ", at most ", context.max_events));
  }
  // The order's totals are not a line's.
  events->front().amount.reset();
  Event common = events->front();
  common.traits.clear();
  common.properties.clear();
  common.consents.clear();
  events->resize(lines);
  size_t line = 0;
  for (const dom::element product : products) {
    Event& event = (*events)[line];
    if (line > 0) event = common;
    event.line = static_cast<uint32_t>(line);
    event.lines = static_cast<uint32_t>(lines);
    if (lines > 1 && !common.event_id.empty()) {
      context.scratch = absl::StrCat("#", line);
      event.event_id = context.arena.Join(common.event_id, context.scratch);
    }
    dom::object fields;
    std::optional<dom::element> nested;
    if (product.get(fields) != simdjson::SUCCESS ||
        !ReadSegmentProperties(context, fields, &event, &nested)) {
      return false;
    }
    ++line;
  }
  return true;
}

}  // namespace

TrackRule TrackRuleOf(absl::string_view name) {
  char canonical[40];
  size_t size = 0;
  for (const char c : name) {
    if (c == '_' || c == '-' || c == ' ') continue;
    if (size == sizeof(canonical)) return {};
    canonical[size++] = absl::ascii_tolower(static_cast<unsigned char>(c));
  }
  const TrackRule* rule = TrackRules().Find(absl::string_view(canonical, size));
  return rule == nullptr ? TrackRule() : *rule;
}

bool ReadSegmentProperties(DecodeContext& context, dom::object properties, Event* event,
                           std::optional<dom::element>* products) {
  Alternatives others;
  for (const dom::key_value_pair field : properties) {
    const absl::string_view name = ToView(field.key);
    const PropertyRule* rule = PropertyRules().Find(name);
    if (rule == nullptr) {
      AddField(context, name, field.value, &event->properties);
    } else if (!ReadProperty(context, *rule, name, field.value, event, &others, products)) {
      return false;
    }
  }
  if (event->item_id.empty()) {
    event->item_id = others.sku;
  } else if (!others.sku.empty() && others.sku != event->item_id) {
    AddText(context, "sku", others.sku, &event->properties);
  }
  const std::optional<double>& amount = others.total     ? others.total
                                        : others.revenue ? others.revenue
                                                         : others.value;
  if (amount) event->amount = amount;
  return true;
}

bool DecodeTrack(DecodeContext& context, absl::string_view name,
                 const std::optional<dom::object>& properties, std::vector<Event>* events) {
  Event& event = events->front();
  const TrackRule rule = TrackRuleOf(name);
  event.type = name.empty() ? EventType::kUnspecified : rule.type;
  std::optional<dom::element> products;
  if (properties && !ReadSegmentProperties(context, *properties, &event, &products)) return false;
  if (!rule.action.empty()) AddText(context, "action", rule.action, &event.properties);
  if (event.type == EventType::kRating && !event.rating) event.type = EventType::kCustom;
  if (rule.fans_out && products) return FanOut(context, *products, events);
  if (rule.needs_products && event.item_id.empty()) event.type = EventType::kCustom;
  if (event.type == EventType::kCustom) event.custom_type = name;
  if (products) {
    context.scratch.clear();
    AppendJson(*products, &context.scratch);
    event.properties.push_back({"products", context.arena.Copy(context.scratch)});
  }
  return true;
}

}  // namespace kindred::event
