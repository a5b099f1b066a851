#include "stream/topic_admin.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "stream/kafka_client.h"
#include "stream/kafka_status.h"
#include "stream/topic_metadata.h"

namespace kindred::stream {
namespace {

constexpr absl::Duration kEndLimit = absl::Seconds(5);
constexpr absl::Duration kLookAgain = absl::Milliseconds(100);

absl::StatusOr<rd_kafka_NewTopic_t*> MakeNewTopic(const NewTopic& topic) {
  char error[256] = "";
  rd_kafka_NewTopic_t* request = rd_kafka_NewTopic_new(
      topic.name.c_str(), topic.partitions, topic.replication_factor, error, sizeof(error));
  if (request == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("new topic ", topic.name, ": ", error));
  }
  for (const auto& [name, value] : topic.configs) {
    rd_kafka_NewTopic_set_config(request, name.c_str(), value.c_str());
  }
  return request;
}

// The first topic's outcome.
absl::Status CreateOutcome(rd_kafka_event_t* event, absl::string_view name) {
  const std::string what = absl::StrCat("create topic ", name);
  if (event == nullptr) return absl::UnavailableError(absl::StrCat(what, ": no answer in time"));
  if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return KafkaStatus(rd_kafka_event_error(event), what);
  }
  const rd_kafka_CreateTopics_result_t* result = rd_kafka_event_CreateTopics_result(event);
  size_t count = 0;
  const rd_kafka_topic_result_t** topics = rd_kafka_CreateTopics_result_topics(result, &count);
  if (count != 1) return absl::InternalError(absl::StrCat(what, ": answer without the topic"));
  const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(topics[0]);
  if (error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return absl::OkStatus();
  const char* detail = rd_kafka_topic_result_error_string(topics[0]);
  return KafkaStatus(error,
                     absl::StrCat(what, detail == nullptr ? "" : " (",  //
                                  detail == nullptr ? "" : detail, detail == nullptr ? "" : ")"));
}

// A topic that was just made, or a leader that was just elected: soon the brokers agree.
bool LeaderMoves(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
         error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

}  // namespace

class TopicAdmin::Impl {
 public:
  explicit Impl(rd_kafka_t* owned) : client(owned) {}
  ~Impl() { DestroyClient(client, kEndLimit).IgnoreError(); }

  // Partitions of a topic; Unavailable while one of them has no leader and `with_leaders` is set.
  absl::StatusOr<TopicInfo> Describe(const std::string& topic, absl::Duration timeout,
                                     bool with_leaders) {
    rd_kafka_topic_t* handle = rd_kafka_topic_new(client, topic.c_str(), nullptr);
    if (handle == nullptr) {
      return KafkaStatus(rd_kafka_last_error(), absl::StrCat("topic ", topic));
    }
    const absl::Cleanup destroy_handle = [handle] { rd_kafka_topic_destroy(handle); };
    KINDRED_ASSIGN_OR_RETURN(const int partitions,
                             TopicPartitions(client, handle, timeout, with_leaders));
    return TopicInfo{topic, partitions};
  }

  rd_kafka_t* const client;
};

TopicAdmin::TopicAdmin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TopicAdmin::~TopicAdmin() = default;

absl::StatusOr<std::unique_ptr<TopicAdmin>> TopicAdmin::Open(const Connection& connection) {
  ClientConfig config(connection);
  // A consumer: unlike a producer it never asks brokers to create the topics it looks for.
  KINDRED_ASSIGN_OR_RETURN(rd_kafka_t * client, config.Create(RD_KAFKA_CONSUMER));
  return std::unique_ptr<TopicAdmin>(new TopicAdmin(std::make_unique<Impl>(client)));
}

absl::Status TopicAdmin::CreateTopic(const NewTopic& topic, absl::Duration timeout) {
  KINDRED_ASSIGN_OR_RETURN(rd_kafka_NewTopic_t * request, MakeNewTopic(topic));
  const absl::Cleanup destroy_request = [request] { rd_kafka_NewTopic_destroy(request); };
  rd_kafka_AdminOptions_t* options =
      rd_kafka_AdminOptions_new(impl_->client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
  const absl::Cleanup destroy_options = [options] { rd_kafka_AdminOptions_destroy(options); };
  char error[256] = "";
  const int timeout_ms = std::max(TimeoutMs(timeout), 1);
  if (rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, error, sizeof(error)) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    return absl::InvalidArgumentError(absl::StrCat("create topic timeout: ", error));
  }
  rd_kafka_queue_t* queue = rd_kafka_queue_new(impl_->client);
  const absl::Cleanup destroy_queue = [queue] { rd_kafka_queue_destroy(queue); };
  rd_kafka_NewTopic_t* requests[] = {request};
  rd_kafka_CreateTopics(impl_->client, requests, 1, options, queue);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, timeout_ms + 500);
  const absl::Cleanup destroy_event = [event] {
    if (event != nullptr) rd_kafka_event_destroy(event);
  };
  const absl::Status status = CreateOutcome(event, topic.name);
  return absl::IsDeadlineExceeded(status) ? absl::UnavailableError(status.message()) : status;
}

absl::StatusOr<TopicInfo> TopicAdmin::Describe(const std::string& topic, absl::Duration timeout) {
  return impl_->Describe(topic, timeout, /*with_leaders=*/false);
}

absl::StatusOr<TopicInfo> TopicAdmin::WaitForTopic(const std::string& topic,
                                                   absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  absl::Status told;
  while (true) {
    const absl::Duration left = deadline - absl::Now();
    absl::StatusOr<TopicInfo> info =
        impl_->Describe(topic, std::min(left, absl::Seconds(5)), /*with_leaders=*/true);
    if (info.ok()) {
      const absl::Status led = LeadersAnswer(*info, deadline);
      if (led.ok()) return info;
      info = led;
    }
    // The last look may have had a moment only: that it got no answer says less than an earlier
    // one.
    if (told.ok() || !absl::IsUnavailable(info.status())) told = info.status();
    if (absl::Now() + kLookAgain >= deadline) return told;
    absl::SleepFor(kLookAgain);
  }
}

absl::Status TopicAdmin::LeadersAnswer(const TopicInfo& info, absl::Time deadline) {
  for (int32_t p = 0; p < info.partitions; ++p) {
    KINDRED_RETURN_IF_ERROR(
        QueryWatermarks(info.name, PartitionId(p), deadline - absl::Now()).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<ClusterInfo> TopicAdmin::Cluster(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error =
      rd_kafka_metadata(impl_->client, 0, nullptr, &metadata, TimeoutMs(timeout));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return NoAnswer(error, "cluster metadata");
  ClusterInfo info;
  info.brokers = metadata->broker_cnt;
  rd_kafka_metadata_destroy(metadata);
  char* id = rd_kafka_clusterid(impl_->client, TimeoutMs(deadline - absl::Now()));
  if (id == nullptr) return absl::UnavailableError("cluster id: no answer in time");
  info.cluster_id = id;
  rd_kafka_mem_free(impl_->client, id);
  return info;
}

absl::StatusOr<Watermarks> TopicAdmin::QueryWatermarks(const std::string& topic,
                                                       PartitionId partition,
                                                       absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  int64_t low = 0;
  int64_t high = 0;
  while (true) {
    const rd_kafka_resp_err_t error =
        rd_kafka_query_watermark_offsets(impl_->client, topic.c_str(), partition.value(), &low,
                                         &high, TimeoutMs(deadline - absl::Now()));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    if (!LeaderMoves(error) || absl::Now() + kLookAgain >= deadline) {
      return NoAnswer(error, absl::StrCat("watermarks of ", topic, "/", partition.value()));
    }
    absl::SleepFor(kLookAgain);
  }
  return Watermarks{Offset(low), Offset(high)};
}

}  // namespace kindred::stream
