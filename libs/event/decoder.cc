#include "event/decoder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "event/cloud_events.h"
#include "event/decode_context.h"
#include "event/json_parser.h"
#include "event/native_json.h"
#include "event/native_proto.h"
#include "event/plain_json.h"
#include "event/segment_json.h"
#include "event/wire_format.h"

namespace kindred::event {

absl::string_view FormatName(Format format) {
  switch (format) {
    case Format::kProtobuf:
      return "protobuf";
    case Format::kJson:
      return "json";
    case Format::kSegmentJson:
      return "segment_json";
    case Format::kCloudEvents:
      return "cloud_events";
  }
  return "unknown";
}

absl::string_view DecodeFailureName(DecodeFailure failure) {
  switch (failure) {
    case DecodeFailure::kNone:
      return "none";
    case DecodeFailure::kEmpty:
      return "empty";
    case DecodeFailure::kTooLarge:
      return "too_large";
    case DecodeFailure::kMalformed:
      return "malformed";
    case DecodeFailure::kTooDeep:
      return "too_deep";
    case DecodeFailure::kInvalidUtf8:
      return "invalid_utf8";
    case DecodeFailure::kWrongType:
      return "wrong_type";
    case DecodeFailure::kUnsupportedFormat:
      return "unsupported_format";
    case DecodeFailure::kTooManyEvents:
      return "too_many_events";
  }
  return "unknown";
}

class Decoder::Impl {
 public:
  explicit Impl(const DecoderOptions& options)
      : max_record_bytes_(options.max_record_bytes), parser_(options.max_depth) {
    context_.max_depth = options.max_depth;
    context_.max_events = static_cast<size_t>(std::max(1, options.max_events_per_record));
  }

  DecodeResult Decode(const EncodedRecord& record, std::vector<Event>* events) {
    context_.arena.Reset();
    context_.failure = DecodeFailure::kNone;
    context_.detail.clear();
    format_ = Format::kJson;
    DecodeResult result;
    if (!DecodeRecord(record, events)) {
      events->clear();
      result.failure = context_.failure;
      result.detail = std::move(context_.detail);
    }
    result.format = format_;
    return result;
  }

 private:
  bool DecodeRecord(const EncodedRecord& record, std::vector<Event>* events) {
    if (record.value.empty()) return context_.Fail(DecodeFailure::kEmpty, "no bytes");
    if (record.value.size() > max_record_bytes_) {
      return context_.Fail(
          DecodeFailure::kTooLarge,
          absl::StrCat(record.value.size(), " bytes, at most ", max_record_bytes_));
    }
    if (record.headers.empty()) {
      return DecodePayload(record.value, ContentType::kNone, /*enveloped=*/false, events);
    }
    const RecordHeaders headers = ReadHeaders(record.headers);
    if (headers.content == ContentType::kUnsupported) {
      return context_.Fail(DecodeFailure::kUnsupportedFormat,
                           absl::StrCat("content-type ", headers.content_type.substr(0, 100)));
    }
    // A structured CloudEvent says everything in its value.
    const bool structured = headers.content == ContentType::kCloudEventsJson;
    const bool binary = headers.cloud.present && !structured;
    if (binary) format_ = Format::kCloudEvents;
    return DecodePayload(record.value, headers.content, binary, events) &&
           (!binary || ApplyCloudAttributes(context_, headers.cloud, events));
  }

  // `enveloped`: the payload is the data of a CloudEvent.
  bool DecodePayload(absl::string_view value, ContentType content, bool enveloped,
                     std::vector<Event>* events) {
    const Payload payload = FindPayload(value, content);
    if (payload.bytes.empty()) return context_.Fail(DecodeFailure::kEmpty, "no bytes");
    if (!payload.is_json) {
      if (!enveloped) format_ = Format::kProtobuf;
      return DecodeNativeProto(context_, payload.bytes, OneEvent(events));
    }
    const bool cloud_event = content == ContentType::kCloudEventsJson && !enveloped;
    if (!cloud_event && DecodePlainJson(context_, payload.bytes, OneEvent(events))) return true;
    dom::object object;
    if (!parser_.Parse(context_, payload.bytes, &object)) return false;
    if (cloud_event) {
      return DecodeCloudEvent(object, events);
    }
    return DecodeObject(object, enveloped, events);
  }

  bool DecodeObject(dom::object object, bool enveloped, std::vector<Event>* events) {
    switch (DecodeNativeJson(context_, object, enveloped, OneEvent(events))) {
      case NativeOutcome::kDone:
        return true;
      case NativeOutcome::kFailed:
        return false;
      case NativeOutcome::kSegment:
        if (!enveloped) format_ = Format::kSegmentJson;
        return DecodeSegmentJson(context_, object, events);
      case NativeOutcome::kCloudEvents:
        return DecodeCloudEvent(object, events);
    }
    return false;
  }

  bool DecodeCloudEvent(dom::object envelope, std::vector<Event>* events) {
    format_ = Format::kCloudEvents;
    CloudEvent cloud;
    if (!ReadCloudEvent(context_, envelope, &cloud)) return false;
    if (cloud.data) {
      if (!DecodeObject(*cloud.data, true, events)) return false;
    } else {
      // Protobuf's text fields stay in these bytes.
      const absl::string_view bytes = context_.arena.Copy(cloud.bytes);
      if (!DecodePayload(bytes, cloud.content, true, events)) return false;
    }
    return ApplyCloudAttributes(context_, cloud.attributes, events);
  }

  // Keeps what the first event's vectors have allocated.
  static Event* OneEvent(std::vector<Event>* events) {
    if (events->size() != 1) events->resize(1);
    events->front().Clear();
    return &events->front();
  }

  const size_t max_record_bytes_;
  JsonParser parser_;
  DecodeContext context_;
  Format format_ = Format::kJson;
};

Decoder::Decoder(const DecoderOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

DecodeResult Decoder::Decode(const EncodedRecord& record, std::vector<Event>* events) {
  return impl_->Decode(record, events);
}

}  // namespace kindred::event
