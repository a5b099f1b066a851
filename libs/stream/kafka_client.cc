#include "stream/kafka_client.h"

#include <syslog.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace kindred::stream {
namespace {

// Correctness rests on these (README.md), so a configuration file cannot change them.
constexpr absl::string_view kProtectedSettings[] = {"auto.offset.reset",
                                                    "check.crcs",
                                                    "enable.auto.commit",
                                                    "enable.auto.offset.store",
                                                    "enable.partition.eof",
                                                    "group.id",
                                                    "group.instance.id",
                                                    "group.protocol",
                                                    "isolation.level",
                                                    "partition.assignment.strategy",
                                                    "partitioner",
                                                    "request.required.acks",
                                                    "acks"};

void LogLine(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  const base::LogLevel mapped = level <= LOG_CRIT      ? base::LogLevel::kError
                                : level <= LOG_WARNING ? base::LogLevel::kWarning
                                : level <= LOG_INFO    ? base::LogLevel::kInfo
                                                       : base::LogLevel::kDebug;
  base::Log(mapped, "stream", "kafka client",
            {{"client", client == nullptr ? "" : rd_kafka_name(client)},
             {"facility", facility},
             {"detail", text}});
}

}  // namespace

ClientConfig::ClientConfig(const Connection& connection)
    : connection_(connection), conf_(rd_kafka_conf_new()) {
  if (connection.brokers.empty()) status_ = absl::InvalidArgumentError("no brokers given");
  Set("bootstrap.servers", connection.brokers);
  Set("client.id", connection.client_id);
  // Defaults of the library that do not suit a service: Nagle on, no keep-alive, ten seconds
  // between attempts to connect, a log line for every idle connection that a broker closes.
  Set("socket.nagle.disable", "true");
  Set("socket.keepalive.enable", "true");
  Set("reconnect.backoff.ms", 100);
  Set("reconnect.backoff.max.ms", 2000);
  Set("log.connection.close", "false");
  rd_kafka_conf_set_log_cb(conf_, LogLine);
}

ClientConfig::~ClientConfig() {
  if (conf_ != nullptr) rd_kafka_conf_destroy(conf_);
}

void ClientConfig::Set(absl::string_view name, absl::string_view value) {
  char error[256] = "";
  if (rd_kafka_conf_set(conf_, std::string(name).c_str(), std::string(value).c_str(), error,
                        sizeof(error)) != RD_KAFKA_CONF_OK &&
      status_.ok()) {
    // The library's text repeats the value only for settings that are not secret.
    status_ = absl::InvalidArgumentError(absl::StrCat("Kafka setting ", name, ": ", error));
  }
}

void ClientConfig::Set(absl::string_view name, int64_t value) { Set(name, absl::StrCat(value)); }

absl::StatusOr<rd_kafka_t*> ClientConfig::Create(rd_kafka_type_t type) {
  for (const auto& [name, value] : connection_.settings) {
    if (std::find(std::begin(kProtectedSettings), std::end(kProtectedSettings), name) !=
        std::end(kProtectedSettings)) {
      return absl::InvalidArgumentError(absl::StrCat("Kafka setting cannot be changed: ", name));
    }
    Set(name, value);
  }
  KINDRED_RETURN_IF_ERROR(status_);
  char error[512] = "";
  rd_kafka_t* client = rd_kafka_new(type, conf_, error, sizeof(error));
  if (client == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("Kafka client: ", error));
  }
  conf_ = nullptr;  // the client owns it now
  return client;
}

int TimeoutMs(absl::Duration duration) {
  return static_cast<int>(
      std::clamp<int64_t>(absl::ToInt64Milliseconds(duration), 0, std::numeric_limits<int>::max()));
}

absl::Status DestroyClient(rd_kafka_t* client, absl::Duration limit) {
  auto done = std::make_shared<absl::Notification>();
  std::thread([client, done] {
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    done->Notify();
  }).detach();
  if (done->WaitForNotificationWithTimeout(limit)) return absl::OkStatus();
  base::LogError("stream", "kafka client left behind: it did not end in time");
  return absl::DeadlineExceededError("Kafka client did not end in time");
}

}  // namespace kindred::stream
