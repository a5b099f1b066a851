// Records that end the process whenever they are applied: found, and set aside.
//
// After a start that follows an unclean end, what is about to be applied is written down first:
// a batch, then, where the process died within a batch, record by record; and, once it is applied,
// that it was survived. So a process that is killed from outside between two records blames none,
// however often. A record during which the process died three times in a row is a dead letter
// instead ("crashes_process"). A run that follows a clean stop writes nothing, and neither does one
// that has left the place of the crash behind.
#ifndef KINDRED_NODE_SUSPECTS_H_
#define KINDRED_NODE_SUSPECTS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "node/partition.h"
#include "store/store.h"
#include "stream/record.h"

namespace kindred::node {

// What the process was about to apply: offsets begin <= offset < end, for the `count`th time.
// Empty: nothing.
struct Attempt {
  int64_t begin = 0;
  int64_t end = 0;
  uint32_t count = 0;
  // Offsets of records set aside whose place is not stored yet, ascending.
  std::vector<int64_t> set_aside;

  std::string Encode() const;
  // DataLoss for bytes that Encode() cannot have made.
  static absl::StatusOr<Attempt> Decode(absl::string_view bytes);
  friend bool operator==(const Attempt&, const Attempt&) = default;
};

// Threads: Open() first; then any, one at a time for each partition. `store` must outlive it.
class Suspects {
 public:
  static constexpr uint32_t kAttempts = 3;

  explicit Suspects(store::Store* store) : store_(*store) {}

  // Notes that the process runs. Whether the one before ended without Close() is kept: then
  // partitions are watched for their next million records.
  absl::Status Open();
  // A clean end: the next run need not watch.
  absl::Status Close();
  bool after_crash() const { return after_crash_; }

  // Partition::Apply, with its errors, writing down what is applied while the partition is watched.
  absl::Status Apply(Partition* partition, absl::Span<const stream::RawRecord> records,
                     const ColdReader& cold, Workbench* bench);

 private:
  struct Watch {
    Attempt found;      // as the process before left it
    int64_t until = 0;  // the first offset that is not watched
    bool begun = false;
  };

  absl::Status Begin(const Partition& partition, Watch* watch);
  absl::Status ApplyWatched(Partition* partition, const Watch& watch,
                            absl::Span<const stream::RawRecord> records, const ColdReader& cold,
                            Workbench* bench);
  // Writes down that begin <= offset < end is tried now.
  absl::Status Note(PartitionId partition, const Watch& watch, int64_t begin, int64_t end,
                    uint32_t count);
  Watch* WatchOf(PartitionId partition) ABSL_LOCKS_EXCLUDED(mutex_);

  store::Store& store_;
  bool after_crash_ = false;
  absl::Mutex mutex_;
  absl::flat_hash_map<PartitionId, std::unique_ptr<Watch>> watches_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_SUSPECTS_H_
