// The client library's error codes as absl codes, by what the caller does about them
// (libs/base/README.md).
#ifndef KINDRED_STREAM_KAFKA_STATUS_H_
#define KINDRED_STREAM_KAFKA_STATUS_H_

#include <librdkafka/rdkafka.h>

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kindred::stream {

// "what: the library's text (ERROR_NAME)"; OK for no error. A code that no table knows (a newer
// broker's) is Unavailable: try again with a bound.
absl::Status KafkaStatus(rd_kafka_resp_err_t error, absl::string_view what);

// The table behind it; none for codes it does not list.
std::optional<absl::StatusCode> KafkaStatusCode(rd_kafka_resp_err_t error);

}  // namespace kindred::stream

#endif  // KINDRED_STREAM_KAFKA_STATUS_H_
