// What all Kafka clients of this library share: settings, log lines, and an end within bounds.
// Not for other libraries.
#ifndef KINDRED_STREAM_KAFKA_CLIENT_H_
#define KINDRED_STREAM_KAFKA_CLIENT_H_

#include <librdkafka/rdkafka.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "stream/connection.h"

namespace kindred::stream {

// Collects settings; the first error is kept and returned by Create().
class ClientConfig {
 public:
  // Sets what all clients have in common.
  explicit ClientConfig(const Connection& connection);
  ~ClientConfig();
  ClientConfig(const ClientConfig&) = delete;
  ClientConfig& operator=(const ClientConfig&) = delete;

  void Set(absl::string_view name, absl::string_view value);
  void Set(absl::string_view name, int64_t value);
  // For callbacks.
  rd_kafka_conf_t* get() { return conf_; }

  // Applies Connection::settings, then makes the client.
  absl::StatusOr<rd_kafka_t*> Create(rd_kafka_type_t type);

 private:
  const Connection& connection_;
  rd_kafka_conf_t* conf_;
  absl::Status status_;
};

// Milliseconds for the client library, never negative.
int TimeoutMs(absl::Duration duration);

// Destroys `client`, which may wait for threads that hang (librdkafka issues 3740, 4187). After
// `limit` the client is left behind: DeadlineExceeded.
absl::Status DestroyClient(rd_kafka_t* client, absl::Duration limit);

}  // namespace kindred::stream

#endif  // KINDRED_STREAM_KAFKA_CLIENT_H_
