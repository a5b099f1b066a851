#include "node/event_writer.h"

#include <algorithm>
#include <list>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "base/thread_name.h"
#include "event/encode.h"

namespace kindred::node {
namespace {

// Between two looks at what was applied, while anything waits.
constexpr absl::Duration kPoll = absl::Milliseconds(1);

}  // namespace

struct EventWriter::Waiting {
  absl::Time deadline;
  Done done;
  std::optional<stream::Delivery> delivery;  // none: the brokers have not answered
};

struct EventWriter::Shared {
  bool news() const ABSL_SHARED_LOCKS_REQUIRED(mutex) { return stopping || !waiting.empty(); }

  absl::Mutex mutex;
  std::list<std::shared_ptr<Waiting>> waiting ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
};

EventWriter::EventWriter(std::string topic, stream::RecordSink* sink,
                         const PartitionSet* partitions, size_t max_waiting)
    : topic_(std::move(topic)),
      sink_(*sink),
      partitions_(*partitions),
      max_waiting_(max_waiting),
      shared_(std::make_shared<Shared>()),
      thread_([this] { Run(); }) {}

EventWriter::~EventWriter() {
  {
    absl::MutexLock lock(&shared_->mutex);
    shared_->stopping = true;
  }
  thread_.join();
}

std::string EventWriter::NewEventId(absl::string_view prefix) {
  std::random_device random;
  std::string id = absl::StrCat(prefix, "/");
  for (int i = 0; i < 4; ++i) absl::StrAppend(&id, absl::Hex(random(), absl::kZeroPad8));
  return id;
}

void EventWriter::Write(const event::Event& event, absl::Duration limit, Done done) {
  const auto write = std::make_shared<Waiting>();
  write->deadline = absl::Now() + limit;
  write->done = done;
  bool refused = false;
  {
    absl::MutexLock lock(&shared_->mutex);
    refused = shared_->waiting.size() >= max_waiting_;
    if (!refused) shared_->waiting.push_back(write);
  }
  if (refused) {
    return done(absl::ResourceExhaustedError(
        absl::StrCat(max_waiting_, " writes are being applied; try again")));
  }
  const std::string value = event::EncodeJson(event);
  const stream::Header headers[] = {{"content-type", "application/json"}};
  stream::OutRecord record;
  record.topic = topic_;
  record.key = event.user_id;
  record.value = value;
  record.headers = headers;
  const absl::Status taken =
      sink_.Produce(record, [shared = shared_, write](const stream::Delivery& delivery) {
        absl::MutexLock lock(&shared->mutex);
        write->delivery = delivery;
      });
  if (taken.ok()) return;
  {
    absl::MutexLock lock(&shared_->mutex);
    const auto it = std::find(shared_->waiting.begin(), shared_->waiting.end(), write);
    if (it == shared_->waiting.end()) return;  // was told that it took too long
    shared_->waiting.erase(it);
  }
  done(taken);
}

bool EventWriter::Ended(const Waiting& write, absl::Time now, absl::Status* outcome) const {
  if (!write.delivery.has_value()) {
    *outcome =
        absl::UnavailableError("the brokers did not acknowledge in time; it may yet be applied");
    return now >= write.deadline;
  }
  const stream::Delivery& delivery = *write.delivery;
  if (!delivery.status.ok()) {
    *outcome = absl::UnavailableError(
        absl::StrCat("the brokers did not take it: ", delivery.status.message()));
    return true;
  }
  *outcome = absl::OkStatus();
  if (partitions_.Contains(delivery.partition)) {
    const PartitionSlot& slot = partitions_.slot(delivery.partition);
    if (slot.ownership.load() != Ownership::kNever && slot.state->next_offset() > delivery.offset) {
      return true;
    }
  }
  *outcome = absl::DeadlineExceededError(
      absl::StrCat("it is in the log (partition ", delivery.partition.value(), ", offset ",
                   delivery.offset.value(), "), but this node has not applied it yet"));
  return now >= write.deadline;
}

void EventWriter::Run() {
  base::NameThread("write-events");
  while (true) {
    std::vector<std::pair<Done, absl::Status>> ended;
    bool stopping = false;
    {
      absl::MutexLock lock(&shared_->mutex);
      shared_->mutex.Await(absl::Condition(shared_.get(), &Shared::news));
      stopping = shared_->stopping;
      const absl::Time now = absl::Now();
      for (auto it = shared_->waiting.begin(); it != shared_->waiting.end();) {
        absl::Status outcome;
        if (Ended(**it, now, &outcome)) {
          ended.emplace_back(std::move((*it)->done), std::move(outcome));
        } else if (stopping) {
          ended.emplace_back(std::move((*it)->done),
                             absl::UnavailableError("the node stops; it may yet be applied"));
        } else {
          ++it;
          continue;
        }
        it = shared_->waiting.erase(it);
      }
    }
    for (const auto& [done, outcome] : ended) done(outcome);
    if (stopping) return;
    absl::MutexLock lock(&shared_->mutex);
    shared_->mutex.AwaitWithTimeout(absl::Condition(&shared_->stopping), kPoll);
  }
}

}  // namespace kindred::node
