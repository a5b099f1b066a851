// The topics that a node makes for itself.
#ifndef KINDRED_NODE_TOPICS_H_
#define KINDRED_NODE_TOPICS_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kindred/config/v1/config.pb.h"
#include "stream/topic_admin.h"

namespace kindred::node {

// Makes the topics of dead letters and audiences and, where the configuration says so, those of
// events and items. What exists already stays as it is. `timeout` bounds each call.
absl::Status MakeTopics(const config::v1::KafkaConfig& kafka, absl::Duration timeout,
                        stream::TopicAdmin* admin);

}  // namespace kindred::node

#endif  // KINDRED_NODE_TOPICS_H_
