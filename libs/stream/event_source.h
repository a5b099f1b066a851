// The seam between the log and the pipeline: records in, positions out. The implementations are
// KafkaEventSource (any Kafka, also the embedded broker) and the simulated log of the tests.
#ifndef KINDRED_STREAM_EVENT_SOURCE_H_
#define KINDRED_STREAM_EVENT_SOURCE_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/strong_int.h"
#include "stream/record.h"

namespace kindred::stream {

// Where a partition is to be read from: its stored next offset, or none for the beginning of its
// log.
struct PartitionStart {
  PartitionId partition;
  std::optional<Offset> next;
};

// The log holds offsets low <= offset < high.
struct Watermarks {
  Offset low;
  Offset high;
};

struct PartitionOffset {
  PartitionId partition;
  Offset next;
};

// Told of everything that happens to the assignment. All calls come from within PollBatch() or
// Close(), on the polling thread; they must not call back into the source.
class RebalanceListener {
 public:
  virtual ~RebalanceListener() = default;

  // These partitions are ours now (the whole assignment; it was empty before). Returns where to
  // start, one entry for each; a partition that is left out starts at its beginning.
  virtual std::vector<PartitionStart> OnAssigned(absl::Span<const PartitionId> partitions) = 0;

  // These are no longer ours once the call returns; until then nobody else has them, so state may
  // be written. Records that PollBatch() returned earlier may be finished or dropped.
  virtual void OnRevoked(absl::Span<const PartitionId> partitions) = 0;

  // These are no longer ours already (session expired, brokers away): another node may own them.
  virtual void OnLost(absl::Span<const PartitionId> partitions) = 0;

  // The log does not hold `wanted`: it was cut off by retention (wanted < low) or truncated or
  // re-created (wanted > high). Returns where to go on; none leaves the partition stopped until the
  // next assignment. Skipping loses events and must be told to the operator.
  virtual std::optional<Offset> OnOutOfRange(PartitionId partition, Offset wanted,
                                             Watermarks log) = 0;
};

// Threads: one thread polls, and all other methods are called on that thread too.
class EventSource {
 public:
  virtual ~EventSource() = default;

  // Appends at most `max_records` to `out`: waits up to `max_wait` for the first, then takes what
  // is there already. Within a partition offsets ascend without repetition from the start that
  // OnAssigned() gave; jumps occur (compaction, transaction markers). Records of this call whose
  // partition is revoked meanwhile are taken out again.
  //
  // OK also without records: while the brokers are away the source goes on trying. Keep calling,
  // also when every partition is paused: rebalances are served here. Internal: the source is dead
  // (its group instance id is in use elsewhere, credentials refused …); end the process.
  virtual absl::Status PollBatch(size_t max_records, absl::Duration max_wait,
                                 std::vector<RawRecord>& out) = 0;

  // A paused partition gives no records; its position stays. Pausing drops what was fetched ahead,
  // so pause seldom and for long. Repeating, or a partition that is not assigned, does nothing. An
  // assignment starts with nothing paused.
  virtual void Pause(PartitionId partition) = 0;
  virtual void Resume(PartitionId partition) = 0;

  // What the log held when it was last fetched from; NotFound before that. Does no I/O. `low` is
  // refreshed every few seconds only, and 0 until then.
  virtual absl::StatusOr<Watermarks> CachedWatermarks(PartitionId partition) const = 0;
  // The last record was handed out and no newer one was seen since.
  virtual bool AtEnd(PartitionId partition) const = 0;

  // False while no broker can be reached: what is served then grows stale.
  virtual bool BrokersReachable() const { return true; }

  // Tells Kafka how far these partitions are, for lag displays only: asynchronous, may be lost, is
  // never read back.
  virtual void CommitHint(absl::Span<const PartitionOffset> positions) = 0;

  // Leaves the group; OnRevoked() is called if partitions are assigned. Returns after `limit` at
  // the latest: DeadlineExceeded then, and the client's threads are left behind. Idempotent.
  virtual absl::Status Close(absl::Duration limit) = 0;
};

}  // namespace kindred::stream

#endif  // KINDRED_STREAM_EVENT_SOURCE_H_
