#include "stream/kafka_event_source.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "stream/fetch_waker.h"
#include "stream/kafka_client.h"
#include "stream/kafka_status.h"
#include "stream/record_access.h"
#include "stream/source_metrics.h"
#include "stream/topic_admin.h"

namespace kindred::stream {
namespace {

constexpr absl::Duration kEndLimit = absl::Seconds(5);
constexpr absl::Duration kQueryLimit = absl::Seconds(2);
constexpr absl::Duration kQueryAgain = absl::Seconds(1);
constexpr absl::Duration kFixedModeLimit = absl::Seconds(30);
constexpr int64_t kBeginning = -1;  // a position that is not known yet: nothing was read

class KafkaEventSource final : public EventSource {
 public:
  KafkaEventSource(const KafkaSourceOptions& options, std::vector<PartitionId> fixed,
                   RebalanceListener* listener)
      : topic_(options.topic),
        group_instance_id_(options.group_instance_id),
        in_group_(!options.group.empty()),
        fixed_(std::move(fixed)),
        listener_(*listener),
        metrics_(options.connection.metrics, options.topic) {}
  ~KafkaEventSource() override;

  absl::Status Start(const KafkaSourceOptions& options);

  absl::Status PollBatch(size_t max_records, absl::Duration max_wait,
                         std::vector<RawRecord>& out) override;
  void Pause(PartitionId partition) override { SetPaused(partition, true); }
  void Resume(PartitionId partition) override { SetPaused(partition, false); }
  absl::StatusOr<Watermarks> CachedWatermarks(PartitionId partition) const override;
  bool AtEnd(PartitionId partition) const override;
  bool BrokersReachable() const override { return reachable_; }
  void CommitHint(absl::Span<const PartitionOffset> positions) override;
  absl::Status Close(absl::Duration limit) override;

 private:
  struct Partition {
    bool assigned = false;
    bool paused = false;
    bool at_end = false;
    // The listener is to be asked where to go on: the log does not hold `next`.
    bool out_of_range = false;
    // Left alone until the next assignment.
    bool stopped = false;
    int64_t next = kBeginning;
  };

  static void RebalanceCallback(rd_kafka_t*, rd_kafka_resp_err_t error,
                                rd_kafka_topic_partition_list_t* partitions, void* self);
  static void ErrorCallback(rd_kafka_t*, int error, const char* detail, void* self);
  static int StatisticsCallback(rd_kafka_t*, char* json, size_t size, void* self);

  void Rebalance(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t* partitions);
  void Assign(std::vector<PartitionId> partitions);
  void Unassign(bool lost);
  // Gives the client the assignment with the positions of `partitions_`.
  void PushAssignment();
  void HandleError(const rd_kafka_message_t* message);
  void SkipOutOfRange();
  void Accept(rd_kafka_message_t* message, std::vector<RawRecord>& out);
  void Die(absl::Status status);
  Partition& At(int32_t partition);
  const Partition* Find(PartitionId partition) const;
  std::vector<PartitionId> Assigned() const;
  void SetReachable(bool reachable);
  void SetPaused(PartitionId partition, bool paused);

  const std::string topic_;
  const std::string group_instance_id_;
  const bool in_group_;
  const std::vector<PartitionId> fixed_;
  RebalanceListener& listener_;
  SourceMetrics metrics_;
  base::LogLimiter error_limiter_{absl::Seconds(10)};

  rd_kafka_t* client_ = nullptr;
  std::optional<FetchWaker> fetch_waker_;
  absl::Status dead_;
  bool started_fixed_ = false;
  bool closed_ = false;
  bool reachable_ = true;
  bool any_out_of_range_ = false;
  absl::Time next_query_ = absl::InfinitePast();
  std::vector<Partition> partitions_;  // by number

  // Of the PollBatch() call that is under way; null otherwise.
  std::vector<RawRecord>* batch_ = nullptr;
  size_t batch_first_ = 0;
  uint64_t bytes_ = 0;
  uint64_t refetched_ = 0;
};

KafkaEventSource::~KafkaEventSource() {
  if (client_ == nullptr) return;
  Close(kEndLimit).IgnoreError();
  if (client_ != nullptr) DestroyClient(client_, kEndLimit).IgnoreError();
}

absl::Status KafkaEventSource::Start(const KafkaSourceOptions& options) {
  ClientConfig config(options.connection);
  // Even a fixed assignment wants a group name; nothing is ever stored under it.
  config.Set("group.id", in_group_ ? options.group : "kindred-fixed-assignment");
  if (!options.group_instance_id.empty()) {
    config.Set("group.instance.id", options.group_instance_id);
  }
  config.Set("partition.assignment.strategy", "range");
  config.Set("session.timeout.ms", TimeoutMs(options.session_timeout));
  config.Set("heartbeat.interval.ms",
             std::max(100, std::min(3000, TimeoutMs(options.session_timeout) / 3)));
  config.Set("max.poll.interval.ms",
             std::max(TimeoutMs(options.max_poll_interval), TimeoutMs(options.session_timeout)));
  config.Set("enable.auto.commit", "false");
  config.Set("enable.auto.offset.store", "false");
  config.Set("auto.offset.reset", "error");
  config.Set("check.crcs", "true");
  config.Set("enable.partition.eof", "true");
  // Tells whether a broker is reachable, and keeps the low watermark fresh.
  config.Set("statistics.interval.ms", 5000);
  config.Set("fetch.wait.max.ms", TimeoutMs(options.fetch_wait));
  config.Set("fetch.error.backoff.ms", 100);
  config.Set("queued.min.messages", static_cast<int64_t>(options.queue_records));
  config.Set("queued.max.messages.kbytes", static_cast<int64_t>(options.queue_bytes >> 10));
  const int64_t fetch_bytes =
      std::max<int64_t>(static_cast<int64_t>(options.max_record_bytes), 4 << 20);
  config.Set("message.max.bytes", static_cast<int64_t>(options.max_record_bytes));
  config.Set("fetch.max.bytes", fetch_bytes);
  // So much of each partition may come on top of a queue that is not full yet.
  config.Set("fetch.message.max.bytes",
             std::clamp<int64_t>(static_cast<int64_t>(options.queue_bytes / 8), 64 << 10, 1 << 20));
  config.Set("receive.message.max.bytes", fetch_bytes + (1 << 20));
  rd_kafka_conf_set_opaque(config.get(), this);
  rd_kafka_conf_set_rebalance_cb(config.get(), RebalanceCallback);
  rd_kafka_conf_set_error_cb(config.get(), ErrorCallback);
  rd_kafka_conf_set_stats_cb(config.get(), StatisticsCallback);
  KINDRED_ASSIGN_OR_RETURN(client_, config.Create(RD_KAFKA_CONSUMER));
  metrics_.Reachable(true);
  rd_kafka_poll_set_consumer(client_);
  fetch_waker_.emplace(client_, topic_, options.queue_records, options.queue_bytes);
  if (!in_group_) return absl::OkStatus();
  rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, topic_.c_str(), RD_KAFKA_PARTITION_UA);
  const rd_kafka_resp_err_t error = rd_kafka_subscribe(client_, topics);
  rd_kafka_topic_partition_list_destroy(topics);
  return KafkaStatus(error, absl::StrCat("subscribe to ", topic_));
}

absl::Status KafkaEventSource::PollBatch(size_t max_records, absl::Duration max_wait,
                                         std::vector<RawRecord>& out) {
  KINDRED_RETURN_IF_ERROR(dead_);
  if (closed_) return absl::InternalError("event source is closed");
  if (!in_group_ && !started_fixed_) {
    started_fixed_ = true;
    Assign(fixed_);
  }
  if (any_out_of_range_) SkipOutOfRange();
  batch_ = &out;
  batch_first_ = out.size();
  bytes_ = refetched_ = 0;
  const absl::Time deadline = absl::Now() + max_wait;
  int wait_ms = TimeoutMs(max_wait);
  while (out.size() - batch_first_ < max_records && dead_.ok()) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(client_, wait_ms);
    if (message == nullptr) break;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      Accept(message, out);
      wait_ms = 0;
      continue;
    }
    HandleError(message);
    rd_kafka_message_destroy(message);
    wait_ms = out.size() > batch_first_ ? 0 : TimeoutMs(deadline - absl::Now());
  }
  metrics_.Read(out.size() - batch_first_, bytes_, refetched_);
  if (out.size() > batch_first_) {
    fetch_waker_->Taken(out.size() - batch_first_, bytes_, out.back().partition());
  }
  batch_ = nullptr;
  return dead_;
}

void KafkaEventSource::Accept(rd_kafka_message_t* message, std::vector<RawRecord>& out) {
  Partition& partition = At(message->partition);
  // The client may repeat records after a pause or a change of the assignment.
  if (!partition.assigned || message->offset < partition.next) {
    ++refetched_;
    rd_kafka_message_destroy(message);
    return;
  }
  partition.next = message->offset + 1;
  partition.at_end = false;
  bytes_ += message->len + message->key_len;
  out.push_back(RecordAccess::Make(message));
}

void KafkaEventSource::HandleError(const rd_kafka_message_t* message) {
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    Partition& partition = At(message->partition);
    if (message->offset >= partition.next) partition.at_end = partition.assigned;
    SetReachable(true);
    return;
  }
  metrics_.Error(rd_kafka_err2name(message->err));
  if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && message->rkt != nullptr) {
    Partition& partition = At(message->partition);
    partition.out_of_range = any_out_of_range_ = partition.assigned;
    return;
  }
  char detail[512] = "";
  const rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(client_, detail, sizeof(detail));
  if (fatal == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
    Die(absl::InternalError(
        absl::StrCat("group instance id is in use by another process: ", group_instance_id_)));
  } else if (fatal != RD_KAFKA_RESP_ERR_NO_ERROR) {
    Die(absl::InternalError(absl::StrCat("Kafka consumer: ", detail)));
  } else if (error_limiter_.Allow(absl::Now())) {
    base::LogWarning("stream", "consumer error",
                     {{"topic", topic_},
                      {"partition", message->partition},
                      {"error", rd_kafka_err2name(message->err)},
                      {"detail", rd_kafka_message_errstr(message)},
                      {"suppressed", error_limiter_.suppressed()}});
  }
}

void KafkaEventSource::Die(absl::Status status) {
  base::LogError("stream", "event source is dead", {{"topic", topic_}, {"error", status}});
  dead_ = std::move(status);
  if (!Assigned().empty()) Unassign(/*lost=*/true);
}

// A seek is refused in this state, so the whole assignment is given again at its present positions.
void KafkaEventSource::SkipOutOfRange() {
  const absl::Time now = absl::Now();
  if (now < next_query_) return;
  bool moved = false;
  any_out_of_range_ = false;
  for (size_t i = 0; i < partitions_.size(); ++i) {
    Partition& partition = partitions_[i];
    if (!partition.out_of_range) continue;
    int64_t low = 0;
    int64_t high = 0;
    const rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
        client_, topic_.c_str(), static_cast<int32_t>(i), &low, &high, TimeoutMs(kQueryLimit));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      any_out_of_range_ = true;
      next_query_ = now + kQueryAgain;
      continue;
    }
    partition.out_of_range = false;
    const std::optional<Offset> go_on = listener_.OnOutOfRange(
        PartitionId(static_cast<int32_t>(i)), Offset(std::max<int64_t>(partition.next, 0)),
        Watermarks{Offset(low), Offset(high)});
    partition.stopped = !go_on.has_value();
    if (go_on) partition.next = go_on->value();
    moved = moved || go_on.has_value();
  }
  if (moved) PushAssignment();
}

void KafkaEventSource::RebalanceCallback(rd_kafka_t*, rd_kafka_resp_err_t error,
                                         rd_kafka_topic_partition_list_t* partitions, void* self) {
  static_cast<KafkaEventSource*>(self)->Rebalance(error, partitions);
}

void KafkaEventSource::Rebalance(rd_kafka_resp_err_t error,
                                 const rd_kafka_topic_partition_list_t* partitions) {
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !closed_) {
    std::vector<PartitionId> ids;
    for (int i = 0; i < partitions->cnt; ++i) {
      ids.push_back(PartitionId(partitions->elems[i].partition));
    }
    std::sort(ids.begin(), ids.end());
    Assign(std::move(ids));
    return;
  }
  if (error != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
    base::LogWarning("stream", "rebalance failed",
                     {{"topic", topic_}, {"error", rd_kafka_err2name(error)}});
  }
  Unassign(rd_kafka_assignment_lost(client_) != 0);
}

void KafkaEventSource::Assign(std::vector<PartitionId> partitions) {
  metrics_.Rebalance("assigned");
  base::LogInfo("stream", "partitions assigned",
                {{"topic", topic_}, {"partitions", partitions.size()}});
  partitions_.clear();
  for (PartitionId id : partitions) At(id.value()).assigned = true;
  for (const PartitionStart& start : listener_.OnAssigned(partitions)) {
    Partition& partition = At(start.partition.value());
    KINDRED_CHECK(partition.assigned) << "start of a partition that is not assigned";
    if (start.next) partition.next = start.next->value();
  }
  SetReachable(true);
  PushAssignment();
}

void KafkaEventSource::PushAssignment() {
  rd_kafka_topic_partition_list_t* list =
      rd_kafka_topic_partition_list_new(static_cast<int>(partitions_.size()));
  const absl::Cleanup destroy = [list] { rd_kafka_topic_partition_list_destroy(list); };
  for (size_t i = 0; i < partitions_.size(); ++i) {
    const Partition& partition = partitions_[i];
    if (!partition.assigned || partition.stopped) continue;
    rd_kafka_topic_partition_list_add(list, topic_.c_str(), static_cast<int32_t>(i))->offset =
        partition.next == kBeginning ? RD_KAFKA_OFFSET_BEGINNING : partition.next;
  }
  const rd_kafka_resp_err_t error = rd_kafka_assign(client_, list);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    // The group moved on meanwhile, or the client is dead, which the next poll tells.
    base::LogWarning("stream", "assignment not taken",
                     {{"topic", topic_}, {"error", rd_kafka_err2name(error)}});
  }
  for (size_t i = 0; i < partitions_.size(); ++i) {
    if (!partitions_[i].paused) continue;
    partitions_[i].paused = false;
    Pause(PartitionId(static_cast<int32_t>(i)));
  }
}

void KafkaEventSource::Unassign(bool lost) {
  metrics_.Rebalance(lost ? "lost" : "revoked");
  const std::vector<PartitionId> ids = Assigned();
  base::LogInfo("stream", "partitions taken away",
                {{"topic", topic_}, {"partitions", ids.size()}, {"lost", lost}});
  if (batch_ != nullptr) {
    batch_->erase(batch_->begin() + static_cast<ptrdiff_t>(batch_first_), batch_->end());
    bytes_ = 0;
  }
  for (PartitionId id : ids) Resume(id);  // or the pause would survive into the next assignment
  partitions_.clear();
  any_out_of_range_ = false;
  if (!ids.empty()) {
    if (lost) {
      listener_.OnLost(ids);
    } else {
      listener_.OnRevoked(ids);
    }
  }
  rd_kafka_assign(client_, nullptr);
}

void KafkaEventSource::ErrorCallback(rd_kafka_t*, int error, const char* detail, void* self) {
  auto& source = *static_cast<KafkaEventSource*>(self);
  source.metrics_.Error(rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error)));
  if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) source.SetReachable(false);
  if (error == RD_KAFKA_RESP_ERR__FATAL) return;  // told by the message that follows
  if (source.error_limiter_.Allow(absl::Now())) {
    base::LogWarning("stream", "client error",
                     {{"topic", source.topic_},
                      {"error", rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error))},
                      {"detail", detail},
                      {"suppressed", source.error_limiter_.suppressed()}});
  }
}

int KafkaEventSource::StatisticsCallback(rd_kafka_t*, char* json, size_t, void* self) {
  // The text comes from the library itself; one broker in this state is all we ask.
  static_cast<KafkaEventSource*>(self)->SetReachable(std::strstr(json, "\"state\":\"UP\"") !=
                                                     nullptr);
  return 0;
}

void KafkaEventSource::SetReachable(bool reachable) {
  if (reachable == reachable_) return;
  reachable_ = reachable;
  metrics_.Reachable(reachable);
  base::LogInfo("stream", reachable ? "brokers reachable again" : "no broker can be reached",
                {{"topic", topic_}});
}

KafkaEventSource::Partition& KafkaEventSource::At(int32_t partition) {
  KINDRED_CHECK(partition >= 0) << "partition " << partition;
  if (static_cast<size_t>(partition) >= partitions_.size()) partitions_.resize(partition + 1);
  return partitions_[partition];
}

const KafkaEventSource::Partition* KafkaEventSource::Find(PartitionId partition) const {
  if (partition.value() < 0 || static_cast<size_t>(partition.value()) >= partitions_.size()) {
    return nullptr;
  }
  const Partition& found = partitions_[partition.value()];
  return found.assigned ? &found : nullptr;
}

std::vector<PartitionId> KafkaEventSource::Assigned() const {
  std::vector<PartitionId> ids;
  for (size_t i = 0; i < partitions_.size(); ++i) {
    if (partitions_[i].assigned) ids.push_back(PartitionId(static_cast<int32_t>(i)));
  }
  return ids;
}

void KafkaEventSource::SetPaused(PartitionId partition, bool paused) {
  if (Find(partition) == nullptr || At(partition.value()).paused == paused) return;
  At(partition.value()).paused = paused;
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic_.c_str(), partition.value());
  (paused ? rd_kafka_pause_partitions : rd_kafka_resume_partitions)(client_, list);
  rd_kafka_topic_partition_list_destroy(list);
}

absl::StatusOr<Watermarks> KafkaEventSource::CachedWatermarks(PartitionId partition) const {
  int64_t low = 0;
  int64_t high = 0;
  if (Find(partition) == nullptr || client_ == nullptr ||
      rd_kafka_get_watermark_offsets(client_, topic_.c_str(), partition.value(), &low, &high) !=
          RD_KAFKA_RESP_ERR_NO_ERROR ||
      high < 0) {
    return absl::NotFoundError("watermarks are not known yet");
  }
  return Watermarks{Offset(std::max<int64_t>(low, 0)), Offset(high)};
}

bool KafkaEventSource::AtEnd(PartitionId partition) const {
  const Partition* found = Find(partition);
  return found != nullptr && found->at_end;
}

void KafkaEventSource::CommitHint(absl::Span<const PartitionOffset> positions) {
  if (!in_group_ || closed_ || positions.empty()) return;
  rd_kafka_topic_partition_list_t* list =
      rd_kafka_topic_partition_list_new(static_cast<int>(positions.size()));
  for (const PartitionOffset& position : positions) {
    if (Find(position.partition) == nullptr) continue;
    rd_kafka_topic_partition_list_add(list, topic_.c_str(), position.partition.value())->offset =
        position.next.value();
  }
  if (list->cnt > 0) rd_kafka_commit(client_, list, /*async=*/1);
  rd_kafka_topic_partition_list_destroy(list);
}

absl::Status KafkaEventSource::Close(absl::Duration limit) {
  if (closed_ || client_ == nullptr) return absl::OkStatus();
  closed_ = true;
  fetch_waker_->Stop();
  const absl::Time deadline = absl::Now() + limit;
  // The closing call of the library may wait for ever (issue 3740), so it runs behind a queue that
  // we stop serving when the time is up.
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client_);
  rd_kafka_error_t* refused = rd_kafka_consumer_close_queue(client_, queue);
  if (refused != nullptr) rd_kafka_error_destroy(refused);  // dead: there is nothing to leave
  while (refused == nullptr && rd_kafka_consumer_closed(client_) == 0 && absl::Now() < deadline) {
    const int wait_ms = std::min(50, TimeoutMs(deadline - absl::Now()));
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue, wait_ms);
    if (event == nullptr) continue;
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE) {
      Rebalance(rd_kafka_event_error(event), rd_kafka_event_topic_partition_list(event));
    }
    rd_kafka_event_destroy(event);
  }
  const bool ended = refused != nullptr || rd_kafka_consumer_closed(client_) != 0;
  if (!Assigned().empty()) Unassign(/*lost=*/!ended);
  rd_kafka_queue_destroy(queue);
  fetch_waker_.reset();
  if (ended) return absl::OkStatus();
  base::LogWarning("stream", "group was not left in time", {{"topic", topic_}});
  client_ = nullptr;  // its threads may still use it
  return absl::DeadlineExceededError("Kafka consumer did not close in time");
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventSource>> OpenKafkaEventSource(const KafkaSourceOptions& options,
                                                                  RebalanceListener* listener) {
  KINDRED_CHECK(listener != nullptr) << "event source without listener";
  if (options.topic.empty()) return absl::InvalidArgumentError("no topic given");
  std::vector<PartitionId> fixed = options.partitions;
  if (options.group.empty() && fixed.empty()) {
    KINDRED_ASSIGN_OR_RETURN(std::unique_ptr<TopicAdmin> admin,
                             TopicAdmin::Open(options.connection));
    KINDRED_ASSIGN_OR_RETURN(const TopicInfo info, admin->Describe(options.topic, kFixedModeLimit));
    for (int p = 0; p < info.partitions; ++p) fixed.push_back(PartitionId(p));
  }
  auto source = std::make_unique<KafkaEventSource>(options, std::move(fixed), listener);
  KINDRED_RETURN_IF_ERROR(source->Start(options));
  return source;
}

}  // namespace kindred::stream
