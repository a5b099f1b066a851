// One record of a topic, as it came off the wire: nothing is decoded, nothing is copied.
#ifndef KINDRED_STREAM_RECORD_H_
#define KINDRED_STREAM_RECORD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/strong_int.h"

struct rd_kafka_message_s;

namespace kindred::stream {

using Header = std::pair<absl::string_view, absl::string_view>;

// The parts of a record that does not come from a broker; for tests, simulation and replay.
struct RecordParts {
  std::string topic;
  PartitionId partition;
  Offset offset;
  std::optional<std::string> key;
  std::optional<std::string> value;  // none: a tombstone
  int64_t timestamp_ms = 0;
  std::vector<std::pair<std::string, std::string>> headers;
};

// Owns its bytes (the client library's buffer, or RecordParts); the views live as long as the
// record. Move-only; a moved-from record is empty and may only be assigned to or destroyed.
//
// Ownership: records of a KafkaEventSource must be destroyed before the source is.
// Threads:   one at a time; may be handed over to another thread.
class RawRecord {
 public:
  explicit RawRecord(RecordParts parts);
  ~RawRecord() { Release(); }
  RawRecord(RawRecord&& other) noexcept { *this = std::move(other); }
  RawRecord& operator=(RawRecord&& other) noexcept;
  RawRecord(const RawRecord&) = delete;
  RawRecord& operator=(const RawRecord&) = delete;

  absl::string_view topic() const;
  PartitionId partition() const { return partition_; }
  Offset offset() const { return offset_; }
  // A record without a key differs from one with an empty key.
  bool has_key() const { return key_.data() != nullptr; }
  absl::string_view key() const { return key_; }
  // Without a value ("tombstone"): in a compacted topic, the key is removed.
  bool tombstone() const { return value_.data() == nullptr; }
  absl::string_view value() const { return value_; }
  // Milliseconds since 1970 UTC, as stored in the log: the producer's or the broker's time, as the
  // topic's message.timestamp.type says. -1 when there is none.
  int64_t timestamp_ms() const { return timestamp_ms_; }

  // The value of the last header of that name (names are case-sensitive); a header without a value
  // gives an empty view. Headers are parsed at the first call.
  std::optional<absl::string_view> FindHeader(absl::string_view name) const;
  // All headers in order. Allocates.
  std::vector<Header> Headers() const;

  // Starts to load what Headers() and a look at a short value need.
  void Prefetch() const;

  // Bytes of key and value: what a queue is charged for holding the record.
  size_t size_bytes() const { return key_.size() + value_.size(); }

 private:
  friend class RecordAccess;  // makes records from the client library's messages
  explicit RawRecord(rd_kafka_message_s* message);
  void Release();

  rd_kafka_message_s* message_ = nullptr;
  std::unique_ptr<RecordParts> parts_;
  absl::string_view key_;
  absl::string_view value_;
  Offset offset_;
  int64_t timestamp_ms_ = -1;
  PartitionId partition_;
};

}  // namespace kindred::stream

#endif  // KINDRED_STREAM_RECORD_H_
