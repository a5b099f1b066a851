#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "node/config.h"
#include "node/node.h"
#include "node/version.h"

// jemalloc's; not there under a sanitizer, which has an allocator of its own.
extern "C" int mallctl(const char* name, void* old_value, size_t* old_size, void* new_value,
                       size_t new_size) __attribute__((weak));

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
// SIGHUP: read the rules file again.
std::atomic<bool> reload{false};

void WaitForSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  while (true) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) continue;
    if (signal == SIGHUP) {
      reload.store(true);
      continue;
    }
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
  sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

struct Arguments {
  std::string config_file;
  std::vector<std::string> overrides;
  bool print_config = false;
  bool create_topics = false;
  bool resume_halted = false;
  std::string log_level = "info";
};

// Short ways for the keys that nearly everybody sets.
constexpr std::pair<const char*, const char*> kShortcuts[] = {
    {"--brokers", "kafka.brokers"},
    {"--topic", "kafka.topic"},
    {"--items-topic", "kafka.items_topic"},
    {"--group", "kafka.group"},
    {"--instance-id", "kafka.instance_id"},
    {"--data-dir", "store.data_dir"},
    {"--grpc-address", "serve.grpc_address"},
    {"--http-address", "serve.http_address"},
    {"--memory-limit", "store.memory_limit_mib"}};

// None: the program is done (help, version, wrong arguments) and `code` is its exit status.
std::optional<Arguments> ReadArguments(int argc, char** argv, int* code) {
  CLI::App app(
      "kindred-node: live customer profiles from a Kafka topic, served over gRPC and HTTP");
  app.footer(kExamples);
  app.set_version_flag("--version", std::string(kVersion));
  Arguments arguments;
  app.add_option("--config", arguments.config_file, "YAML file; see --print-config for every key");
  app.add_option("--set", arguments.overrides, "section.key=value, over the file; may be repeated")
      ->allow_extra_args(false);
  app.add_flag("--print-config", arguments.print_config,
               "Print the configuration in force and exit");
  app.add_option("--log-level", arguments.log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  std::vector<std::string> values(std::size(kShortcuts));
  for (size_t i = 0; i < values.size(); ++i) {
    app.add_option(kShortcuts[i].first, values[i], std::string("Sets ") + kShortcuts[i].second);
  }
  app.add_flag("--create-topics", arguments.create_topics,
               "Create missing topics; sets kafka.create_topics");
  app.add_flag("--resume-halted", arguments.resume_halted,
               "Go on with partitions that were halted because nearly all of their records were "
               "rejected; sets clean.resume_halted");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    *code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  std::vector<std::string> assignments;
  for (size_t i = 0; i < values.size(); ++i) {
    if (app.count(kShortcuts[i].first) > 0) {
      assignments.push_back(std::string(kShortcuts[i].second) + "=" + values[i]);
    }
  }
  if (arguments.create_topics) assignments.push_back("kafka.create_topics=true");
  if (arguments.resume_halted) assignments.push_back("clean.resume_halted=true");
  arguments.overrides.insert(arguments.overrides.begin(), assignments.begin(), assignments.end());
  return arguments;
}

absl::StatusOr<config::v1::NodeConfig> ReadConfig(const Arguments& arguments) {
  config::v1::NodeConfig config = DefaultConfig();
  if (!arguments.config_file.empty()) {
    KINDRED_RETURN_IF_ERROR(ReadConfigFile(arguments.config_file, &config));
  }
  for (const std::string& assignment : arguments.overrides) {
    KINDRED_RETURN_IF_ERROR(ApplyOverride(assignment, &config));
  }
  KINDRED_RETURN_IF_ERROR(ValidateConfig(config));
  return config;
}

base::LogLevel LevelOf(const std::string& name) {
  if (name == "debug") return base::LogLevel::kDebug;
  if (name == "warning") return base::LogLevel::kWarning;
  return name == "error" ? base::LogLevel::kError : base::LogLevel::kInfo;
}

void ReleaseFreeMemory() {
  // Of all arenas: 4096 is their number for all (JEMALLOC_MANUAL, arena.<i>.purge).
  if (mallctl != nullptr) mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);
}

int RunNode(const config::v1::NodeConfig& config) {
  BlockSignals();
  std::thread(WaitForSignals).detach();
  NodeHooks hooks;
  hooks.release_free_memory = ReleaseFreeMemory;
  absl::StatusOr<std::unique_ptr<Node>> node =
      Node::Start(config, hooks, [] { return signals.load() > 0; });
  if (absl::IsCancelled(node.status())) return 0;
  if (!node.ok()) {
    base::LogError("node", "cannot start", {{"error", node.status()}});
    return 1;
  }
  while (signals.load() == 0 && (*node)->fatal().ok()) {
    if (reload.exchange(false)) (*node)->ReloadRules();
    absl::SleepFor(absl::Milliseconds(20));
  }
  const absl::Status status = (*node)->Stop();
  if (!status.ok()) {
    base::LogError("node", "stopped by an error", {{"error", status}});
    return 1;
  }
  return 0;
}

int Main(int argc, char** argv) {
  // Debian builds Abseil with its search for lock cycles on, at which every lock of the process,
  // gRPC's among them, meets. Tests keep it.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  int code = 0;
  const std::optional<Arguments> arguments = ReadArguments(argc, argv, &code);
  if (!arguments.has_value()) return code;
  const absl::StatusOr<config::v1::NodeConfig> config = ReadConfig(*arguments);
  if (!config.ok()) {
    std::fprintf(stderr, "kindred-node: %s\n", std::string(config.status().message()).c_str());
    return 2;
  }
  if (arguments->print_config) {
    std::fputs(PrintConfig(*config).c_str(), stdout);
    return 0;
  }
  base::SetLogLevel(LevelOf(arguments->log_level));
  return RunNode(*config);
}

}  // namespace
}  // namespace kindred::node

int main(int argc, char** argv) { return kindred::node::Main(argc, argv); }
