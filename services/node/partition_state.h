// What one partition's log prefix amounts to, and how readers look at it. Partition moves it
// forward.
#ifndef KINDRED_NODE_PARTITION_STATE_H_
#define KINDRED_NODE_PARTITION_STATE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/strong_int.h"
#include "clean/duplicates.h"
#include "clean/outliers.h"
#include "clean/quality.h"
#include "clean/quality_book.h"
#include "node/attribution.h"
#include "node/breaker.h"
#include "node/cold_reader.h"
#include "node/partition_audiences.h"
#include "node/shared_state.h"
#include "profile/customer_map.h"
#include "profile/outcome_sample.h"
#include "profile/profile.h"
#include "recommend/pair_table.h"
#include "recommend/rating_table.h"
#include "series/series_book.h"

namespace kindred::node {

// What a reader saw of an id.
struct PartVersion {
  std::string id;
  uint64_t hash = 0;
  uint64_t version = 0;  // Profile::version(); 0: the id was never seen
};

// Threads: all public methods from any thread.
// Locks:   readers share; whoever changes the state holds the lock alone.
class PartitionState {
 public:
  PartitionState(const PartitionState&) = delete;
  PartitionState& operator=(const PartitionState&) = delete;

  PartitionId id() const { return id_; }
  // The first offset not applied.
  Offset next_offset() const { return Offset(next_offset_.load(std::memory_order_acquire)); }
  // The first offset not in the last checkpoint.
  Offset stored_offset() const { return Offset(stored_offset_.load(std::memory_order_acquire)); }
  // The breaker tripped: nearly everything was rejected.
  bool halted() const { return halted_.load(std::memory_order_acquire); }
  // 0 before the first event.
  int64_t newest_event_ms() const { return newest_event_ms_.load(std::memory_order_acquire); }

  // Calls `visit` with the customer's profile under the reader's lock. False when it was never
  // seen. Status when it had to be read from the store and could not be.
  absl::StatusOr<bool> Visit(absl::string_view customer_id, uint64_t hash, const ColdReader& cold,
                             absl::FunctionRef<void(const profile::Profile&)> visit) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether all of these are now as they were then. False when in doubt.
  bool Unchanged(absl::Span<const PartVersion> parts) const ABSL_LOCKS_EXCLUDED(mutex_);
  // A walk over customers in memory; see CustomerMap::Walk.
  uint64_t Walk(uint64_t cursor, size_t count,
                absl::FunctionRef<void(const profile::Customer&)> visit) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Calls `read` with the partition's series under the reader's lock.
  void ReadSeries(absl::FunctionRef<void(const series::SeriesBook&)> read) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // See QualityBook::newest_ms().
  int64_t quality_newest_ms() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Adds the partition's hours of data quality to those of others.
  void AddQualityHours(clean::QualityHours* sum) const ABSL_LOCKS_EXCLUDED(mutex_);
  // Up to when the outcomes of the sample are known; see OutcomeSample. 0 before the first event.
  int64_t outcomes_known_ms() const { return outcomes_known_ms_.load(std::memory_order_acquire); }
  // Calls `visit` with the sample that predictions are trained on, under the reader's lock.
  void VisitSample(absl::FunctionRef<void(const profile::OutcomeSample&)> visit) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether the customer's profile is in memory.
  bool InMemory(absl::string_view customer_id, uint64_t hash) const ABSL_LOCKS_EXCLUDED(mutex_);

  struct Figures {
    clean::QualityCounts quality;
    uint64_t customers = 0;  // in memory and stored
    uint64_t customers_in_memory = 0;
    uint64_t outbox_pending = 0;
    uint32_t window_records = 0;   // of the breaker
    uint32_t window_rejected = 0;  // of them
    int64_t dedup_window_ms = 0;
    size_t profile_bytes = 0;
    size_t dedup_bytes = 0;
    size_t relation_bytes = 0;
  };
  Figures figures() const ABSL_LOCKS_EXCLUDED(mutex_);
  // What has to be walked over to be known: tens of microseconds under the reader's lock.
  struct WalkedBytes {
    size_t series = 0;
    size_t sample = 0;
    size_t quality = 0;
  };
  WalkedBytes walked_bytes() const ABSL_LOCKS_EXCLUDED(mutex_);
  // One of the figures that costs nothing to ask for.
  size_t profile_bytes() const ABSL_LOCKS_EXCLUDED(mutex_);
  // The customers' ratings, under the reader's lock.
  void VisitRatings(absl::FunctionRef<void(const recommend::RatingTable&)> visit) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // What recommendations led to, as far as this partition's events tell; a copy.
  std::map<AttributionCell, AttributionCounts> attribution() const ABSL_LOCKS_EXCLUDED(mutex_);
  PartitionAudiences& audiences() { return audiences_; }
  const PartitionAudiences& audiences() const { return audiences_; }

  // Acknowledged outbox entries, for the count of those that wait.
  void OutboxDelivered(uint64_t count) { outbox_delivered_.fetch_add(count); }

 protected:
  struct NewOutboxEntry {
    uint64_t sequence;
    std::string bytes;
  };

  PartitionState(PartitionId id, SharedState* shared);
  ~PartitionState();

  const PartitionId id_;
  SharedState& shared_;
  std::atomic<int64_t> next_offset_{0};
  std::atomic<int64_t> stored_offset_{0};
  std::atomic<int64_t> newest_event_ms_{0};
  std::atomic<int64_t> outcomes_known_ms_{0};
  std::atomic<size_t> dirty_bytes_{0};
  std::atomic<uint64_t> outbox_delivered_{0};
  std::atomic<bool> halted_{false};
  // A checkpoint was begun and is not done.
  std::atomic<bool> checkpoint_pending_{false};

  mutable absl::Mutex mutex_;
  profile::CustomerMap customers_ ABSL_GUARDED_BY(mutex_);
  profile::OutcomeSample sample_ ABSL_GUARDED_BY(mutex_);
  clean::DuplicateWindow duplicates_ ABSL_GUARDED_BY(mutex_);
  clean::PriceBook prices_ ABSL_GUARDED_BY(mutex_);
  clean::QualityCounts quality_ ABSL_GUARDED_BY(mutex_);
  clean::QualityBook quality_book_ ABSL_GUARDED_BY(mutex_);
  Breaker breaker_ ABSL_GUARDED_BY(mutex_);
  std::vector<int64_t> set_aside_ ABSL_GUARDED_BY(mutex_);
  Attribution attribution_ ABSL_GUARDED_BY(mutex_);
  recommend::RatingTable rating_table_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<recommend::PairTable> pairs_;  // guards itself
  series::SeriesBook series_ ABSL_GUARDED_BY(mutex_);
  PartitionAudiences audiences_;  // guards itself
  uint64_t customer_count_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t next_outbox_ ABSL_GUARDED_BY(mutex_) = 1;
  std::vector<NewOutboxEntry> outbox_ ABSL_GUARDED_BY(mutex_);
  size_t outbox_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  // Where the last checkpoint that was begun ends.
  int64_t begun_offset_ ABSL_GUARDED_BY(mutex_) = 0;
  // Items whose attributes an event told, to be stored with the next checkpoint.
  std::vector<ItemId> noted_items_;  // the worker's
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_PARTITION_STATE_H_
