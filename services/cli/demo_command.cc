#include "cli/demo_command.h"

#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "cli/ask_commands.h"
#include "cli/client.h"
#include "cli/feeder.h"
#include "cli/import_command.h"
#include "node/config.h"
#include "node/node.h"
#include "stream/embedded_broker.h"

namespace kindred::cli {
namespace {

constexpr int kPartitions = 4;
constexpr char kTopic[] = "events";
constexpr char kItems[] = "items";
// So many rows are sent twice, as a producer that retries does.
constexpr uint64_t kRepeatedRows = 1000;

struct Options {
  std::string data = "tests/data";
  std::string data_dir;
  std::string grpc_address = "127.0.0.1:50051";
  std::string http_address = "127.0.0.1:8080";
  bool once = false;
  bool verbose = false;
};

std::atomic<bool> interrupted{false};

void Headline(const std::string& text) { std::printf("\n== %s\n", text.c_str()); }

class Demo {
 public:
  explicit Demo(const Options& options) : options_(options) {}
  ~Demo() {
    if (own_data_dir_) {
      std::error_code ignored;
      std::filesystem::remove_all(options_.data_dir, ignored);
    }
  }

  absl::Status Run() {
    KINDRED_RETURN_IF_ERROR(Prepare());
    KINDRED_RETURN_IF_ERROR(Feed());
    KINDRED_RETURN_IF_ERROR(Show());
    if (!options_.once && !interrupted) Serve();
    const absl::Status stopped = node_->Stop();
    node_.reset();
    sink_.reset();
    return stopped;
  }

 private:
  absl::Status Prepare();
  absl::Status Feed();
  absl::Status WaitApplied();
  absl::Status Show();
  void Serve() const;
  std::string BusyCustomer() const;
  std::string Path(const char* file) const { return absl::StrCat(options_.data, "/", file); }

  Options options_;
  bool own_data_dir_ = false;
  std::unique_ptr<stream::EmbeddedBroker> broker_;
  std::unique_ptr<stream::RecordSink> sink_;
  std::unique_ptr<stream::FeedGate> gate_;
  std::unique_ptr<node::Node> node_;
  uint64_t sent_ = 0;
  double seconds_ = 0;
};

absl::Status Demo::Prepare() {
  for (const char* file : {"transactions.csv.gz", "products.csv.gz"}) {
    if (!std::filesystem::exists(Path(file))) {
      return absl::NotFoundError(absl::StrCat("no ", Path(file),
                                              "; --data names the folder that holds it (in the "
                                              "repository: tests/data)"));
    }
  }
  if (options_.data_dir.empty()) {
    char pattern[] = "/tmp/kindred-demo-XXXXXX";
    if (mkdtemp(pattern) == nullptr) return absl::ResourceExhaustedError("cannot write to /tmp");
    options_.data_dir = pattern;
    own_data_dir_ = true;
  }
  std::printf("Starting the built-in broker and a node.\n");
  KINDRED_ASSIGN_OR_RETURN(broker_, stream::EmbeddedBroker::Start());
  KINDRED_RETURN_IF_ERROR(broker_->CreateTopic(kTopic, kPartitions));
  KINDRED_RETURN_IF_ERROR(broker_->CreateTopic(kItems, 1));
  KINDRED_RETURN_IF_ERROR(broker_->CreateTopic(absl::StrCat(kTopic, ".dead-letters"), 1));
  stream::KafkaSinkOptions sink;
  sink.connection.brokers = broker_->address();
  KINDRED_ASSIGN_OR_RETURN(sink_, stream::OpenKafkaRecordSink(sink));
  for (const char* topic : {kTopic, kItems}) {
    KINDRED_RETURN_IF_ERROR(sink_->Prepare(topic, absl::Seconds(10)));
  }
  gate_ = std::make_unique<stream::FeedGate>(kPartitions);

  ImportOptions items;
  items.file = Path("products.csv.gz");
  items.columns = {{"title", "product_type"}, {"category", "product_category"}};
  items.quiet = true;
  Feeder feeder({kItems}, sink_.get());
  KINDRED_RETURN_IF_ERROR(ImportItems(items, &feeder).status());
  KINDRED_RETURN_IF_ERROR(feeder.Finish());

  config::v1::NodeConfig config = node::DefaultConfig();
  config.mutable_kafka()->set_brokers(broker_->address());
  config.mutable_kafka()->set_topic(kTopic);
  config.mutable_kafka()->set_items_topic(kItems);
  config.mutable_store()->set_data_dir(options_.data_dir);
  config.mutable_store()->set_memory_limit_mib(1024);
  config.mutable_serve()->set_grpc_address(options_.grpc_address);
  config.mutable_serve()->set_http_address(options_.http_address);
  config.mutable_segments()->set_pass_interval_ms(200);
  node::NodeHooks hooks;
  hooks.partition_count = kPartitions;
  hooks.on_consumed = [gate = gate_.get()](PartitionId partition, Offset next) {
    gate->Advance(partition, next);
  };
  KINDRED_ASSIGN_OR_RETURN(node_,
                           node::Node::Start(config, hooks, [] { return interrupted.load(); }));
  const absl::Time limit = absl::Now() + absl::Seconds(60);
  while (!node_->ready()) {
    if (interrupted) return absl::CancelledError("interrupted");
    if (!node_->fatal().ok()) return node_->fatal();
    if (absl::Now() > limit) return absl::DeadlineExceededError("the node did not get ready");
    absl::SleepFor(absl::Milliseconds(20));
  }
  return absl::OkStatus();
}

absl::Status Demo::Feed() {
  Headline("A year of groceries, every line of every basket");
  ImportOptions events;
  events.file = Path("transactions.csv.gz");
  events.constants = {{"channel", "store"}, {"currency", "USD"}};
  Feeder feeder({kTopic, kPartitions, gate_.get()}, sink_.get());
  const absl::Time start = absl::Now();
  KINDRED_ASSIGN_OR_RETURN(uint64_t rows, ImportEvents(events, &feeder));
  events.limit = kRepeatedRows;
  events.quiet = true;
  KINDRED_ASSIGN_OR_RETURN(const uint64_t again, ImportEvents(events, &feeder));
  KINDRED_RETURN_IF_ERROR(feeder.Finish());
  sent_ = rows + again;
  KINDRED_RETURN_IF_ERROR(WaitApplied());
  seconds_ = absl::ToDoubleSeconds(absl::Now() - start);
  // Two walks of the learner over the final state.
  int64_t version = -1;
  const absl::Time limit = absl::Now() + absl::Seconds(15);
  int steady = 0;
  while (absl::Now() < limit && steady < 4 && !interrupted) {
    v1::ListSegmentsResponse segments;
    KINDRED_RETURN_IF_ERROR(node_->serving().ListSegments({}, &segments));
    steady = segments.model_version() == version && version > 0 ? steady + 1 : 0;
    version = segments.model_version();
    absl::SleepFor(absl::Milliseconds(150));
  }
  return absl::OkStatus();
}

absl::Status Demo::WaitApplied() {
  const absl::Time limit = absl::Now() + absl::Minutes(2);
  while (absl::Now() < limit) {
    if (interrupted) return absl::CancelledError("interrupted");
    if (!node_->fatal().ok()) return node_->fatal();
    v1::Status status;
    KINDRED_RETURN_IF_ERROR(node_->serving().GetStatus({}, &status));
    if (status.quality().read() >= static_cast<int64_t>(sent_)) return absl::OkStatus();
    absl::SleepFor(absl::Milliseconds(20));
  }
  return absl::DeadlineExceededError("not all events were applied in time");
}

// A customer with enough of a history to be worth showing: a typical one of the largest segment.
std::string Demo::BusyCustomer() const {
  v1::ListSegmentsResponse segments;
  if (node_->serving().ListSegments({}, &segments).ok()) {
    for (const v1::Segment& segment : segments.segments()) {
      if (segment.typical_profiles_size() > 0) {
        return segment.typical_profiles(0).substr(std::string("profiles/").size());
      }
    }
  }
  return "1";
}

absl::Status Demo::Show() {
  v1::Status status;
  KINDRED_RETURN_IF_ERROR(node_->serving().GetStatus({}, &status));
  const v1::Quality& quality = status.quality();
  Headline("What became of the events");
  std::printf("  read %lld, accepted %lld, duplicate %lld\n",
              static_cast<long long>(quality.read()), static_cast<long long>(quality.accepted()),
              static_cast<long long>(quality.duplicates()));
  for (const auto& [reason, count] : quality.rejected()) {
    std::printf("  rejected: %s %lld\n", reason.c_str(), static_cast<long long>(count));
  }
  for (const auto& [kind, count] : quality.corrected()) {
    std::printf("  corrected: %s %lld\n", kind.c_str(), static_cast<long long>(count));
  }
  std::printf("  %.0f events per second, feeding included; %lld customers, %lld items\n",
              static_cast<double>(quality.read()) / seconds_,
              static_cast<long long>(status.customer_count()),
              static_cast<long long>(status.item_count()));

  const std::string customer = BusyCustomer();
  Headline("One live profile");
  v1::GetProfileRequest get;
  get.set_name(absl::StrCat("profiles/", customer));
  v1::Profile profile;
  KINDRED_RETURN_IF_ERROR(node_->serving().GetProfile(get, &profile));
  std::printf("%s", ProfileText(profile).c_str());

  Headline("The learned segments");
  v1::ListSegmentsResponse segments;
  KINDRED_RETURN_IF_ERROR(node_->serving().ListSegments({}, &segments));
  std::printf("%s", SegmentsText(segments).c_str());

  Headline(absl::StrCat("Ten recommendations for customer ", customer));
  v1::RecommendRequest recommend;
  recommend.set_customer_id(customer);
  recommend.set_count(10);
  v1::RecommendResponse recommended;
  KINDRED_RETURN_IF_ERROR(node_->serving().Recommend(recommend, &recommended));
  std::printf("%s", RecommendationsText(recommended.recommendations(), false).c_str());
  std::fflush(stdout);
  return absl::OkStatus();
}

void Demo::Serve() const {
  Headline("Serving until Ctrl-C");
  std::printf("  gRPC   127.0.0.1:%d   (grpcurl -plaintext 127.0.0.1:%d list)\n",
              node_->grpc_port(), node_->grpc_port());
  std::printf(
      "  HTTP   http://127.0.0.1:%d/v1/status, /v1/profiles/{id}, /v1/recommendations/{id}, "
      "/metrics\n",
      node_->http_port());
  std::printf("  Kafka  %s, topic %s: send an event and look again, for example\n",
              broker_->address().c_str(), kTopic);
  std::printf(
      "         echo '{\"user_id\":\"%s\",\"type\":\"view\",\"item_id\":\"1029743\"}' | "
      "build/release/bin/kindred produce --brokers %s\n",
      BusyCustomer().c_str(), broker_->address().c_str());
  std::fflush(stdout);
  while (!interrupted && node_->fatal().ok()) absl::SleepFor(absl::Milliseconds(50));
  std::printf("\nStopping.\n");
}

void Run(const Options& options) {
  // Threads of the node must not be stopped by a signal before it is stopped itself.
  signal(SIGPIPE, SIG_IGN);
  const auto stop = [](int) { interrupted.store(true); };
  signal(SIGINT, stop);
  signal(SIGTERM, stop);
  if (!options.verbose) base::SetLogLevel(base::LogLevel::kError);
  const absl::Status status = Demo(options).Run();
  if (!status.ok() && !(absl::IsCancelled(status) && interrupted)) Fail(status);
}

}  // namespace

void AddDemoCommand(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("demo", "Run everything in this process on real data, and show it");
  command->footer(
      "Example:\n  kindred demo --once\n  kindred demo --grpc-address 127.0.0.1:0 "
      "--http-address 127.0.0.1:0   (free ports)");
  command->add_option("--data", options->data, "Folder with transactions.csv.gz, products.csv.gz")
      ->capture_default_str();
  command->add_option("--data-dir", options->data_dir, "Where to keep state; default: temporary");
  command->add_option("--grpc-address", options->grpc_address, "host:port")->capture_default_str();
  command->add_option("--http-address", options->http_address, "host:port")->capture_default_str();
  command->add_flag("--once", options->once, "Leave after the summary");
  command->add_flag("--verbose", options->verbose, "Show the node's log");
  command->callback([options] { Run(*options); });
}

}  // namespace kindred::cli
