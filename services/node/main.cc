#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "node/config.h"
#include "node/node.h"
#include "node/version.h"

namespace kindred::node {
namespace {

constexpr char kExamples[] = R"(
Examples:
  kindred-node --brokers localhost:9092 --topic events --items-topic items --group kindred \
               --data-dir /var/lib/kindred --create-topics
  kindred-node --config node.yaml --set segments.count=5
  kindred-node --config node.yaml --print-config

Exit status: 0 stopped as asked, 1 could not start or go on (the log says why), 2 wrong arguments.
)";

// SIGTERM and SIGINT: the first asks for a clean stop, the second forces it.
std::atomic<int> signals{0};

void WaitForSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  while (true) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) continue;
    if (signals.fetch_add(1) > 0) {
      base::LogWarning("node", "second signal: leaving at once");
      _exit(1);
    }
    base::LogInfo("node", "stopping", {{"signal", signal}});
  }
}

void BlockSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

int Main(int argc, char** argv) {
  CLI::App app(
      "kindred-node: live customer profiles from a Kafka topic, served over gRPC and HTTP");
  app.footer(kExamples);
  app.set_version_flag("--version", std::string(kVersion));
  std::string config_file;
  std::vector<std::string> overrides;
  bool print_config = false;
  std::string log_level = "info";
  app.add_option("--config", config_file, "YAML file; see --print-config for every key");
  app.add_option("--set", overrides, "section.key=value, over the file; may be repeated")
      ->allow_extra_args(false);
  app.add_flag("--print-config", print_config, "Print the configuration in force and exit");
  app.add_option("--log-level", log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  // Short ways for the keys that nearly everybody sets.
  const std::vector<std::pair<std::string, std::string>> shortcuts = {
      {"--brokers", "kafka.brokers"},
      {"--topic", "kafka.topic"},
      {"--items-topic", "kafka.items_topic"},
      {"--group", "kafka.group"},
      {"--instance-id", "kafka.instance_id"},
      {"--data-dir", "store.data_dir"},
      {"--grpc-address", "serve.grpc_address"},
      {"--http-address", "serve.http_address"},
      {"--memory-limit", "store.memory_limit_mib"}};
  std::vector<std::string> values(shortcuts.size());
  for (size_t i = 0; i < shortcuts.size(); ++i) {
    app.add_option(shortcuts[i].first, values[i], "Sets " + shortcuts[i].second);
  }
  bool create_topics = false;
  app.add_flag("--create-topics", create_topics, "Create missing topics; sets kafka.create_topics");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }

  config::v1::NodeConfig config = DefaultConfig();
  std::vector<std::string> assignments;
  for (size_t i = 0; i < shortcuts.size(); ++i) {
    if (app.count(shortcuts[i].first) > 0) {
      assignments.push_back(shortcuts[i].second + "=" + values[i]);
    }
  }
  if (create_topics) assignments.push_back("kafka.create_topics=true");
  assignments.insert(assignments.end(), overrides.begin(), overrides.end());
  absl::Status status;
  if (!config_file.empty()) status = ReadConfigFile(config_file, &config);
  for (const std::string& assignment : assignments) {
    if (status.ok()) status = ApplyOverride(assignment, &config);
  }
  if (status.ok()) status = ValidateConfig(config);
  if (!status.ok()) {
    std::fprintf(stderr, "kindred-node: %s\n", std::string(status.message()).c_str());
    return 2;
  }
  if (print_config) {
    std::fputs(PrintConfig(config).c_str(), stdout);
    return 0;
  }
  if (log_level == "debug") base::SetLogLevel(base::LogLevel::kDebug);
  if (log_level == "warning") base::SetLogLevel(base::LogLevel::kWarning);
  if (log_level == "error") base::SetLogLevel(base::LogLevel::kError);

  BlockSignals();
  std::thread(WaitForSignals).detach();
  absl::StatusOr<std::unique_ptr<Node>> node =
      Node::Start(config, {}, [] { return signals.load() > 0; });
  if (absl::IsCancelled(node.status())) return 0;
  if (!node.ok()) {
    base::LogError("node", "cannot start", {{"error", node.status()}});
    return 1;
  }
  while (signals.load() == 0 && (*node)->fatal().ok()) absl::SleepFor(absl::Milliseconds(20));
  status = (*node)->Stop();
  if (!status.ok()) {
    base::LogError("node", "stopped by an error", {{"error", status}});
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace kindred::node

int main(int argc, char** argv) { return kindred::node::Main(argc, argv); }
