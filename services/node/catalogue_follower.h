// Reads the items topic into the catalogue and the index: to its end before events start, and on.
// Which items are alike by content is found out behind it.
#ifndef KINDRED_NODE_CATALOGUE_FOLLOWER_H_
#define KINDRED_NODE_CATALOGUE_FOLLOWER_H_

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "node/shared_state.h"
#include "stream/compacted_topic_reader.h"
#include "telemetry/metrics.h"

namespace kindred::node {

// A record with this key prefix and an item's id hides that item everywhere, whatever the catalogue
// says of it and says later; a tombstone with the same key shows it again. Its own key, so that the
// catalogue's export does not undo it and compaction keeps it.
inline constexpr absl::string_view kHiddenKeyPrefix = "kindred.hidden/";

// Threads: Start() and Stop() from one thread, the rest from any.
class CatalogueFollower {
 public:
  // Opens the topic; NotFound when there is none.
  static absl::StatusOr<std::unique_ptr<CatalogueFollower>> Start(
      const stream::Connection& connection, const std::string& topic, SharedState* shared,
      telemetry::Registry* registry);
  ~CatalogueFollower();

  // Everything that the topic held at the start was read.
  bool caught_up() const { return caught_up_.load(std::memory_order_acquire); }
  void Stop();

 private:
  CatalogueFollower(std::unique_ptr<stream::CompactedTopicReader> reader, SharedState* shared,
                    telemetry::Registry* registry);
  void Run();
  void CompareItems();
  // Whether the record hides an item or shows it again.
  bool SetHidden(const stream::RawRecord& record);

  std::unique_ptr<stream::CompactedTopicReader> reader_;
  SharedState& shared_;
  telemetry::Counter& set_;
  telemetry::Counter& removed_;
  telemetry::Counter& rejected_;
  std::atomic<bool> caught_up_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
  std::thread comparer_;  // compares items with each other, behind the reading
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_CATALOGUE_FOLLOWER_H_
