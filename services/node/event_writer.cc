#include "node/event_writer.h"

#include <memory>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "event/encode.h"

namespace kindred::node {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(1);

struct Outcome {
  absl::Notification done;
  stream::Delivery delivery;
};

}  // namespace

std::string EventWriter::NewEventId(absl::string_view prefix) {
  std::random_device random;
  std::string id = absl::StrCat(prefix, "/");
  for (int i = 0; i < 4; ++i) absl::StrAppend(&id, absl::Hex(random(), absl::kZeroPad8));
  return id;
}

absl::Status EventWriter::Write(const event::Event& event, absl::Duration limit) {
  if (!one_at_a_time_.TryLock()) {
    return absl::ResourceExhaustedError("another write is being applied; try again");
  }
  const std::unique_ptr<absl::Mutex, void (*)(absl::Mutex*)> unlock(
      &one_at_a_time_, [](absl::Mutex* mutex) ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex->Unlock(); });
  const absl::Time deadline = absl::Now() + limit;
  const std::string value = event::EncodeJson(event);
  const stream::Header headers[] = {{"content-type", "application/json"}};
  stream::OutRecord record;
  record.topic = topic_;
  record.key = event.user_id;
  record.value = value;
  record.headers = headers;
  // Shared with the sink, which may be told after this call has given up.
  const auto outcome = std::make_shared<Outcome>();
  const absl::Status taken = sink_.Produce(record, [outcome](const stream::Delivery& delivery) {
    outcome->delivery = delivery;
    outcome->done.Notify();
  });
  if (!taken.ok()) return taken;
  if (!outcome->done.WaitForNotificationWithDeadline(deadline)) {
    return absl::UnavailableError("the brokers did not acknowledge in time; it may yet be applied");
  }
  if (!outcome->delivery.status.ok()) {
    return absl::UnavailableError(
        absl::StrCat("the brokers did not take it: ", outcome->delivery.status.message()));
  }
  const PartitionId partition = outcome->delivery.partition;
  while (absl::Now() < deadline) {
    if (partitions_.Contains(partition)) {
      const PartitionSlot& slot = partitions_.slot(partition);
      if (slot.ownership.load() != Ownership::kNever &&
          slot.state->next_offset() > outcome->delivery.offset) {
        return absl::OkStatus();
      }
    }
    absl::SleepFor(kPoll);
  }
  return absl::DeadlineExceededError(absl::StrCat("it is in the log (partition ", partition.value(),
                                                  ", offset ", outcome->delivery.offset.value(),
                                                  "), but this node has not applied it yet"));
}

}  // namespace kindred::node
