// Writes records to any topic.
#ifndef KINDRED_STREAM_RECORD_SINK_H_
#define KINDRED_STREAM_RECORD_SINK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/strong_int.h"
#include "stream/connection.h"
#include "stream/record.h"

namespace kindred::stream {

// What to write; the bytes are copied by Produce().
struct OutRecord {
  absl::string_view topic;
  // None: by the key, murmur2 as Java producers do; without a key, at random.
  std::optional<PartitionId> partition;
  std::optional<absl::string_view> key;
  std::optional<absl::string_view> value;  // none: a tombstone
  absl::Span<const Header> headers;
  int64_t timestamp_ms = 0;  // 0: now
};

struct Delivery {
  absl::Status status;  // OK: all in-sync replicas have it
  PartitionId partition;
  Offset offset;  // meaningful when OK
};
using OnDelivered = std::function<void(const Delivery&)>;

// The second seam: RecordSink over Kafka, and the simulated log's sink.
// Threads: all methods from any thread.
class RecordSink {
 public:
  virtual ~RecordSink() = default;

  // Learns the topic's partitions from a broker, so that the records of a partition keep the order
  // in which they are produced from the first one on. Without it, those produced before the client
  // has learnt them may be overtaken by later ones; and so may, unless the sink is idempotent, a
  // batch that a leader refuses, as when it moves (TopicAdmin::WaitForTopic for a new topic).
  // NotFound: no such topic. Unavailable: no broker answered within `limit`.
  virtual absl::Status Prepare(const std::string& topic, absl::Duration limit) = 0;

  // Queues the record and returns at once. `done`, if any, is called exactly once for an accepted
  // record, on the sink's own thread (must not block, must not call Flush()).
  // Delivery status: Unavailable, DeadlineExceeded: may or may not be in the log, send it again.
  // InvalidArgument: never will be (too large, unknown topic).
  //
  // ResourceExhausted: the queue is full, nothing was taken; wait and try again.
  // InvalidArgument:   too large, or the partition does not exist.
  // Internal:          the sink is dead; make a new one.
  virtual absl::Status Produce(const OutRecord& record, OnDelivered done = nullptr) = 0;

  // Waits until everything accepted so far was delivered or given up; DeadlineExceeded after
  // `limit`.
  virtual absl::Status Flush(absl::Duration limit) = 0;

  // Records accepted whose delivery is not known yet.
  virtual size_t pending() const = 0;
};

struct KafkaSinkOptions {
  Connection connection;
  // Waits this long to fill a batch: throughput against latency.
  absl::Duration linger = absl::Milliseconds(5);
  size_t queue_records = 100'000;
  size_t queue_bytes = 64u << 20;
  size_t max_record_bytes = 16u << 20;
  // A record that could not be delivered for so long is given up with DeadlineExceeded.
  absl::Duration delivery_timeout = absl::Minutes(2);
  // On: the broker drops repeats that retries make, and keeps order. Off by default: every record
  // that Kindred writes carries an id and receivers drop what they have seen (DESIGN D7), and the
  // client's idempotent mode can end in a fatal error after a retry, which would only cost
  // availability.
  bool idempotent = false;
};

absl::StatusOr<std::unique_ptr<RecordSink>> OpenKafkaRecordSink(const KafkaSinkOptions& options);

}  // namespace kindred::stream

#endif  // KINDRED_STREAM_RECORD_SINK_H_
