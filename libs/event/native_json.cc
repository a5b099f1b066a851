#include "event/native_json.h"

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "event/native_field.h"

namespace kindred::event {
namespace {

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
bool ReadField(DecodeContext& context, const NativeField& rule, absl::string_view name,
               dom::element value, Event* event) {
  switch (rule.kind) {
    case FieldKind::kText:
      return ReadText(context, name, value, &(event->*rule.text));
    case FieldKind::kId:
      return ReadId(context, name, value, &(event->*rule.text));
    case FieldKind::kNumber:
      return ReadNumber(context, name, value, &(event->*rule.number));
    case FieldKind::kTime:
      return ReadTime(context, name, value, &event->event_time_ms);
    case FieldKind::kGeo:
      return ReadGeo(context, name, value, event);
    case FieldKind::kUserInfo:
      return ReadUserInfo(context, name, value, event);
    case FieldKind::kTraits:
      return ReadTraits(context, name, value, event);
    case FieldKind::kConsent:
      return ReadConsent(context, "consent", value, event);
    case FieldKind::kProperties:
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
    const NativeField* rule = NativeFields().Find(name);
    if (rule == nullptr) {
      AddField(context, name, field.value, &event->properties);
    } else if (rule->kind == FieldKind::kType) {
      if (!ReadType(context, name, field.value, &type)) return NativeOutcome::kFailed;
      if (IsSegmentType(type) && is_shape(JsonShape::kSegment)) return NativeOutcome::kSegment;
    } else if (rule->kind == FieldKind::kCustomType) {
      if (!ReadText(context, name, field.value, &custom_type)) return NativeOutcome::kFailed;
    } else if (rule->kind == FieldKind::kSpecVersion && !enveloped &&
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
