#include "event/native_proto.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "event/json_text.h"
#include "event/proto_struct.h"
#include "event/utf8.h"
#include "kindred/event/v1/event.pb.h"

namespace kindred::event {
namespace {

using Proto = kindred::event::v1::Event;
using ProtoGeo = kindred::event::v1::Geo;
using ProtoConsent = kindred::event::v1::Consent;

struct TextRule {
  absl::string_view name;
  absl::string_view Event::*member = nullptr;
};

// By field number; no member where the field is not text.
TextRule TextRuleOf(uint32_t field) {
  switch (field) {
    case Proto::kEventIdFieldNumber:
      return {"event_id", &Event::event_id};
    case Proto::kUserIdFieldNumber:
      return {"user_id", &Event::user_id};
    case Proto::kAnonymousIdFieldNumber:
      return {"anonymous_id", &Event::anonymous_id};
    case Proto::kCustomTypeFieldNumber:
      return {"custom_type", &Event::custom_type};
    case Proto::kItemIdFieldNumber:
      return {"item_id", &Event::item_id};
    case Proto::kCurrencyFieldNumber:
      return {"currency", &Event::currency};
    case Proto::kOrderIdFieldNumber:
      return {"order_id", &Event::order_id};
    case Proto::kCategoryFieldNumber:
      return {"category", &Event::category};
    case Proto::kBrandFieldNumber:
      return {"brand", &Event::brand};
    case Proto::kTitleFieldNumber:
      return {"title", &Event::title};
    case Proto::kQueryFieldNumber:
      return {"query", &Event::query};
    case Proto::kChannelFieldNumber:
      return {"channel", &Event::channel};
    case Proto::kDeviceFieldNumber:
      return {"device", &Event::device};
    case Proto::kSessionIdFieldNumber:
      return {"session_id", &Event::session_id};
    case Proto::kPreviousIdFieldNumber:
      return {"previous_id", &Event::previous_id};
    case Proto::kDeviceIdFieldNumber:
      return {"device_id", &Event::device_id};
    case Proto::kEmailSha256FieldNumber:
      return {"email_sha256", &Event::email_sha256};
    case Proto::kExternalIdFieldNumber:
      return {"external_id", &Event::external_id};
    default:
      return {};
  }
}

bool ReadGeo(DecodeContext& context, absl::string_view bytes, Event* event) {
  WireReader reader(bytes);
  while (reader.Next()) {
    absl::string_view* out = reader.field() == ProtoGeo::kCountryFieldNumber  ? &event->country
                             : reader.field() == ProtoGeo::kRegionFieldNumber ? &event->region
                             : reader.field() == ProtoGeo::kCityFieldNumber   ? &event->city
                                                                              : nullptr;
    if (out == nullptr || reader.type() != WireType::kBytes) {
      reader.Skip();
    } else if (!ReadProtoText(context, "geo", reader, out)) {
      return false;
    }
  }
  return reader.ok() || context.Fail(DecodeFailure::kMalformed, "geo: truncated or not protobuf");
}

bool ReadConsent(DecodeContext& context, absl::string_view bytes, Event* event) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() != ProtoConsent::kPurposesFieldNumber || reader.type() != WireType::kBytes) {
      reader.Skip();
      continue;
    }
    // A map's entry: key = 1, value = 2.
    ConsentChange change;
    WireReader entry(reader.Bytes());
    while (entry.Next()) {
      if (entry.field() == 1 && entry.type() == WireType::kBytes) {
        if (!ReadProtoText(context, "consent", entry, &change.purpose)) return false;
      } else if (entry.field() == 2 && entry.type() == WireType::kVarint) {
        change.granted = entry.Varint() != 0;
      } else {
        entry.Skip();
      }
    }
    if (!entry.ok()) reader.Fail();
    event->consents.push_back(change);
  }
  return reader.ok() ||
         context.Fail(DecodeFailure::kMalformed, "consent: truncated or not protobuf");
}

void SetType(DecodeContext& context, uint64_t number, Event* event) {
  if (number < kEventTypes) {
    event->type = static_cast<EventType>(number);
  } else {
    // Of a newer producer: kept, as unknown names are.
    event->type = EventType::kCustom;
    if (event->custom_type.empty()) {
      context.scratch = absl::StrCat("type_", static_cast<int32_t>(number));
      event->custom_type = context.arena.Copy(context.scratch);
    }
  }
  if (event->type != EventType::kCustom && event->type != EventType::kUnspecified) {
    event->custom_type = {};
  }
}

std::optional<double>* NumberOf(uint32_t field, Event* event) {
  switch (field) {
    case Proto::kQuantityFieldNumber:
      return &event->quantity;
    case Proto::kPriceFieldNumber:
      return &event->price;
    case Proto::kAmountFieldNumber:
      return &event->amount;
    case Proto::kRatingFieldNumber:
      return &event->rating;
    default:
      return nullptr;
  }
}

// A field that is a message.
bool ReadMessage(DecodeContext& context, uint32_t field, absl::string_view bytes, Event* event) {
  switch (field) {
    case Proto::kEventTimeFieldNumber: {
      int64_t time_ms = 0;
      if (!ReadProtoTime(context, "event_time", bytes, &time_ms)) return false;
      event->event_time_ms = time_ms;
      return true;
    }
    case Proto::kGeoFieldNumber:
      return ReadGeo(context, bytes, event);
    case Proto::kTraitsFieldNumber:
      return ReadProtoStruct(context, "traits", bytes, &event->traits, nullptr);
    case Proto::kConsentFieldNumber:
      return ReadConsent(context, bytes, event);
    case Proto::kPropertiesFieldNumber:
      return ReadProtoStruct(context, "properties", bytes, &event->properties, &event->group_id);
    default:
      return true;  // of a newer producer
  }
}

}  // namespace

bool ReadProtoText(DecodeContext& context, absl::string_view name, WireReader& reader,
                   absl::string_view* out) {
  *out = reader.Bytes();
  return IsUtf8(*out) ||
         context.Fail(DecodeFailure::kInvalidUtf8, absl::StrCat(name, ": not UTF-8"));
}

bool ReadProtoTime(DecodeContext& context, absl::string_view name, absl::string_view bytes,
                   int64_t* out) {
  constexpr int64_t kMaxSeconds = INT64_MAX / 1000 - 10'000'000;
  int64_t seconds = 0;
  int32_t nanos = 0;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1 && reader.type() == WireType::kVarint) {
      seconds = static_cast<int64_t>(reader.Varint());
    } else if (reader.field() == 2 && reader.type() == WireType::kVarint) {
      nanos = static_cast<int32_t>(reader.Varint());
    } else {
      reader.Skip();
    }
  }
  *out = std::clamp(seconds, -kMaxSeconds, kMaxSeconds) * 1000 + nanos / 1'000'000;
  return reader.ok() ||
         context.Fail(DecodeFailure::kMalformed, absl::StrCat(name, ": truncated or not protobuf"));
}

bool DecodeNativeProto(DecodeContext& context, absl::string_view bytes, Event* event) {
  WireReader reader(bytes);
  bool known = false;
  uint64_t type = 0;
  while (reader.Next()) {
    const uint32_t field = reader.field();
    if (reader.type() == WireType::kBytes) {
      const TextRule rule = TextRuleOf(field);
      if (rule.member != nullptr) {
        if (!ReadProtoText(context, rule.name, reader, &(event->*rule.member))) return false;
      } else if (!ReadMessage(context, field, reader.Bytes(), event)) {
        return false;
      }
      known |= field <= Proto::kExternalIdFieldNumber;
    } else if (std::optional<double>* number = NumberOf(field, event);
               number != nullptr && reader.type() == WireType::kFixed64) {
      *number = reader.Double();
      known = true;
    } else if (field == Proto::kTypeFieldNumber && reader.type() == WireType::kVarint) {
      type = reader.Varint();
      known = true;
    } else {
      reader.Skip();
    }
  }
  if (!reader.ok()) {
    return context.Fail(DecodeFailure::kMalformed, "truncated, or neither JSON nor protobuf");
  }
  if (!known) return context.Fail(DecodeFailure::kMalformed, "protobuf without a field of Event");
  SetType(context, type, event);
  return true;
}

}  // namespace kindred::event
