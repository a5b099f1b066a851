#include "node/topics.h"

#include <string>

#include "absl/strings/string_view.h"
#include "base/status_macros.h"

namespace kindred::node {
namespace {

// A dead letter carries the rejected record and some more.
constexpr absl::string_view kDeadLetterMaxBytes = "16777216";

}  // namespace

absl::Status MakeTopics(const config::v1::KafkaConfig& kafka, absl::Duration timeout,
                        stream::TopicAdmin* admin) {
  if (kafka.create_topics()) {
    stream::NewTopic events{kafka.topic(), kafka.create_partitions(), 1, {}};
    KINDRED_RETURN_IF_ERROR(admin->CreateTopic(events, timeout));
    if (!kafka.items_topic().empty()) {
      KINDRED_RETURN_IF_ERROR(admin->CreateTopic(
          {kafka.items_topic(), 1, 1, {{"cleanup.policy", "compact"}}}, timeout));
    }
  }
  // Nobody else makes these.
  if (!kafka.audience_topic().empty()) {
    KINDRED_RETURN_IF_ERROR(
        admin->CreateTopic({kafka.audience_topic(), kafka.create_partitions(), 1, {}}, timeout));
  }
  return admin->CreateTopic({kafka.dead_letter_topic(),
                             kafka.create_partitions(),
                             1,
                             {{"max.message.bytes", std::string(kDeadLetterMaxBytes)}}},
                            timeout);
}

}  // namespace kindred::node
