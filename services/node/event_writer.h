// Writes that come by call: every one is an event, in the log like all others.
#ifndef KINDRED_NODE_EVENT_WRITER_H_
#define KINDRED_NODE_EVENT_WRITER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "event/event.h"
#include "node/partition_set.h"
#include "stream/record_sink.h"

namespace kindred::node {

// Nobody's thread waits: one of its own looks after all writes that are not applied yet.
// Threads: any. What is passed in must outlive it.
class EventWriter {
 public:
  // More writes at once than `max_waiting` are refused.
  EventWriter(std::string topic, stream::RecordSink* sink, const PartitionSet* partitions,
              size_t max_waiting = 100);
  // Those that wait end with Unavailable.
  ~EventWriter();

  // Produces the event, keyed by its user_id, and returns. `done` is called once, when this node
  // has applied it or will not within `limit`: on the caller's thread if nothing was produced, else
  // on the writer's, where it must not block. ResourceExhausted: too many wait, nothing was
  // produced. Unavailable: it may or may not be in the log. DeadlineExceeded: it is in the log, but
  // was not applied in time, or is another node's to apply.
  using Done = std::function<void(const absl::Status&)>;
  void Write(const event::Event& event, absl::Duration limit, Done done);

  // A new event id: "<prefix>/<128 random bits>".
  static std::string NewEventId(absl::string_view prefix);

 private:
  struct Waiting;
  struct Shared;

  void Run();
  // The outcome of a write once it is known; none while it is not.
  bool Ended(const Waiting& write, absl::Time now, absl::Status* outcome) const;

  const std::string topic_;
  stream::RecordSink& sink_;
  const PartitionSet& partitions_;
  const size_t max_waiting_;
  // With the sink too, which may tell of a delivery after the writer has gone.
  const std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_EVENT_WRITER_H_
