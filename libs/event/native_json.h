// A parsed JSON object → Event, by the names of kindred.event.v1.Event in snake_case or camelCase.
#ifndef KINDRED_EVENT_NATIVE_JSON_H_
#define KINDRED_EVENT_NATIVE_JSON_H_

#include <cstdint>

#include "event/decode_context.h"
#include "event/event.h"
#include "event/json_value.h"

namespace kindred::event {

enum class JsonShape : uint8_t { kNative, kSegment, kCloudEvents };

enum class NativeOutcome : uint8_t { kDone, kFailed, kSegment, kCloudEvents };

// `event` must be cleared. Returns kSegment or kCloudEvents, having looked at a part of the object
// only, when it turns out to be one of those; never kCloudEvents where `enveloped`: the data of a
// CloudEvent is not another.
NativeOutcome DecodeNativeJson(DecodeContext& context, dom::object object, bool enveloped,
                               Event* event);

// Which of the three an object is, by its keys:
// CloudEvents: specversion, id, source and type.
// Segment:     type is track, identify, page, screen, group or alias; none of the names that only
//              native events have (event_id, user_id, anonymous_id, event_time, eventId,
//              eventTime); and one that only Segment has (messageId, timestamp, originalTimestamp,
//              sentAt, receivedAt, context, integrations, writeKey, or event with type track).
//              What has neither kind of name reads the same either way, and is native.
JsonShape ShapeOf(dom::object object);

// The type of a name as producers write it; kCustom keeps the name.
void SetType(absl::string_view name, absl::string_view custom_type, Event* event);

// Adds a property unless it is null; text named group_id or groupId goes to where it belongs.
void AddProperty(DecodeContext& context, absl::string_view name, dom::element value, Event* event);

}  // namespace kindred::event

#endif  // KINDRED_EVENT_NATIVE_JSON_H_
