// What a client learns of a topic. Not for other libraries.
#ifndef KINDRED_STREAM_TOPIC_METADATA_H_
#define KINDRED_STREAM_TOPIC_METADATA_H_

#include <librdkafka/rdkafka.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace kindred::stream {

// A request that no broker answered in time is Unavailable: whatever keeps a broker from answering,
// the caller tries again. Other errors as KafkaStatus() has them.
absl::Status NoAnswer(rd_kafka_resp_err_t error, absl::string_view what);

// Asks a broker for the topic's partitions; `client` knows them from then on, as long as `topic`
// lives. Returns how many there are. NotFound: no such topic. Unavailable: no broker answered
// within `timeout`, or a partition has no leader and `with_leaders` is set.
absl::StatusOr<int> TopicPartitions(rd_kafka_t* client, rd_kafka_topic_t* topic,
                                    absl::Duration timeout, bool with_leaders);

}  // namespace kindred::stream

#endif  // KINDRED_STREAM_TOPIC_METADATA_H_
