// Writes that come by call: every one is an event, in the log like all others.
#ifndef KINDRED_NODE_EVENT_WRITER_H_
#define KINDRED_NODE_EVENT_WRITER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "event/event.h"
#include "node/partition_set.h"
#include "stream/record_sink.h"

namespace kindred::node {

// Threads: any. What is passed in must outlive it.
class EventWriter {
 public:
  EventWriter(std::string topic, stream::RecordSink* sink, const PartitionSet* partitions)
      : topic_(std::move(topic)), sink_(*sink), partitions_(*partitions) {}

  // Produces the event, keyed by its user_id, and waits until this node has applied it. Blocks, so
  // only one call at a time is let in; ResourceExhausted for others. Unavailable: it may or may not
  // be in the log. DeadlineExceeded: it is in the log, but was not applied within `limit`, or is
  // another node's to apply.
  absl::Status Write(const event::Event& event, absl::Duration limit);

  // A new event id: "<prefix>/<128 random bits>".
  static std::string NewEventId(absl::string_view prefix);

 private:
  const std::string topic_;
  stream::RecordSink& sink_;
  const PartitionSet& partitions_;
  absl::Mutex one_at_a_time_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_EVENT_WRITER_H_
