// The bytes of a google.protobuf.Struct → fields with canonical JSON text.
#ifndef KINDRED_EVENT_PROTO_STRUCT_H_
#define KINDRED_EVENT_PROTO_STRUCT_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "event/decode_context.h"
#include "event/event.h"

namespace kindred::event {

// Adds the fields that are not null. A field group_id or groupId that is text goes to `group_id`
// instead, unless that is null. `name` is for messages.
bool ReadProtoStruct(DecodeContext& context, absl::string_view name, absl::string_view bytes,
                     std::vector<JsonField>* out, absl::string_view* group_id);

}  // namespace kindred::event

#endif  // KINDRED_EVENT_PROTO_STRUCT_H_
