#include "event/native_json.h"

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "event/key_table.h"

namespace kindred::event {
namespace {

enum class Kind : uint8_t {
  kText,
  kId,
  kNumber,
  kTime,
  kType,
  kCustomType,
  kGeo,
  kTraits,
  kConsent,
  kProperties,
  kSpecVersion,
  kUserInfo,
};

struct Rule {
  Kind kind = Kind::kText;
  absl::string_view Event::*text = nullptr;
  std::optional<double> Event::*number = nullptr;
};

Rule Text(absl::string_view Event::*member) { return {Kind::kText, member, nullptr}; }
Rule Id(absl::string_view Event::*member) { return {Kind::kId, member, nullptr}; }
Rule Number(std::optional<double> Event::*member) { return {Kind::kNumber, nullptr, member}; }

const KeyTable<Rule>& Rules() {
  static const auto* const rules = new KeyTable<Rule>({
      {"event_id", Id(&Event::event_id)},
      {"eventId", Id(&Event::event_id)},
      {"user_id", Id(&Event::user_id)},
      {"userId", Id(&Event::user_id)},
      {"anonymous_id", Id(&Event::anonymous_id)},
      {"anonymousId", Id(&Event::anonymous_id)},
      {"type", {Kind::kType}},
      {"custom_type", {Kind::kCustomType}},
      {"customType", {Kind::kCustomType}},
      {"event_time", {Kind::kTime}},
      {"eventTime", {Kind::kTime}},
      {"item_id", Id(&Event::item_id)},
      {"itemId", Id(&Event::item_id)},
      {"quantity", Number(&Event::quantity)},
      {"price", Number(&Event::price)},
      {"amount", Number(&Event::amount)},
      {"currency", Text(&Event::currency)},
      {"order_id", Id(&Event::order_id)},
      {"orderId", Id(&Event::order_id)},
      {"rating", Number(&Event::rating)},
      {"category", Text(&Event::category)},
      {"brand", Text(&Event::brand)},
      {"title", Text(&Event::title)},
      {"query", Text(&Event::query)},
      {"channel", Text(&Event::channel)},
      {"device", Text(&Event::device)},
      {"geo", {Kind::kGeo}},
      {"country", Text(&Event::country)},
      {"region", Text(&Event::region)},
      {"city", Text(&Event::city)},
      {"session_id", Id(&Event::session_id)},
      {"sessionId", Id(&Event::session_id)},
      {"traits", {Kind::kTraits}},
      {"consent", {Kind::kConsent}},
      {"previous_id", Id(&Event::previous_id)},
      {"previousId", Id(&Event::previous_id)},
      {"group_id", Id(&Event::group_id)},
      {"groupId", Id(&Event::group_id)},
      {"properties", {Kind::kProperties}},
      {"device_id", Id(&Event::device_id)},
      {"deviceId", Id(&Event::device_id)},
      {"email_sha256", Id(&Event::email_sha256)},
      {"emailSha256", Id(&Event::email_sha256)},
      {"external_id", Id(&Event::external_id)},
      {"externalId", Id(&Event::external_id)},
      // Google Analytics and Google Retail.
      {"user_pseudo_id", Id(&Event::anonymous_id)},
      {"visitor_id", Id(&Event::anonymous_id)},
      {"visitorId", Id(&Event::anonymous_id)},
      {"user_info", {Kind::kUserInfo}},
      {"userInfo", {Kind::kUserInfo}},
      {"specversion", {Kind::kSpecVersion}},
  });
  return *rules;
}

bool IsSegmentType(absl::string_view type) {
  switch (type.size()) {
    case 4:
      return type == "page";
    case 5:
      return type == "track" || type == "group" || type == "alias";
    case 6:
      return type == "screen";
    case 8:
      return type == "identify";
    default:
      return false;
  }
}

bool ReadGeo(DecodeContext& context, absl::string_view name, dom::element value, Event* event) {
  std::optional<dom::object> geo;
  if (!ReadObject(context, name, value, &geo)) return false;
  if (!geo) return true;
  for (const dom::key_value_pair field : *geo) {
    const absl::string_view key = ToView(field.key);
    absl::string_view* out = key == "country"  ? &event->country
                             : key == "region" ? &event->region
                             : key == "city"   ? &event->city
                                               : nullptr;
    if (out != nullptr && !ReadText(context, key, field.value, out)) return false;
  }
  return true;
}

// Google Retail: {"userId": …, …}. The address and the browser in it are not kept.
bool ReadUserInfo(DecodeContext& context, absl::string_view name, dom::element value,
                  Event* event) {
  std::optional<dom::object> info;
  if (!ReadObject(context, name, value, &info)) return false;
  if (!info) return true;
  for (const dom::key_value_pair field : *info) {
    const absl::string_view key = ToView(field.key);
    if ((key == "userId" || key == "user_id") &&
        !ReadId(context, key, field.value, &event->user_id)) {
      return false;
    }
  }
  return true;
}

bool ReadTraits(DecodeContext& context, absl::string_view name, dom::element value, Event* event) {
  std::optional<dom::object> traits;
  if (!ReadObject(context, name, value, &traits)) return false;
  if (!traits) return true;
  for (const dom::key_value_pair field : *traits) {
    AddField(context, ToView(field.key), field.value, &event->traits);
  }
  return true;
}

// {"marketing": true}, or the same within {"purposes": {…}}; also "granted" and "denied".
bool ReadConsent(DecodeContext& context, absl::string_view name, dom::element value, Event* event) {
  std::optional<dom::object> consent;
  if (!ReadObject(context, name, value, &consent)) return false;
  if (!consent) return true;
  for (const dom::key_value_pair field : *consent) {
    const absl::string_view purpose = ToView(field.key);
    if (purpose == "purposes" && field.value.is_object()) {
      if (name != "consent") return context.FailType(purpose, "true or false", "an object");
      if (!ReadConsent(context, purpose, field.value, event)) return false;
      continue;
    }
    std::string_view text;
    if (field.value.get(text) == simdjson::SUCCESS && (text == "granted" || text == "denied")) {
      event->consents.push_back({purpose, text == "granted"});
      continue;
    }
    std::optional<bool> granted;
    if (!ReadBool(context, purpose, field.value, &granted)) return false;
    if (granted) event->consents.push_back({purpose, *granted});
  }
  return true;
}

bool ReadProperties(DecodeContext& context, absl::string_view name, dom::element value,
                    Event* event) {
  std::optional<dom::object> properties;
  if (!ReadObject(context, name, value, &properties)) return false;
  if (!properties) return true;
  for (const dom::key_value_pair field : *properties) {
    AddProperty(context, ToView(field.key), field.value, event);
  }
  return true;
}

// A name, or the number of kindred.event.v1.EventType as proto3 JSON has it.
bool ReadType(DecodeContext& context, absl::string_view name, dom::element value,
              absl::string_view* out) {
  int64_t number = 0;
  if (value.get(number) == simdjson::SUCCESS && number >= 0 && number < kEventTypes) {
    *out = EventTypeName(static_cast<EventType>(number));
    return true;
  }
  return ReadId(context, name, value, out);
}

// Reads everything but the type.
bool ReadField(DecodeContext& context, const Rule& rule, absl::string_view name, dom::element value,
               Event* event) {
  switch (rule.kind) {
    case Kind::kText:
      return ReadText(context, name, value, &(event->*rule.text));
    case Kind::kId:
      return ReadId(context, name, value, &(event->*rule.text));
    case Kind::kNumber:
      return ReadNumber(context, name, value, &(event->*rule.number));
    case Kind::kTime:
      return ReadTime(context, name, value, &event->event_time_ms);
    case Kind::kGeo:
      return ReadGeo(context, name, value, event);
    case Kind::kUserInfo:
      return ReadUserInfo(context, name, value, event);
    case Kind::kTraits:
      return ReadTraits(context, name, value, event);
    case Kind::kConsent:
      return ReadConsent(context, "consent", value, event);
    case Kind::kProperties:
      return ReadProperties(context, name, value, event);
    default:
      AddField(context, name, value, &event->properties);
      return true;
  }
}

}  // namespace

JsonShape ShapeOf(dom::object object) {
  bool native = false;
  bool segment = false;
  bool has_event = false;
  bool id = false;
  bool source = false;
  bool specversion = false;
  absl::string_view type;
  for (const dom::key_value_pair field : object) {
    const absl::string_view key = ToView(field.key);
    native |= key == "event_id" || key == "user_id" || key == "anonymous_id" ||
              key == "event_time" || key == "eventId" || key == "eventTime";
    segment |= key == "messageId" || key == "timestamp" || key == "originalTimestamp" ||
               key == "sentAt" || key == "receivedAt" || key == "context" ||
               key == "integrations" || key == "writeKey";
    has_event |= key == "event";
    id |= key == "id";
    source |= key == "source";
    specversion |= key == "specversion";
    std::string_view text;
    if (key == "type" && field.value.get(text) == simdjson::SUCCESS) type = ToView(text);
  }
  if (specversion && id && source && !type.empty()) return JsonShape::kCloudEvents;
  segment |= has_event && type == "track";
  return IsSegmentType(type) && segment && !native ? JsonShape::kSegment : JsonShape::kNative;
}

void SetType(absl::string_view name, absl::string_view custom_type, Event* event) {
  event->type = EventTypeFromName(name);
  if (event->type == EventType::kCustom) {
    const bool named = !absl::EqualsIgnoreCase(name, EventTypeName(EventType::kCustom));
    event->custom_type = custom_type.empty() && named ? name : custom_type;
  } else {
    // Without a type it waits for the envelope's.
    event->custom_type = event->type == EventType::kUnspecified ? custom_type : "";
  }
}

void AddProperty(DecodeContext& context, absl::string_view name, dom::element value, Event* event) {
  std::string_view group;
  if ((name == "group_id" || name == "groupId") && value.get(group) == simdjson::SUCCESS) {
    event->group_id = ToView(group);
  } else {
    AddField(context, name, value, &event->properties);
  }
}

NativeOutcome DecodeNativeJson(DecodeContext& context, dom::object object, bool enveloped,
                               Event* event) {
  absl::string_view type;
  absl::string_view custom_type;
  // Found out at most once, however often a hostile record repeats a key.
  std::optional<JsonShape> known_shape;
  const auto is_shape = [&](JsonShape shape) {
    if (!known_shape) known_shape = ShapeOf(object);
    return *known_shape == shape;
  };
  for (const dom::key_value_pair field : object) {
    const absl::string_view name = ToView(field.key);
    const Rule* rule = Rules().Find(name);
    if (rule == nullptr) {
      AddField(context, name, field.value, &event->properties);
    } else if (rule->kind == Kind::kType) {
      if (!ReadType(context, name, field.value, &type)) return NativeOutcome::kFailed;
      if (IsSegmentType(type) && is_shape(JsonShape::kSegment)) return NativeOutcome::kSegment;
    } else if (rule->kind == Kind::kCustomType) {
      if (!ReadText(context, name, field.value, &custom_type)) return NativeOutcome::kFailed;
    } else if (rule->kind == Kind::kSpecVersion && !enveloped &&
               is_shape(JsonShape::kCloudEvents)) {
      return NativeOutcome::kCloudEvents;
    } else if (!ReadField(context, *rule, name, field.value, event)) {
      return NativeOutcome::kFailed;
    }
  }
  SetType(type, custom_type, event);
  return NativeOutcome::kDone;
}

}  // namespace kindred::event
