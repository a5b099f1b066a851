#include "event/segment_json.h"

#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "event/key_table.h"
#include "event/native_json.h"
#include "event/segment_track.h"

namespace kindred::event {
namespace {

enum class Key : uint8_t {
  kIgnored,
  kType,
  kMessageId,
  kUserId,
  kAnonymousId,
  kPreviousId,
  kGroupId,
  kEvent,
  kName,
  kCategory,
  kChannel,
  kTimestamp,
  kOriginalTimestamp,
  kSentAt,
  kReceivedAt,
  kProperties,
  kTraits,
  kContext,
};

const KeyTable<Key>& Keys() {
  static const auto* const keys = new KeyTable<Key>({
      {"type", Key::kType},
      {"messageId", Key::kMessageId},
      {"userId", Key::kUserId},
      {"anonymousId", Key::kAnonymousId},
      {"previousId", Key::kPreviousId},
      {"groupId", Key::kGroupId},
      {"event", Key::kEvent},
      {"name", Key::kName},
      {"category", Key::kCategory},
      {"channel", Key::kChannel},
      {"timestamp", Key::kTimestamp},
      {"originalTimestamp", Key::kOriginalTimestamp},
      {"sentAt", Key::kSentAt},
      {"receivedAt", Key::kReceivedAt},
      {"properties", Key::kProperties},
      {"traits", Key::kTraits},
      {"context", Key::kContext},
      // About the delivery, not the customer.
      {"integrations", Key::kIgnored},
      {"writeKey", Key::kIgnored},
      {"version", Key::kIgnored},
      {"projectId", Key::kIgnored},
  });
  return *keys;
}

// What a call says beside the fields of Event.
struct Call {
  absl::string_view type;
  absl::string_view event;
  absl::string_view name;
  absl::string_view category;
  absl::string_view channel;
  absl::string_view library;
  bool has_app = false;
  std::optional<int64_t> timestamp;
  std::optional<int64_t> original;
  std::optional<int64_t> sent;
  std::optional<int64_t> received;
  std::optional<dom::object> properties;
  std::optional<dom::object> traits;
  std::optional<dom::object> context;
};

bool ReadKey(DecodeContext& context, Key key, absl::string_view name, dom::element value,
             Call* call, Event* event) {
  switch (key) {
    case Key::kIgnored:
      return true;
    case Key::kType:
      return ReadText(context, name, value, &call->type);
    case Key::kMessageId:
      return ReadId(context, name, value, &event->event_id);
    case Key::kUserId:
      return ReadId(context, name, value, &event->user_id);
    case Key::kAnonymousId:
      return ReadId(context, name, value, &event->anonymous_id);
    case Key::kPreviousId:
      return ReadId(context, name, value, &event->previous_id);
    case Key::kGroupId:
      return ReadId(context, name, value, &event->group_id);
    case Key::kEvent:
      return ReadText(context, name, value, &call->event);
    case Key::kName:
      return ReadText(context, name, value, &call->name);
    case Key::kCategory:
      return ReadText(context, name, value, &call->category);
    case Key::kChannel:
      return ReadText(context, name, value, &call->channel);
    case Key::kTimestamp:
      return ReadTime(context, name, value, &call->timestamp);
    case Key::kOriginalTimestamp:
      return ReadTime(context, name, value, &call->original);
    case Key::kSentAt:
      return ReadTime(context, name, value, &call->sent);
    case Key::kReceivedAt:
      return ReadTime(context, name, value, &call->received);
    case Key::kProperties:
      return ReadObject(context, name, value, &call->properties);
    case Key::kTraits:
      return ReadObject(context, name, value, &call->traits);
    case Key::kContext:
      return ReadObject(context, name, value, &call->context);
  }
  return true;
}

void SetTime(const Call& call, Event* event) {
  event->event_time_ms = call.timestamp;
  if (event->event_time_ms) return;
  if (call.received && call.sent && call.original) {
    // The device's clock is wrong by what lies between sending and receiving.
    int64_t delay = 0;
    int64_t time = 0;
    if (!__builtin_sub_overflow(*call.sent, *call.original, &delay) &&
        !__builtin_sub_overflow(*call.received, delay, &time)) {
      event->event_time_ms = time;
      return;
    }
  }
  event->event_time_ms = call.original ? call.original : call.sent ? call.sent : call.received;
}

void AddTraits(DecodeContext& context, dom::object traits, Event* event) {
  for (const dom::key_value_pair field : traits) {
    AddField(context, ToView(field.key), field.value, &event->traits);
  }
}

// A field of an object within the context, where there is one.
bool ReadInner(DecodeContext& context, absl::string_view outer, dom::element value,
               absl::string_view inner, absl::string_view* out) {
  std::optional<dom::object> object;
  if (!ReadObject(context, outer, value, &object)) return false;
  dom::element field;
  if (!object || object->at_key({inner.data(), inner.size()}).get(field) != simdjson::SUCCESS) {
    return true;
  }
  return ReadText(context, inner, field, out);
}

// [{"id": …, "type": …}, …]: a hashed e-mail address, else an id of another system; of several the
// last counts.
bool ReadExternalIds(DecodeContext& context, dom::element value, Event* event) {
  dom::array ids;
  if (value.is_null()) return true;
  if (value.get(ids) != simdjson::SUCCESS) {
    return context.FailType("context.externalIds", "an array", "something else");
  }
  for (const dom::element entry : ids) {
    absl::string_view id;
    absl::string_view type;
    if (!ReadInner(context, "context.externalIds", entry, "id", &id) ||
        !ReadInner(context, "context.externalIds", entry, "type", &type)) {
      return false;
    }
    const bool email = type == "email_sha256" || type == "hashed_email";
    (email ? event->email_sha256 : event->external_id) = id;
  }
  return true;
}

bool ReadConsent(DecodeContext& context, dom::element value, Event* event) {
  std::optional<dom::object> consent;
  if (!ReadObject(context, "consent", value, &consent)) return false;
  if (!consent) return true;
  std::optional<dom::object> preferences;
  dom::element field;
  if (consent->at_key("categoryPreferences").get(field) == simdjson::SUCCESS &&
      !ReadObject(context, "categoryPreferences", field, &preferences)) {
    return false;
  }
  if (!preferences) return true;
  for (const dom::key_value_pair preference : *preferences) {
    std::optional<bool> granted;
    const absl::string_view purpose = ToView(preference.key);
    if (!ReadBool(context, purpose, preference.value, &granted)) return false;
    if (granted) event->consents.push_back({purpose, *granted});
  }
  return true;
}

// The address (ip) is never kept.
bool ReadContext(DecodeContext& context, dom::object object, Call* call, Event* event) {
  for (const dom::key_value_pair field : object) {
    const absl::string_view key = ToView(field.key);
    bool ok = true;
    if (key == "traits") {
      std::optional<dom::object> traits;
      ok = ReadObject(context, "context.traits", field.value, &traits);
      if (ok && traits) AddTraits(context, *traits, event);
    } else if (key == "device") {
      ok = ReadInner(context, "context.device", field.value, "type", &event->device) &&
           ReadInner(context, "context.device", field.value, "id", &event->device_id);
    } else if (key == "externalIds") {
      ok = ReadExternalIds(context, field.value, event);
    } else if (key == "location") {
      ok = ReadInner(context, "context.location", field.value, "country", &event->country) &&
           ReadInner(context, "context.location", field.value, "region", &event->region) &&
           ReadInner(context, "context.location", field.value, "city", &event->city);
    } else if (key == "library") {
      ok = ReadInner(context, "context.library", field.value, "name", &call->library);
    } else if (key == "app") {
      call->has_app = field.value.is_object();
    } else if (key == "sessionId") {
      ok = ReadId(context, "context.sessionId", field.value, &event->session_id);
    } else if (key == "consent") {
      ok = ReadConsent(context, field.value, event);
    } else if (key == "locale" || key == "campaign") {
      AddField(context, key, field.value, &event->properties);
    }
    if (!ok) return false;
  }
  return true;
}

// By the call's channel, else by the library that made it, else by there being an app.
void SetChannel(const Call& call, Event* event) {
  if (!call.channel.empty()) {
    event->channel = call.channel == "browser"  ? absl::string_view("web")
                     : call.channel == "mobile" ? absl::string_view("app")
                     : call.channel == "server" ? absl::string_view("api")
                                                : call.channel;
    return;
  }
  for (const absl::string_view mark :
       {"ios", "android", "kotlin", "swift", "flutter", "react-native", "react_native", "unity",
        "xamarin", "maui"}) {
    if (absl::StrContains(call.library, mark)) {
      event->channel = "app";
      return;
    }
  }
  for (const absl::string_view mark : {"analytics.js", "analytics-next", "web", "browser"}) {
    if (absl::StrContains(call.library, mark)) {
      event->channel = "web";
      return;
    }
  }
  if (call.has_app) event->channel = "app";
}

bool DecodePage(DecodeContext& context, const Call& call, Event* event) {
  event->type = EventType::kPage;
  std::optional<dom::element> products;
  if (call.properties && !ReadSegmentProperties(context, *call.properties, event, &products)) {
    return false;
  }
  if (event->title.empty()) event->title = call.name;
  if (event->category.empty()) event->category = call.category;
  return true;
}

}  // namespace

bool DecodeSegmentJson(DecodeContext& context, dom::object object, std::vector<Event>* events) {
  events->resize(1);
  Event* event = &events->front();
  event->Clear();
  Call call;
  for (const dom::key_value_pair field : object) {
    const absl::string_view name = ToView(field.key);
    const Key* key = Keys().Find(name);
    if (key == nullptr) {
      AddProperty(context, name, field.value, event);
    } else if (!ReadKey(context, *key, name, field.value, &call, event)) {
      return false;
    }
  }
  SetTime(call, event);
  if (call.context && !ReadContext(context, *call.context, &call, event)) return false;
  SetChannel(call, event);
  if (call.traits && call.type != "group") AddTraits(context, *call.traits, event);
  if (call.type == "track") return DecodeTrack(context, call.event, call.properties, events);
  if (call.type == "page" || call.type == "screen") return DecodePage(context, call, event);
  std::optional<dom::element> products;
  if (call.properties && !ReadSegmentProperties(context, *call.properties, event, &products)) {
    return false;
  }
  if (call.type == "group") {
    event->type = EventType::kGroup;
    // They describe the group, not the customer.
    if (call.traits) {
      for (const dom::key_value_pair field : *call.traits) {
        AddProperty(context, ToView(field.key), field.value, event);
      }
    }
  } else {
    event->type = call.type == "alias" ? EventType::kAlias : EventType::kIdentify;
  }
  return true;
}

}  // namespace kindred::event
