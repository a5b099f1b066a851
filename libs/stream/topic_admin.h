// Topics: create them, look at them, wait for them.
#ifndef KINDRED_STREAM_TOPIC_ADMIN_H_
#define KINDRED_STREAM_TOPIC_ADMIN_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "stream/connection.h"
#include "stream/event_source.h"

namespace kindred::stream {

struct NewTopic {
  std::string name;
  int partitions = 1;
  int replication_factor = 1;
  std::map<std::string, std::string> configs;  // {"cleanup.policy", "compact"}
};

struct TopicInfo {
  std::string name;
  int partitions = 0;
};

struct ClusterInfo {
  std::string cluster_id;
  int brokers = 0;
};

// Every call waits `timeout` at most (Unavailable: no broker answered in that time).
// Threads: all methods from any thread.
class TopicAdmin {
 public:
  static absl::StatusOr<std::unique_ptr<TopicAdmin>> Open(const Connection& connection);
  ~TopicAdmin();

  // OK when it exists already, whatever its partitions. InvalidArgument: refused by the broker.
  absl::Status CreateTopic(const NewTopic& topic, absl::Duration timeout);
  // NotFound when there is none.
  absl::StatusOr<TopicInfo> Describe(const std::string& topic, absl::Duration timeout);
  // Waits until the topic exists and each partition's leader answers: the brokers tell of a leader
  // before it takes records, and what it refuses then is sent again, behind what came later.
  absl::StatusOr<TopicInfo> WaitForTopic(const std::string& topic, absl::Duration timeout);
  absl::StatusOr<ClusterInfo> Cluster(absl::Duration timeout);
  // Asks the broker, unlike EventSource::CachedWatermarks; again, while leaders are being elected.
  absl::StatusOr<Watermarks> QueryWatermarks(const std::string& topic, PartitionId partition,
                                             absl::Duration timeout);

 private:
  class Impl;
  absl::Status LeadersAnswer(const TopicInfo& info, absl::Time deadline);
  explicit TopicAdmin(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kindred::stream

#endif  // KINDRED_STREAM_TOPIC_ADMIN_H_
