// Any bytes through the decoder. The first byte chooses headers; the rest is the value. What is
// decoded must be within the limits, be UTF-8, and come back the same from its native encodings.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "base/check.h"
#include "event/decoder.h"
#include "event/encode.h"
#include "event/json_parser.h"
#include "event/native_json.h"
#include "event/plain_json.h"

namespace kindred::event {
namespace {

std::vector<Header> HeadersOf(uint8_t choice) {
  std::vector<Header> headers;
  switch (choice % 8) {
    case 1:
      headers.push_back({"content-type", "application/json"});
      break;
    case 2:
      headers.push_back({"content-type", "application/protobuf"});
      break;
    case 3:
      headers.push_back({"content-type", "application/cloudevents+json"});
      break;
    case 4:
      headers.push_back({"ce_specversion", "1.0"});
      headers.push_back({"ce_id", "1"});
      headers.push_back({"ce_source", "/fuzz"});
      headers.push_back({"ce_type", "com.fuzz.view.v1"});
      headers.push_back({"ce_time", "2026-11-22T10:00:00Z"});
      break;
    default:
      break;
  }
  return headers;
}

void CheckRoundTrip(const Event& event) {
  static Decoder* const decoder =
      new Decoder(DecoderOptions{.max_record_bytes = 64 << 20, .max_depth = 200});
  static std::vector<Event>* const events = new std::vector<Event>;
  const std::string json = EncodeJson(event);
  const DecodeResult result = decoder->Decode({.value = json}, events);
  KINDRED_CHECK(result.ok()) << result.detail << " " << json;
  KINDRED_CHECK(events->size() == 1 && EncodeJson(events->front()) == json) << json;
  // By its content type: without one, a message of nothing but a type can look like spaces.
  const std::string proto = EncodeProto(event);
  const Header header{"content-type", "application/x-protobuf"};
  const EncodedRecord record{.value = proto, .headers = {&header, 1}};
  KINDRED_CHECK(proto.empty() || decoder->Decode(record, events).ok()) << json;
}

// What is read in one pass is read as the parser for all of JSON reads it, whether the order of its
// fields is new or was seen before.
void CheckPlain(const std::string& value) {
  static DecodeContext* const context = new DecodeContext;
  static DecodeContext* const other = new DecodeContext;
  static JsonParser* const parser = new JsonParser(context->max_depth);
  // The first of these knows an order of other records, the second none, the third this record's.
  std::string found;
  for (int turn = 0; turn < 3; ++turn) {
    if (turn == 1) context->order = FieldOrder();
    Event event;
    context->arena.Reset();
    const bool plain = DecodePlainJson(*context, value, &event);
    const std::string text = plain ? "plain " + EncodeJson(event) : "not plain";
    if (turn == 0) found = text;
    KINDRED_CHECK(text == found) << value;
    if (!plain) continue;
    dom::object object;
    Event expected;
    other->arena.Reset();
    KINDRED_CHECK(parser->Parse(*other, value, &object)) << other->detail;
    KINDRED_CHECK(DecodeNativeJson(*other, object, false, &expected) == NativeOutcome::kDone);
    KINDRED_CHECK(EncodeJson(event) == EncodeJson(expected)) << value;
  }
}

}  // namespace
}  // namespace kindred::event

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kindred::event;
  if (size == 0) return 0;
  static const DecoderOptions options;
  static Decoder* const decoder = new Decoder(options);
  static std::vector<Event>* const events = new std::vector<Event>;
  const std::vector<Header> headers = HeadersOf(data[0]);
  // A copy of its own, so that a read past the end is found.
  const std::string value(reinterpret_cast<const char*>(data) + 1, size - 1);
  CheckPlain(value);
  const EncodedRecord record{.key = "k", .value = value, .headers = headers, .arrival_ms = 0};
  const DecodeResult result = decoder->Decode(record, events);
  KINDRED_CHECK(result.ok() == !events->empty()) << result.detail;
  KINDRED_CHECK(result.ok() == result.detail.empty()) << result.detail;
  KINDRED_CHECK(events->size() <= static_cast<size_t>(options.max_events_per_record));
  size_t line = 0;
  for (const Event& event : *events) {
    KINDRED_CHECK(event.line == line++ && event.lines == events->size());
    if (line <= 4) CheckRoundTrip(event);
  }
  return 0;
}
