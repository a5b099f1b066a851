#include "event/encode.h"

#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/hash.h"
#include "event/event_time.h"
#include "event/json_writer.h"
#include "google/protobuf/util/json_util.h"
#include "kindred/event/v1/event.pb.h"

namespace kindred::event {
namespace {

using Proto = kindred::event::v1::Event;

void AddFields(absl::string_view name, const std::vector<JsonField>& fields, JsonWriter* out) {
  if (fields.empty()) return;
  JsonWriter object;
  for (const JsonField& field : fields) object.Raw(field.name, field.json);
  out->Raw(name, object.Done());
}

// Country, region and city, unless all are empty.
void AddPlace(absl::string_view name, const Event& event, JsonWriter* out) {
  JsonWriter place;
  place.Text("country", event.country);
  place.Text("region", event.region);
  place.Text("city", event.city);
  if (!place.empty()) out->Raw(name, place.Done());
}

std::string ConsentJson(const Event& event) {
  JsonWriter purposes;
  for (const ConsentChange& change : event.consents) purposes.Bool(change.purpose, change.granted);
  return purposes.Done();
}

// All but the type and the time.
void AddNative(const Event& event, JsonWriter* out) {
  out->Text("item_id", event.item_id);
  out->Number("quantity", event.quantity);
  out->Number("price", event.price);
  out->Number("amount", event.amount);
  out->Text("currency", event.currency);
  out->Text("order_id", event.order_id);
  out->Number("rating", event.rating);
  out->Text("category", event.category);
  out->Text("brand", event.brand);
  out->Text("title", event.title);
  out->Text("query", event.query);
  out->Text("channel", event.channel);
  out->Text("device", event.device);
  AddPlace("geo", event, out);
  out->Text("session_id", event.session_id);
  out->Text("previous_id", event.previous_id);
  out->Text("group_id", event.group_id);
  AddFields("traits", event.traits, out);
  if (!event.consents.empty()) out->Raw("consent", ConsentJson(event));
  AddFields("properties", event.properties, out);
}

void AddIds(const Event& event, JsonWriter* out) {
  out->Text("event_id", event.event_id);
  out->Text("user_id", event.user_id);
  out->Text("anonymous_id", event.anonymous_id);
  out->Text("device_id", event.device_id);
  out->Text("email_sha256", event.email_sha256);
  out->Text("external_id", event.external_id);
}

absl::string_view NativeTypeName(const Event& event) {
  return event.type == EventType::kUnspecified ? "" : EventTypeName(event.type);
}

void SetText(absl::string_view text, std::string* out) { out->assign(text.data(), text.size()); }

void SetStruct(const std::vector<JsonField>& fields, google::protobuf::Struct* out) {
  for (const JsonField& field : fields) {
    google::protobuf::Value value;
    const google::protobuf::StringPiece json(field.json.data(), field.json.size());
    if (!google::protobuf::util::JsonStringToMessage(json, &value).ok()) continue;
    (*out->mutable_fields())[std::string(field.name)] = std::move(value);
  }
}

std::string TimeJson(int64_t time_ms) { return absl::StrCat("\"", FormatTime(time_ms), "\""); }

// The names of the e-commerce specification; empty for types that have a call of their own or none.
absl::string_view TrackName(const Event& event) {
  switch (event.type) {
    case EventType::kView:
      return "Product Viewed";
    case EventType::kClick:
      return "Product Clicked";
    case EventType::kAddToCart:
      return "Product Added";
    case EventType::kRemoveFromCart:
      return "Product Removed";
    case EventType::kDislike:
      return "Product Disliked";
    case EventType::kWishlist:
      return "Product Added to Wishlist";
    case EventType::kPurchase:
      return "Order Completed";
    case EventType::kRefund:
      return "Order Refunded";
    case EventType::kRating:
      return "Product Reviewed";
    case EventType::kSearch:
      return "Products Searched";
    case EventType::kImpression:
      return "Product List Viewed";
    case EventType::kConsent:
      return "Segment Consent Preference Updated";
    case EventType::kShare:
      return "Product Shared";
    case EventType::kCheckout:
      return "Checkout Started";
    case EventType::kPromotion:
      return "Promotion Viewed";
    case EventType::kCustom:
      return event.custom_type;
    default:
      return "";
  }
}

absl::string_view CallName(EventType type) {
  switch (type) {
    case EventType::kPage:
      return "page";
    case EventType::kIdentify:
      return "identify";
    case EventType::kAlias:
      return "alias";
    case EventType::kGroup:
      return "group";
    default:
      return "track";
  }
}

void AddProduct(const Event& event, JsonWriter* out) {
  out->Text("product_id", event.item_id);
  out->Text("name", event.title);
  out->Text("category", event.category);
  out->Text("brand", event.brand);
  out->Number("price", event.price);
  out->Number("quantity", event.quantity);
  out->Number("total", event.amount);
}

std::string SegmentProperties(const Event& event) {
  JsonWriter out;
  out.Text("order_id", event.order_id);
  out.Text("currency", event.currency);
  out.Number("rating", event.rating);
  out.Text("query", event.query);
  const bool has_products = event.type == EventType::kPurchase ||
                            event.type == EventType::kRefund ||
                            event.type == EventType::kImpression;
  if (has_products) {
    JsonWriter product;
    AddProduct(event, &product);
    out.Raw("products", absl::StrCat("[", product.Done(), "]"));
  } else {
    AddProduct(event, &out);
  }
  for (const JsonField& field : event.properties) out.Raw(field.name, field.json);
  return out.Done();
}

std::string SegmentContext(const Event& event) {
  JsonWriter out;
  if (!event.device.empty() || !event.device_id.empty()) {
    JsonWriter device;
    device.Text("id", event.device_id);
    device.Text("type", event.device);
    out.Raw("device", device.Done());
  }
  std::vector<std::string> ids;
  for (const auto& [type, id] : {std::pair("email_sha256", event.email_sha256),
                                 std::pair("external_id", event.external_id)}) {
    if (id.empty()) continue;
    JsonWriter external;
    external.Text("id", id);
    external.Text("type", type);
    ids.push_back(external.Done());
  }
  if (!ids.empty()) out.Raw("externalIds", absl::StrCat("[", absl::StrJoin(ids, ","), "]"));
  AddPlace("location", event, &out);
  out.Text("sessionId", event.session_id);
  if (!event.consents.empty()) {
    out.Raw("consent", absl::StrCat("{\"categoryPreferences\":", ConsentJson(event), "}"));
  }
  if (event.type != EventType::kIdentify) AddFields("traits", event.traits, &out);
  return out.Done();
}

}  // namespace

std::string EncodeJson(const Event& event) {
  JsonWriter out;
  AddIds(event, &out);
  out.Text("type", NativeTypeName(event));
  out.Text("custom_type", event.custom_type);
  if (event.event_time_ms) out.Raw("event_time", TimeJson(*event.event_time_ms));
  AddNative(event, &out);
  return out.Done();
}

std::string EncodeProto(const Event& event) {
  Proto proto;
  SetText(event.event_id, proto.mutable_event_id());
  SetText(event.user_id, proto.mutable_user_id());
  SetText(event.anonymous_id, proto.mutable_anonymous_id());
  proto.set_type(static_cast<kindred::event::v1::EventType>(event.type));
  SetText(event.custom_type, proto.mutable_custom_type());
  if (event.event_time_ms) {
    int64_t seconds = *event.event_time_ms / 1000;
    int64_t ms = *event.event_time_ms % 1000;
    if (ms < 0) {
      --seconds;
      ms += 1000;
    }
    proto.mutable_event_time()->set_seconds(seconds);
    proto.mutable_event_time()->set_nanos(static_cast<int32_t>(ms * 1'000'000));
  }
  SetText(event.item_id, proto.mutable_item_id());
  if (event.quantity) proto.set_quantity(*event.quantity);
  if (event.price) proto.set_price(*event.price);
  if (event.amount) proto.set_amount(*event.amount);
  SetText(event.currency, proto.mutable_currency());
  SetText(event.order_id, proto.mutable_order_id());
  if (event.rating) proto.set_rating(*event.rating);
  SetText(event.category, proto.mutable_category());
  SetText(event.brand, proto.mutable_brand());
  SetText(event.title, proto.mutable_title());
  SetText(event.query, proto.mutable_query());
  SetText(event.channel, proto.mutable_channel());
  SetText(event.device, proto.mutable_device());
  if (!event.country.empty() || !event.region.empty() || !event.city.empty()) {
    SetText(event.country, proto.mutable_geo()->mutable_country());
    SetText(event.region, proto.mutable_geo()->mutable_region());
    SetText(event.city, proto.mutable_geo()->mutable_city());
  }
  SetText(event.session_id, proto.mutable_session_id());
  SetText(event.previous_id, proto.mutable_previous_id());
  SetText(event.device_id, proto.mutable_device_id());
  SetText(event.email_sha256, proto.mutable_email_sha256());
  SetText(event.external_id, proto.mutable_external_id());
  for (const ConsentChange& change : event.consents) {
    (*proto.mutable_consent()->mutable_purposes())[std::string(change.purpose)] = change.granted;
  }
  if (!event.traits.empty()) SetStruct(event.traits, proto.mutable_traits());
  if (!event.properties.empty()) SetStruct(event.properties, proto.mutable_properties());
  if (!event.group_id.empty()) {
    SetText(event.group_id,
            (*proto.mutable_properties()->mutable_fields())["group_id"].mutable_string_value());
  }
  return proto.SerializeAsString();
}

absl::StatusOr<std::string> EncodeSegmentJson(const Event& event) {
  const absl::string_view call = CallName(event.type);
  const absl::string_view name = TrackName(event);
  if (call == "track" && name.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no Segment call says \"", EventTypeName(event.type), "\""));
  }
  JsonWriter out;
  out.Text("type", call);
  out.Text("messageId", event.event_id);
  out.Text("userId", event.user_id);
  out.Text("anonymousId", event.anonymous_id);
  out.Text("event", name);
  if (event.event_time_ms) out.Raw("timestamp", TimeJson(*event.event_time_ms));
  out.Text("channel", event.channel);
  out.Text("previousId", event.previous_id);
  out.Text("groupId", event.group_id);
  if (event.type == EventType::kIdentify) AddFields("traits", event.traits, &out);
  out.Raw("context", SegmentContext(event));
  out.Raw("properties", SegmentProperties(event));
  return out.Done();
}

std::string EncodeCloudEvent(const Event& event) {
  JsonWriter data;
  AddIds(event, &data);
  data.Text("custom_type", event.custom_type);
  AddNative(event, &data);
  const bool has_type = event.type != EventType::kUnspecified;
  const std::string json = data.Done();
  const std::string made_id = absl::StrCat(absl::Hex(base::Fingerprint64(json), absl::kZeroPad16));
  JsonWriter out;
  out.Text("specversion", "1.0");
  out.Text("id", event.event_id.empty() ? made_id : event.event_id);
  out.Text("source", "/kindred");
  out.Text("type",
           absl::StrCat("com.kindred.", has_type ? EventTypeName(event.type) : "unspecified"));
  if (event.event_time_ms) out.Raw("time", TimeJson(*event.event_time_ms));
  out.Text("datacontenttype", "application/json");
  out.Raw("data", json);
  return out.Done();
}

std::string EncodeItemJson(const Item& item) {
  JsonWriter out;
  out.Text("item_id", item.item_id);
  out.Text("title", item.title);
  out.Text("category", item.category);
  out.Text("brand", item.brand);
  out.Number("price", item.price);
  out.Text("currency", item.currency);
  if (!item.available) out.Bool("available", false);
  if (item.hidden) out.Bool("hidden", true);
  if (!item.attributes.empty()) {
    JsonWriter attributes;
    for (const auto& [name, value] : item.attributes) {
      std::string text;
      AppendJsonString(value, &text);
      attributes.Raw(name, text);
    }
    out.Raw("attributes", attributes.Done());
  }
  if (!item.embedding.empty()) {
    std::string numbers;
    for (const float number : item.embedding) {
      numbers += numbers.empty() ? '[' : ',';
      AppendJsonNumber(number, &numbers);
    }
    out.Raw("embedding", numbers + "]");
  }
  if (item.created_time_ms) out.Raw("created_time", TimeJson(*item.created_time_ms));
  return out.Done();
}

}  // namespace kindred::event
