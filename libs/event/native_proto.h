// The bytes of a kindred.event.v1.Event → Event, in place.
#ifndef KINDRED_EVENT_NATIVE_PROTO_H_
#define KINDRED_EVENT_NATIVE_PROTO_H_

#include "absl/strings/string_view.h"
#include "event/decode_context.h"
#include "event/event.h"
#include "event/wire_reader.h"

namespace kindred::event {

// `event` must be cleared. Text is in `bytes`, except properties and traits.
bool DecodeNativeProto(DecodeContext& context, absl::string_view bytes, Event* event);

// Reads the current field of `reader`, which must be of type kBytes, as UTF-8 text.
bool ReadProtoText(DecodeContext& context, absl::string_view name, WireReader& reader,
                   absl::string_view* out);

// The bytes of a google.protobuf.Timestamp → milliseconds since 1970, saturating.
bool ReadProtoTime(DecodeContext& context, absl::string_view name, absl::string_view bytes,
                   int64_t* out);

}  // namespace kindred::event

#endif  // KINDRED_EVENT_NATIVE_PROTO_H_
