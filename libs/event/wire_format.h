// Around the payload: which encoding a record has, by its content-type header or by its bytes; the
// Confluent prefix; the CloudEvents attributes of binary mode.
#ifndef KINDRED_EVENT_WIRE_FORMAT_H_
#define KINDRED_EVENT_WIRE_FORMAT_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "event/decoder.h"

namespace kindred::event {

enum class ContentType : uint8_t {
  kNone,  // not said
  kJson,
  kProtobuf,
  kCloudEventsJson,
  kUnsupported,
};

// Of a media type, without regard to its parameters and to case.
ContentType ContentTypeOf(absl::string_view media_type);

// Attributes of a CloudEvent; empty where it has none.
struct CloudAttributes {
  absl::string_view id;
  absl::string_view source;
  absl::string_view type;
  absl::string_view time;
  bool present = false;  // it is a CloudEvent: it has a specversion
};

struct RecordHeaders {
  ContentType content = ContentType::kNone;
  absl::string_view content_type;  // as it was given
  CloudAttributes cloud;           // of ce_… headers
};

// Names of headers are compared without regard to case; the last of equal ones counts.
RecordHeaders ReadHeaders(absl::Span<const Header> headers);

struct Payload {
  absl::string_view bytes;
  bool is_json = false;
};

// Takes off the Confluent prefix (byte 0, schema id of 4 bytes; before protobuf the message's index
// path) and tells JSON from protobuf: by `content`, else JSON is what begins, after white space,
// with a brace and then a quote or a brace. Protobuf cannot begin with byte 0 or a brace; one that
// begins with a line feed (an event id of 123 bytes) is told by what follows the brace.
Payload FindPayload(absl::string_view value, ContentType content);

}  // namespace kindred::event

#endif  // KINDRED_EVENT_WIRE_FORMAT_H_
