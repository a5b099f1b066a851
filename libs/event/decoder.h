// Bytes → events. Recognises, per record: native protobuf, native JSON, Segment-spec JSON,
// CloudEvents (structured and binary mode) around native JSON, and the Confluent wire prefix before
// protobuf or JSON. A content-type header decides; without one the bytes do.
#ifndef KINDRED_EVENT_DECODER_H_
#define KINDRED_EVENT_DECODER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "event/event.h"

namespace kindred::event {

struct Header {
  absl::string_view name;
  absl::string_view value = {};
};

// One record as it lies in the log; views must outlive the use of the decoded events.
struct EncodedRecord {
  absl::string_view key = {};
  absl::string_view value = {};
  absl::Span<const Header> headers = {};
  int64_t arrival_ms = 0;  // the log's timestamp
};

struct DecoderOptions {
  // Longer values are refused.
  size_t max_record_bytes = 1 << 20;
  // Deeper JSON is refused.
  int max_depth = 64;
  // More events from one record are refused.
  int max_events_per_record = 1000;
};

enum class Format : uint8_t { kProtobuf, kJson, kSegmentJson, kCloudEvents };
// "protobuf", "json", "segment_json", "cloud_events".
absl::string_view FormatName(Format format);

// Why a record could not be read. The names are metric labels and dead-letter reasons.
enum class DecodeFailure : uint8_t {
  kNone,
  kEmpty,              // "empty": no bytes
  kTooLarge,           // "too_large"
  kMalformed,          // "malformed": not JSON, not protobuf, truncated
  kTooDeep,            // "too_deep"
  kInvalidUtf8,        // "invalid_utf8"
  kWrongType,          // "wrong_type": a field has a value of another type; detail names it
  kUnsupportedFormat,  // "unsupported_format": content-type that nobody reads
  kTooManyEvents,      // "too_many_events"
};
absl::string_view DecodeFailureName(DecodeFailure failure);

struct DecodeResult {
  DecodeFailure failure = DecodeFailure::kNone;
  std::string detail;  // which field, what was expected; empty on success
  Format format = Format::kJson;
  bool ok() const { return failure == DecodeFailure::kNone; }
};

// Threads: one at a time; make one for each worker.
// Owns:    the arena that decoded text lives in, reused by the next call.
class Decoder {
 public:
  explicit Decoder(const DecoderOptions& options = {});
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  // Replaces the contents of `events` by what the record holds: one event, or the lines of an
  // order. On failure `events` is empty. Views live until the next call and while `record` does.
  DecodeResult Decode(const EncodedRecord& record, std::vector<Event>* events);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kindred::event

#endif  // KINDRED_EVENT_DECODER_H_
