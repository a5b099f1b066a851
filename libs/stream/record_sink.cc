#include "stream/record_sink.h"

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "stream/kafka_client.h"
#include "stream/kafka_status.h"
#include "stream/topic_metadata.h"
#include "telemetry/metrics.h"

namespace kindred::stream {
namespace {

constexpr absl::Duration kEndLimit = absl::Seconds(5);
constexpr int kServeMs = 50;

class KafkaRecordSink final : public RecordSink {
 public:
  explicit KafkaRecordSink(telemetry::Registry* registry) : registry_(registry) {}
  ~KafkaRecordSink() override;

  absl::Status Start(const KafkaSinkOptions& options);

  absl::Status Prepare(const std::string& topic, absl::Duration limit) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Produce(const OutRecord& record, OnDelivered done) override;
  absl::Status Flush(absl::Duration limit) override ABSL_LOCKS_EXCLUDED(mutex_);
  size_t pending() const override ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return static_cast<size_t>(pending_);
  }

 private:
  static void DeliveryCallback(rd_kafka_t*, const rd_kafka_message_t* message, void* self);
  void Serve();
  void Settle(int64_t by) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    pending_ += by;
  }
  absl::Status Refused(rd_kafka_resp_err_t error, const OutRecord& record);
  void Count(const std::string& topic, absl::string_view result);

  telemetry::Registry* const registry_;
  rd_kafka_t* client_ = nullptr;
  std::atomic<bool> stopping_{false};
  std::thread server_;
  mutable absl::Mutex mutex_;
  int64_t pending_ ABSL_GUARDED_BY(mutex_) = 0;
  // Held so that the client keeps what it knows of them.
  std::vector<rd_kafka_topic_t*> topics_ ABSL_GUARDED_BY(mutex_);
};

KafkaRecordSink::~KafkaRecordSink() {
  if (client_ == nullptr) return;
  // What is not delivered by now is given up, and each callback still gets its call.
  rd_kafka_purge(client_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  if (!Flush(kEndLimit).ok()) base::LogError("stream", "sink ends with records under way");
  stopping_ = true;
  server_.join();
  for (rd_kafka_topic_t* topic : topics_) rd_kafka_topic_destroy(topic);
  DestroyClient(client_, kEndLimit).IgnoreError();
}

absl::Status KafkaRecordSink::Start(const KafkaSinkOptions& options) {
  ClientConfig config(options.connection);
  config.Set("acks", "all");
  config.Set("partitioner", "murmur2_random");
  config.Set("enable.idempotence", options.idempotent ? "true" : "false");
  config.Set("compression.codec", "lz4");
  config.Set("linger.ms", TimeoutMs(options.linger));
  config.Set("queue.buffering.max.messages", static_cast<int64_t>(options.queue_records));
  config.Set("queue.buffering.max.kbytes", static_cast<int64_t>(options.queue_bytes >> 10));
  config.Set("message.max.bytes", static_cast<int64_t>(options.max_record_bytes));
  config.Set("message.timeout.ms", std::max(1, TimeoutMs(options.delivery_timeout)));
  rd_kafka_conf_set_opaque(config.get(), this);
  rd_kafka_conf_set_dr_msg_cb(config.get(), DeliveryCallback);
  KINDRED_ASSIGN_OR_RETURN(client_, config.Create(RD_KAFKA_PRODUCER));
  server_ = std::thread([this] { Serve(); });
  return absl::OkStatus();
}

void KafkaRecordSink::Serve() {
  while (!stopping_.load(std::memory_order_relaxed)) rd_kafka_poll(client_, kServeMs);
}

absl::Status KafkaRecordSink::Prepare(const std::string& topic, absl::Duration limit) {
  rd_kafka_topic_t* const handle = rd_kafka_topic_new(client_, topic.c_str(), nullptr);
  if (handle == nullptr) {
    return KafkaStatus(rd_kafka_last_error(), absl::StrCat("topic ", topic));
  }
  {
    absl::MutexLock lock(&mutex_);
    topics_.push_back(handle);
  }
  return TopicPartitions(client_, handle, limit, /*with_leaders=*/false).status();
}

absl::Status KafkaRecordSink::Produce(const OutRecord& record, OnDelivered done) {
  rd_kafka_headers_t* headers = nullptr;
  if (!record.headers.empty()) {
    headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [name, value] : record.headers) {
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                          static_cast<ssize_t>(value.size()));
    }
  }
  auto callback = done ? std::make_unique<OnDelivered>(std::move(done)) : nullptr;
  const std::string topic(record.topic);
  // A null pointer means "none", so an empty key or value needs some address.
  const absl::string_view key = record.key.value_or(absl::string_view());
  const absl::string_view value = record.value.value_or(absl::string_view());
  const void* const key_bytes = !record.key ? nullptr : key.empty() ? "" : key.data();
  const void* const value_bytes = !record.value ? nullptr : value.empty() ? "" : value.data();
  const int32_t partition = record.partition ? record.partition->value() : RD_KAFKA_PARTITION_UA;
  Settle(1);
  // Not produceva(): it frees headers twice when it fails (librdkafka issue 4628).
  const rd_kafka_resp_err_t error = rd_kafka_producev(
      client_, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key_bytes, key.size()),
      RD_KAFKA_V_VALUE(const_cast<void*>(value_bytes), value.size()),
      RD_KAFKA_V_TIMESTAMP(record.timestamp_ms), RD_KAFKA_V_HEADERS(headers),
      RD_KAFKA_V_OPAQUE(callback.get()), RD_KAFKA_V_END);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    callback.release();  // DeliveryCallback() frees it
    return absl::OkStatus();
  }
  if (headers != nullptr) rd_kafka_headers_destroy(headers);
  Settle(-1);
  return Refused(error, record);
}

absl::Status KafkaRecordSink::Refused(rd_kafka_resp_err_t error, const OutRecord& record) {
  char detail[512] = "";
  if (rd_kafka_fatal_error(client_, detail, sizeof(detail)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return absl::InternalError(absl::StrCat("Kafka producer: ", detail));
  }
  if (error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
    return absl::InvalidArgumentError(absl::StrCat("no such partition of ", record.topic));
  }
  return KafkaStatus(error, absl::StrCat("produce to ", record.topic));
}

void KafkaRecordSink::DeliveryCallback(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
  auto& sink = *static_cast<KafkaRecordSink*>(self);
  const std::string topic = message->rkt == nullptr ? "" : rd_kafka_topic_name(message->rkt);
  sink.Count(topic, message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? "delivered" : "failed");
  if (message->_private != nullptr) {
    const std::unique_ptr<OnDelivered> done(static_cast<OnDelivered*>(message->_private));
    absl::Status status;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      status = KafkaStatus(message->err, absl::StrCat("delivery to ", topic));
    }
    (*done)(Delivery{std::move(status), PartitionId(message->partition), Offset(message->offset)});
  }
  sink.Settle(-1);
}

void KafkaRecordSink::Count(const std::string& topic, absl::string_view result) {
  if (registry_ == nullptr) return;
  registry_
      ->GetCounter("kindred_stream_produced_records_total", "Records sent to Kafka by result.",
                   {{"topic", topic}, {"result", std::string(result)}})
      .Increment();
}

absl::Status KafkaRecordSink::Flush(absl::Duration limit) {
  absl::MutexLock lock(&mutex_);
  const auto none_pending = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return pending_ == 0; };
  if (mutex_.AwaitWithTimeout(absl::Condition(&none_pending), limit)) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat(pending_, " records are still under way"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordSink>> OpenKafkaRecordSink(const KafkaSinkOptions& options) {
  auto sink = std::make_unique<KafkaRecordSink>(options.connection.metrics);
  KINDRED_RETURN_IF_ERROR(sink->Start(options));
  return sink;
}

}  // namespace kindred::stream
