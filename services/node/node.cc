#include "node/node.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/thread_name.h"
#include "node/catalogue_follower.h"
#include "node/checkpointer.h"
#include "node/config.h"
#include "node/grpc_server.h"
#include "node/hour_watch.h"
#include "node/http_server.h"
#include "node/ingest.h"
#include "node/item_record.h"
#include "node/learner.h"
#include "node/live_serving.h"
#include "node/memory_plan.h"
#include "node/node_metrics.h"
#include "node/node_options.h"
#include "node/outbox.h"
#include "node/partition_set.h"
#include "node/prediction_learner.h"
#include "node/progress_watch.h"
#include "node/quality_watch.h"
#include "node/rules_runtime.h"
#include "node/shared_state.h"
#include "node/store_cold_reader.h"
#include "node/suspects.h"
#include "node/topics.h"
#include "node/version.h"
#include "node/worker.h"
#include "store/store.h"
#include "stream/kafka_event_source.h"
#include "stream/record_sink.h"
#include "stream/topic_admin.h"
#include "telemetry/health.h"
#include "telemetry/metrics.h"

namespace kindred::node {
namespace {

constexpr absl::Duration kBrokerTimeout = absl::Seconds(5);
constexpr absl::Duration kWatch = absl::Milliseconds(200);
constexpr absl::Duration kDialInterval = absl::Seconds(5);
constexpr absl::Duration kStuckAfter = absl::Seconds(60);
constexpr absl::Duration kLeaveLimit = absl::Seconds(5);
// Of records that are fetched ahead there are at most as many as fit with so few bytes each: the
// client's own bytes for one are as many.
constexpr size_t kLeastRecordBytes = 512;

stream::Connection ConnectionOf(const config::v1::KafkaConfig& kafka,
                                telemetry::Registry* registry) {
  stream::Connection connection;
  connection.brokers = kafka.brokers();
  connection.settings.insert(kafka.properties().begin(), kafka.properties().end());
  connection.metrics = registry;
  return connection;
}

class NodeImpl final : public Node {
 public:
  NodeImpl(const config::v1::NodeConfig& config, NodeHooks hooks)
      : config_(config), hooks_(std::move(hooks)) {}

  ~NodeImpl() override { Stop().IgnoreError(); }

  absl::Status Open(const std::function<bool()>& stop) {
    start_time_ = absl::Now();
    if (config_.kafka().dead_letter_topic().empty()) {
      config_.mutable_kafka()->set_dead_letter_topic(
          absl::StrCat(config_.kafka().topic(), ".dead-letters"));
    }
    health_.Set(telemetry::Probe::kReadiness, "start", absl::UnavailableError("starting"));
    KINDRED_RETURN_IF_ERROR(MeetBrokers(stop));
    KINDRED_RETURN_IF_ERROR(WithAdvice(OpenState(), config_.store().data_dir()));
    KINDRED_RETURN_IF_ERROR(StartServers());
    KINDRED_RETURN_IF_ERROR(ReadCatalogue(stop));
    KINDRED_RETURN_IF_ERROR(StartIngest());
    health_.Remove(telemetry::Probe::kReadiness, "start");
    watcher_ = std::thread([this] { Watch(); });
    base::LogInfo("node", "started",
                  {{"version", kVersion},
                   {"topic", config_.kafka().topic()},
                   {"partitions", partitions_->count()},
                   {"grpc_port", grpc_->port()},
                   {"http_port", http_port()}});
    return absl::OkStatus();
  }

  absl::Status Stop() override;

  absl::Status fatal() const override {
    absl::MutexLock lock(&mutex_);
    return fatal_;
  }
  bool ready() const override { return health_.Check(telemetry::Probe::kReadiness).ok(); }
  void ReloadRules() override { rules_->Reload(); }
  Serving& serving() override { return *serving_; }
  int grpc_port() const override { return grpc_->port(); }
  int http_port() const override { return http_ == nullptr ? 0 : http_->port(); }

 private:
  absl::Status MeetBrokers(const std::function<bool()>& stop);
  absl::Status OpenState();
  absl::Status CheckLastingSettings();
  absl::Status RestorePartitions();
  absl::Status StartServers();
  absl::Status ReadCatalogue(const std::function<bool()>& stop);
  absl::Status StartIngest();
  void Watch();
  void WatchReadiness();
  void WatchMemory();
  void Fail(const absl::Status& status) {
    absl::MutexLock lock(&mutex_);
    if (fatal_.ok()) fatal_ = WithAdvice(status, config_.store().data_dir());
  }

  config::v1::NodeConfig config_;
  const MemoryPlan memory_ = MemoryPlanOf(config_);
  const NodeHooks hooks_;
  absl::Time start_time_;
  telemetry::Registry registry_;
  telemetry::HealthState health_;
  stream::Connection connection_;
  std::string cluster_id_;
  int32_t partition_count_ = 0;
  std::vector<PartitionId> outbox_pending_at_start_;  // may have dead letters from before

  // In the order in which they are made; taken down the other way round by Stop().
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<StoreColdReader> cold_;
  std::unique_ptr<SharedState> shared_;
  std::unique_ptr<PartitionSet> partitions_;
  std::unique_ptr<stream::RecordSink> sink_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<Suspects> suspects_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Ingest> ingest_;
  std::unique_ptr<Learner> learner_;
  std::unique_ptr<PredictionLearner> predictions_;
  std::unique_ptr<RulesRuntime> rules_;
  std::unique_ptr<CatalogueFollower> catalogue_;
  std::unique_ptr<LiveServing> serving_;
  std::unique_ptr<EventWriter> writer_;
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<HttpServer> http_;
  std::vector<std::unique_ptr<telemetry::Registry::Collector>> collectors_;

  mutable absl::Mutex mutex_;
  absl::Status fatal_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread watcher_;
};

absl::Status NodeImpl::MeetBrokers(const std::function<bool()>& stop) {
  connection_ = ConnectionOf(config_.kafka(), &registry_);
  if (hooks_.partition_count > 0) {
    partition_count_ = hooks_.partition_count;
    cluster_id_ = "embedded";
    return absl::OkStatus();
  }
  KINDRED_ASSIGN_OR_RETURN(const std::unique_ptr<stream::TopicAdmin> admin,
                           stream::TopicAdmin::Open(connection_));
  while (true) {
    absl::Status status = MakeTopics(config_.kafka(), kBrokerTimeout, admin.get());
    if (status.ok()) {
      const absl::StatusOr<stream::TopicInfo> topic =
          admin->WaitForTopic(config_.kafka().topic(), kBrokerTimeout);
      const absl::StatusOr<stream::ClusterInfo> cluster = admin->Cluster(kBrokerTimeout);
      if (topic.ok() && cluster.ok()) {
        partition_count_ = topic->partitions;
        cluster_id_ = cluster->cluster_id;
        return absl::OkStatus();
      }
      status = topic.ok() ? cluster.status() : topic.status();
    }
    if (absl::IsInvalidArgument(status)) return status;
    base::LogWarning("node", "waiting for Kafka and its topics; --create-topics makes them",
                     {{"brokers", config_.kafka().brokers()},
                      {"topic", config_.kafka().topic()},
                      {"error", status}});
    for (int i = 0; i < 10; ++i) {
      if (stop()) return absl::CancelledError("stopped while waiting for Kafka");
      absl::SleepFor(absl::Milliseconds(100));
    }
  }
}

absl::Status NodeImpl::OpenState() {
  store::StoreOptions options;
  options.data_dir = config_.store().data_dir();
  options.cluster_id = cluster_id_;
  options.topic = config_.kafka().topic();
  options.partition_count = partition_count_;
  options.block_cache_bytes = static_cast<int64_t>(memory_.block_cache);
  options.write_buffer_bytes = static_cast<int64_t>(memory_.write_buffers);
  KINDRED_ASSIGN_OR_RETURN(store_, store::Store::Open(options));
  KINDRED_RETURN_IF_ERROR(CheckLastingSettings());
  cold_ = std::make_unique<StoreColdReader>(store_.get());
  KINDRED_ASSIGN_OR_RETURN(const SharedOptions shared, SharedOptionsOf(config_, partition_count_));
  shared_ = std::make_unique<SharedState>(shared);
  partitions_ = std::make_unique<PartitionSet>(shared_.get());
  KINDRED_RETURN_IF_ERROR(RestorePartitions());

  stream::KafkaSinkOptions sink;
  sink.connection = connection_;
  KINDRED_ASSIGN_OR_RETURN(sink_, stream::OpenKafkaRecordSink(sink));
  const OutboxTopics topics{config_.kafka().dead_letter_topic(), config_.kafka().topic(),
                            config_.kafka().audience_topic()};
  outbox_ =
      std::make_unique<Outbox>(topics, partitions_.get(), store_.get(), sink_.get(), &registry_);
  const auto fail = [this](absl::Status status) { Fail(std::move(status)); };
  checkpointer_ = std::make_unique<Checkpointer>(
      store_.get(), &registry_,
      [this](Partition& partition, const PendingCheckpoint& pending) {
        if (pending.has_outbox) outbox_->Wake(partition.id());
      },
      fail);
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const int threads =
      config_.serve().worker_threads() > 0 ? config_.serve().worker_threads() : cores;
  const WorkerOptions worker = WorkerOptionsOf(config_, threads);
  suspects_ = std::make_unique<Suspects>(store_.get());
  KINDRED_RETURN_IF_ERROR(suspects_->Open());
  for (int i = 0; i < threads; ++i) {
    workers_.push_back(std::make_unique<Worker>(worker, shared_.get(), store_.get(), cold_.get(),
                                                checkpointer_.get(), suspects_.get(), &registry_,
                                                fail));
  }
  learner_ = std::make_unique<Learner>(LearnerOptionsOf(config_), partitions_.get(), store_.get(),
                                       &registry_);
  KINDRED_RETURN_IF_ERROR(learner_->Start());
  predictions_ = std::make_unique<PredictionLearner>(
      PredictionOptionsOf(config_), partitions_.get(), cold_.get(), store_.get(), &registry_);
  KINDRED_RETURN_IF_ERROR(predictions_->Start());
  // A partition with something to tell gets a checkpoint, as if a record had come.
  const auto tell = [this](Partition* partition) {
    workers_[static_cast<size_t>(partition->id().value()) % workers_.size()]->Enqueue(partition,
                                                                                      {});
  };
  rules_ = std::make_unique<RulesRuntime>(RulesOptionsOf(config_), shared_.get(), partitions_.get(),
                                          cold_.get(), store_.get(), learner_.get(),
                                          predictions_.get(), tell, &registry_);
  return rules_->Load();
}

absl::Status NodeImpl::CheckLastingSettings() {
  constexpr absl::string_view kKey = "settings";
  const std::string now = LastingSettings(config_);
  KINDRED_ASSIGN_OR_RETURN(const std::optional<std::string> before,
                           store_->Get(store::Table::kMeta, store::kNodeScope, kKey));
  if (!before.has_value()) {
    store::Checkpoint checkpoint = store_->NewCheckpoint(store::kNodeScope);
    checkpoint.Put(store::Table::kMeta, kKey, now);
    return store_->Write(std::move(checkpoint));
  }
  if (*before == now) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the state in ", config_.store().data_dir(), " was made with ", *before,
                   ", the configuration says ", now,
                   ". Set them back, or start with an empty data_dir to build the state anew from "
                   "the log"));
}

absl::Status NodeImpl::RestorePartitions() {
  const absl::Time start = absl::Now();
  KINDRED_RETURN_IF_ERROR(shared_->items.Restore(*store_));
  KINDRED_RETURN_IF_ERROR(shared_->terms.Restore(*store_));
  KINDRED_RETURN_IF_ERROR(store_->ForEach(
      store::Table::kCatalogue, store::kNodeScope,
      [this](absl::string_view id, absl::string_view value) -> absl::Status {
        KINDRED_ASSIGN_OR_RETURN(const uint32_t item, store::ParseNumberKey(id));
        return RestoreItemRecord(ItemId(item), value, &shared_->terms.names(), &shared_->index);
      }));
  KINDRED_ASSIGN_OR_RETURN(const std::vector<store::StoredPartition> stored, store_->Partitions());
  if (stored.empty()) return absl::OkStatus();
  const size_t budget = memory_.loaded_profiles / stored.size();
  for (const store::StoredPartition& one : stored) {
    KINDRED_RETURN_IF_ERROR(partitions_->Ensure(one.partition).Restore(*store_, budget));
    outbox_pending_at_start_.push_back(one.partition);
  }
  partitions_->TellHalted(config_.clean().resume_halted());
  base::LogInfo("node", "state restored",
                {{"partitions", stored.size()},
                 {"customers", partitions_->customers()},
                 {"seconds", absl::ToDoubleSeconds(absl::Now() - start)}});
  return absl::OkStatus();
}

absl::Status NodeImpl::StartServers() {
  StatusInfo info;
  info.topic = config_.kafka().topic();
  info.group = config_.kafka().group();
  info.memory_limit_bytes = memory_.limit;
  info.start_time = start_time_;
  serving_ = std::make_unique<LiveServing>(info, shared_.get(), partitions_.get(), cold_.get(),
                                           store_.get(), learner_.get(), predictions_.get(),
                                           checkpointer_.get(), &health_);
  writer_ = std::make_unique<EventWriter>(config_.kafka().topic(), sink_.get(), partitions_.get());
  serving_->SetWriter(writer_.get());
  GrpcServerOptions grpc;
  grpc.address = config_.serve().grpc_address();
  grpc.audiences = &rules_->answers();
  KINDRED_ASSIGN_OR_RETURN(grpc_, GrpcServer::Start(grpc, serving_.get(), &registry_));
  if (!config_.serve().http_address().empty()) {
    HttpServerOptions http;
    http.address = config_.serve().http_address();
    http.admission = &grpc_->admission();
    http.audiences = &rules_->answers();
    KINDRED_ASSIGN_OR_RETURN(http_, HttpServer::Start(http, serving_.get(), &registry_, &health_));
  }
  return absl::OkStatus();
}

absl::Status NodeImpl::ReadCatalogue(const std::function<bool()>& stop) {
  const std::string& topic = config_.kafka().items_topic();
  if (topic.empty()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<CatalogueFollower>> follower =
      CatalogueFollower::Start(connection_, topic, shared_.get(), &registry_);
  if (absl::IsNotFound(follower.status())) {
    base::LogWarning("node", "no items topic: items are known from events alone",
                     {{"topic", topic}});
    return absl::OkStatus();
  }
  KINDRED_RETURN_IF_ERROR(follower.status());
  catalogue_ = *std::move(follower);
  while (!catalogue_->caught_up()) {
    if (stop()) return absl::CancelledError("stopped while reading the catalogue");
    absl::SleepFor(absl::Milliseconds(10));
  }
  base::LogInfo("node", "catalogue read", {{"items", shared_->catalogue.size()}});
  return absl::OkStatus();
}

absl::Status NodeImpl::StartIngest() {
  ingest_ = std::make_unique<Ingest>(IngestOptions(), partitions_.get(), &workers_,
                                     checkpointer_.get(), &registry_,
                                     [this](absl::Status status) { Fail(std::move(status)); });
  ingest_->SetOnConsumed(hooks_.on_consumed);
  rules_->Start();
  collectors_ = AddNodeCollectors(&registry_, shared_.get(), partitions_.get(), store_.get(),
                                  checkpointer_.get(), ingest_.get(), learner_.get());
  stream::KafkaSourceOptions source;
  source.connection = connection_;
  source.topic = config_.kafka().topic();
  source.group = config_.kafka().group();
  source.group_instance_id = config_.kafka().instance_id();
  source.queue_bytes = memory_.client_queue;
  source.queue_records = memory_.client_queue / kLeastRecordBytes;
  source.session_timeout = absl::Milliseconds(config_.kafka().session_timeout_ms());
  health_.Set(telemetry::Probe::kReadiness, "partitions",
              absl::UnavailableError("none is assigned yet"));
  for (const PartitionId partition : outbox_pending_at_start_) outbox_->Wake(partition);
  return ingest_->Start(source);
}

void NodeImpl::Watch() {
  base::NameThread("watch-node");
  HourWatch hour_watch(partitions_.get(), &registry_);
  QualityWatch quality_watch(partitions_.get(), learner_.get(),
                             absl::Minutes(config_.clean().quality_check_minutes()), &registry_);
  absl::Time next_dial = absl::Now() + kDialInterval;
  ProgressWatch progress(kStuckAfter);
  bool serving = false;
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kWatch)) return;
    }
    WatchReadiness();
    WatchMemory();
    if (ready() != serving) {
      serving = !serving;
      grpc_->SetServing(serving);
      base::LogInfo("node", serving ? "ready" : "not ready");
    }
    // A worker that has work must move, and the poll loop always. A full or slow disk is no reason
    // to restart.
    std::vector<ProgressWatch::Part> parts = {{"ingest", ingest_->progress(), false}};
    for (const auto& worker : workers_) {
      parts.push_back({absl::StrCat("worker ", parts.size() - 1), worker->progress(),
                       worker->idle() || ingest_->DiskLags()});
    }
    const absl::Time now = absl::Now();
    health_.Set(telemetry::Probe::kLiveness, "progress", progress.Check(now, parts));
    if (now < next_dial) continue;
    next_dial = now + kDialInterval;
    hour_watch.Check();
    quality_watch.Check();
    health_.Set(telemetry::Probe::kLiveness, "grpc",
                DialHealth(absl::StrCat("127.0.0.1:", grpc_->port()), absl::Seconds(2)));
  }
}

void NodeImpl::WatchReadiness() {
  absl::Status partitions = absl::OkStatus();
  if (!ingest_->assigned()) {
    partitions = absl::UnavailableError("none is assigned yet");
  } else {
    int not_ready = 0;
    absl::Status first;
    partitions_->ForEach([&](const PartitionSlot& slot) {
      if (slot.ownership.load() != Ownership::kOwned) return;
      const absl::Status ready = partitions_->Ready(slot.state->id());
      if (ready.ok()) return;
      ++not_ready;
      if (first.ok()) first = ready;
    });
    if (not_ready > 0) {
      partitions =
          absl::UnavailableError(absl::StrCat(not_ready, " not ready; first: ", first.message()));
    }
  }
  health_.Set(telemetry::Probe::kReadiness, "partitions", partitions);
}

// Keeps the process within its bound: what the profiles may take is what the rest leaves.
void NodeImpl::WatchMemory() {
  size_t profiles = 0;
  size_t count = 0;
  partitions_->ForEach([&](const PartitionSlot& slot) {
    profiles += slot.state->profile_bytes();
    ++count;
  });
  if (count == 0) return;
  int64_t resident = ResidentBytes();
  if (memory_.Near(resident) && hooks_.release_free_memory) {
    // What the allocator keeps for later goes before what readers would miss.
    hooks_.release_free_memory();
    resident = ResidentBytes();
  }
  const MemoryBudget budget = memory_.BudgetAt(resident, profiles);
  for (const auto& worker : workers_) {
    worker->SetProfileBudget(budget.profiles / count);
    worker->SetMemoryTight(budget.tight);
  }
}

absl::Status NodeImpl::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return fatal_;
    stopping_ = true;
  }
  const absl::Time start = absl::Now();
  const absl::Duration grace = absl::Milliseconds(config_.serve().shutdown_grace_ms());
  if (watcher_.joinable()) watcher_.join();
  health_.Set(telemetry::Probe::kReadiness, "stop", absl::UnavailableError("stopping"));
  if (grpc_ != nullptr) grpc_->Shutdown(start + grace);
  if (http_ != nullptr) http_->Shutdown();
  if (catalogue_ != nullptr) catalogue_->Stop();
  if (rules_ != nullptr) rules_->Stop();
  // Leaving the group writes last checkpoints, so workers and checkpointer must still be there.
  if (ingest_ != nullptr) ingest_->Stop(kLeaveLimit);
  for (const auto& worker : workers_) worker->Stop();
  if (checkpointer_ != nullptr) {
    const bool stored = checkpointer_->WaitIdle(grace).ok();
    checkpointer_->Stop();
    if (stored && ingest_ != nullptr) suspects_->Close().IgnoreError();
  }
  if (learner_ != nullptr) learner_->Stop();
  if (predictions_ != nullptr) predictions_->Stop();
  if (outbox_ != nullptr) {
    outbox_->Drain(absl::Seconds(2)).IgnoreError();
    outbox_->Stop();
  }
  sink_.reset();
  collectors_.clear();
  absl::Status closed;
  if (store_ != nullptr) closed = store_->Close();
  base::LogInfo("node", "stopped",
                {{"seconds", absl::ToDoubleSeconds(absl::Now() - start)}, {"store", closed}});
  absl::MutexLock lock(&mutex_);
  return fatal_.ok() ? closed : fatal_;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Node>> Node::Start(const config::v1::NodeConfig& config,
                                                  const NodeHooks& hooks,
                                                  const std::function<bool()>& stop) {
  KINDRED_RETURN_IF_ERROR(ValidateConfig(config));
  auto node = std::make_unique<NodeImpl>(config, hooks);
  KINDRED_RETURN_IF_ERROR(node->Open(stop));
  return node;
}

}  // namespace kindred::node
