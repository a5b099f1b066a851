// Reads a topic from Kafka, as a member of a consumer group or with a fixed set of partitions.
#ifndef KINDRED_STREAM_KAFKA_EVENT_SOURCE_H_
#define KINDRED_STREAM_KAFKA_EVENT_SOURCE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/strong_int.h"
#include "stream/connection.h"
#include "stream/event_source.h"

namespace kindred::stream {

struct KafkaSourceOptions {
  Connection connection;
  std::string topic;

  // Group mode: the partitions come from the group's (eager, range) assignment.
  std::string group;
  // Static membership: must be unique per process; a restart within the session timeout keeps the
  // partitions. Empty: dynamic membership.
  std::string group_instance_id;
  absl::Duration session_timeout = absl::Seconds(45);
  absl::Duration max_poll_interval = absl::Minutes(5);

  // Fixed mode, when `group` is empty: these partitions, all of the topic if none is named.
  std::vector<PartitionId> partitions;

  // How long a broker may hold back a fetch that finds nothing. A record that arrives ends the
  // wait.
  absl::Duration fetch_wait = absl::Milliseconds(100);
  // What is fetched ahead, over all partitions: it is held in memory and dropped by a pause.
  size_t queue_records = 50'000;
  size_t queue_bytes = 32u << 20;
  // Largest record that is accepted; bounds memory together with queue_bytes.
  size_t max_record_bytes = 16u << 20;
};

// InvalidArgument: options that the client refuses. Brokers need not be reachable in group mode;
// fixed mode with no partitions named asks for them first (Unavailable, NotFound). `listener` must
// outlive the source.
absl::StatusOr<std::unique_ptr<EventSource>> OpenKafkaEventSource(const KafkaSourceOptions& options,
                                                                  RebalanceListener* listener);

}  // namespace kindred::stream

#endif  // KINDRED_STREAM_KAFKA_EVENT_SOURCE_H_
