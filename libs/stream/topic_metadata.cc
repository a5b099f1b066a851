#include "stream/topic_metadata.h"

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "stream/kafka_client.h"
#include "stream/kafka_status.h"

namespace kindred::stream {

absl::Status NoAnswer(rd_kafka_resp_err_t error, absl::string_view what) {
  const absl::Status status = KafkaStatus(error, what);
  return absl::IsDeadlineExceeded(status) ? absl::UnavailableError(status.message()) : status;
}

absl::StatusOr<int> TopicPartitions(rd_kafka_t* client, rd_kafka_topic_t* topic,
                                    absl::Duration timeout, bool with_leaders) {
  const absl::string_view name = rd_kafka_topic_name(topic);
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error =
      rd_kafka_metadata(client, 0, topic, &metadata, TimeoutMs(timeout));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return NoAnswer(error, "topic metadata");
  const absl::Cleanup destroy_metadata = [metadata] { rd_kafka_metadata_destroy(metadata); };
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic& found = metadata->topics[i];
    if (found.topic != name) continue;
    KINDRED_RETURN_IF_ERROR(KafkaStatus(found.err, absl::StrCat("topic ", name)));
    for (int p = 0; with_leaders && p < found.partition_cnt; ++p) {
      if (found.partitions[p].leader < 0) return absl::UnavailableError("no leader yet");
    }
    return found.partition_cnt;
  }
  return absl::NotFoundError(absl::StrCat("no topic ", name));
}

}  // namespace kindred::stream
