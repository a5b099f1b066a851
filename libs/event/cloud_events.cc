#include "event/cloud_events.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "event/event_time.h"
#include "event/native_json.h"
#include "event/utf8.h"

namespace kindred::event {
namespace {

constexpr size_t kMaxIdBytes = 128;

// "v1", "v2" …
bool IsVersion(absl::string_view part) {
  return part.size() >= 2 && part[0] == 'v' &&
         std::all_of(part.begin() + 1, part.end(),
                     [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
}

absl::string_view LastPart(absl::string_view type) {
  for (;;) {
    const size_t dot = type.rfind('.');
    if (dot == absl::string_view::npos) return type;
    const absl::string_view part = type.substr(dot + 1);
    if (!part.empty() && !IsVersion(part)) return part;
    type = type.substr(0, dot);
  }
}

}  // namespace

bool ReadCloudEvent(DecodeContext& context, dom::object envelope, CloudEvent* out) {
  CloudAttributes& attributes = out->attributes;
  absl::string_view base64;
  absl::string_view content_type;
  dom::element data;
  bool has_data = false;
  for (const dom::key_value_pair field : envelope) {
    const absl::string_view key = ToView(field.key);
    absl::string_view* text = key == "id"                ? &attributes.id
                              : key == "source"          ? &attributes.source
                              : key == "type"            ? &attributes.type
                              : key == "time"            ? &attributes.time
                              : key == "data_base64"     ? &base64
                              : key == "datacontenttype" ? &content_type
                                                         : nullptr;
    if (text != nullptr) {
      if (!ReadText(context, key, field.value, text)) return false;
      *text = context.arena.Copy(*text);
    } else if (key == "data") {
      data = field.value;
      has_data = !data.is_null();
    } else if (key == "specversion") {
      attributes.present = true;
    }
  }
  if (!attributes.present || attributes.id.empty() || attributes.source.empty() ||
      attributes.type.empty()) {
    return context.Fail(DecodeFailure::kMalformed,
                        "a CloudEvent needs specversion, id, source and type");
  }
  out->content = ContentTypeOf(content_type);
  if (out->content == ContentType::kUnsupported) {
    return context.Fail(DecodeFailure::kUnsupportedFormat,
                        absl::StrCat("datacontenttype ", content_type.substr(0, 100)));
  }
  if (has_data) return ReadObject(context, "data", data, &out->data);
  if (base64.empty()) {
    return context.Fail(DecodeFailure::kMalformed, "a CloudEvent without data");
  }
  return absl::Base64Unescape(base64, &out->bytes) ||
         context.Fail(DecodeFailure::kMalformed, "data_base64 is not base64");
}

bool ApplyCloudAttributes(DecodeContext& context, const CloudAttributes& attributes,
                          std::vector<Event>* events) {
  // Headers have not been checked before.
  if (!IsUtf8(attributes.id) || !IsUtf8(attributes.source) || !IsUtf8(attributes.type)) {
    return context.Fail(DecodeFailure::kInvalidUtf8, "CloudEvents attributes: not UTF-8");
  }
  std::optional<int64_t> time;
  if (!attributes.time.empty()) {
    time = ParseTime(attributes.time);
    if (!time) return context.FailType("time", "an RFC 3339 time", "a string that is none");
  }
  for (Event& event : *events) {
    if (event.event_id.empty() && !attributes.id.empty()) {
      std::string id = absl::StrCat(attributes.source, "/", attributes.id);
      if (event.lines > 1) absl::StrAppend(&id, "#", event.line);
      if (id.size() > kMaxIdBytes) {
        id = absl::StrCat("ce-", absl::Hex(base::Fingerprint64(id), absl::kZeroPad16));
      }
      event.event_id = context.arena.Copy(id);
    }
    if (!event.event_time_ms) event.event_time_ms = time;
    if (event.type == EventType::kUnspecified) {
      SetType(LastPart(attributes.type), event.custom_type, &event);
    }
  }
  return true;
}

}  // namespace kindred::event
