#include "stream/embedded_broker.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "stream/kafka_client.h"
#include "stream/kafka_status.h"

namespace kindred::stream {
namespace {

constexpr int32_t kBrokerId = 1;
constexpr absl::Duration kEndLimit = absl::Seconds(5);

}  // namespace

class EmbeddedBroker::Impl {
 public:
  Impl(rd_kafka_t* host, rd_kafka_mock_cluster_t* brokers)
      : client(host), cluster(brokers), address(rd_kafka_mock_cluster_bootstraps(brokers)) {}
  ~Impl() {
    rd_kafka_mock_cluster_destroy(cluster);
    DestroyClient(client, kEndLimit).IgnoreError();
  }
  rd_kafka_t* const client;  // only hosts the cluster
  rd_kafka_mock_cluster_t* const cluster;
  const std::string address;
};

EmbeddedBroker::EmbeddedBroker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedBroker::~EmbeddedBroker() = default;

absl::StatusOr<std::unique_ptr<EmbeddedBroker>> EmbeddedBroker::Start() {
  Connection host;
  host.brokers = "localhost:1";  // the host client itself never connects
  host.client_id = "kindred-embedded-broker";
  ClientConfig config(host);
  // Its log lines would tell of failed attempts to connect to that address.
  config.Set("log_level", 2);
  KINDRED_ASSIGN_OR_RETURN(rd_kafka_t * client, config.Create(RD_KAFKA_PRODUCER));
  rd_kafka_mock_cluster_t* cluster = rd_kafka_mock_cluster_new(client, 1);
  if (cluster == nullptr) {
    DestroyClient(client, kEndLimit).IgnoreError();
    return absl::InternalError("embedded broker did not start");
  }
  return std::unique_ptr<EmbeddedBroker>(
      new EmbeddedBroker(std::make_unique<Impl>(client, cluster)));
}

const std::string& EmbeddedBroker::address() const { return impl_->address; }

absl::Status EmbeddedBroker::CreateTopic(const std::string& name, int partitions) {
  return KafkaStatus(rd_kafka_mock_topic_create(impl_->cluster, name.c_str(), partitions, 1),
                     absl::StrCat("create topic ", name));
}

void EmbeddedBroker::SetDown(bool down) {
  const rd_kafka_resp_err_t error = down ? rd_kafka_mock_broker_set_down(impl_->cluster, kBrokerId)
                                         : rd_kafka_mock_broker_set_up(impl_->cluster, kBrokerId);
  KINDRED_CHECK(error == RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_err2str(error);
}

FeedGate::FeedGate(int partitions, int64_t max_bytes, size_t max_records)
    : max_bytes_(max_bytes), max_records_(max_records), lanes_(partitions) {
  KINDRED_CHECK(partitions > 0 && max_bytes > 0 && max_records > 0) << "feed gate";
}

absl::Status FeedGate::Enter(PartitionId partition, size_t bytes, absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  KINDRED_CHECK(partition.value() >= 0 && static_cast<size_t>(partition.value()) < lanes_.size())
      << "partition " << partition;
  Lane& lane = lanes_[partition.value()];
  const auto has_room = [this, &lane, bytes]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return lane.sizes.empty() || (lane.sizes.size() < max_records_ &&
                                  lane.bytes + static_cast<int64_t>(bytes) <= max_bytes_);
  };
  if (!mutex_.AwaitWithTimeout(absl::Condition(&has_room), timeout)) {
    return absl::DeadlineExceededError("the reader of the embedded broker did not make room");
  }
  lane.sizes.push_back(static_cast<uint32_t>(bytes));
  lane.bytes += static_cast<int64_t>(bytes);
  return absl::OkStatus();
}

void FeedGate::Advance(PartitionId partition, Offset next) {
  absl::MutexLock lock(&mutex_);
  KINDRED_CHECK(partition.value() >= 0 && static_cast<size_t>(partition.value()) < lanes_.size())
      << "partition " << partition;
  Lane& lane = lanes_[partition.value()];
  while (lane.first < next.value() && !lane.sizes.empty()) {
    lane.bytes -= lane.sizes.front();
    lane.sizes.pop_front();
    ++lane.first;
  }
}

absl::Status FeedGate::Drain(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  const auto is_empty = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    for (const Lane& lane : lanes_) {
      if (!lane.sizes.empty()) return false;
    }
    return true;
  };
  if (!mutex_.AwaitWithTimeout(absl::Condition(&is_empty), timeout)) {
    return absl::DeadlineExceededError("the reader of the embedded broker did not catch up");
  }
  return absl::OkStatus();
}

}  // namespace kindred::stream
