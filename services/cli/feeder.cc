#include "cli/feeder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/hash.h"
#include "base/status_macros.h"

namespace kindred::cli {
namespace {

constexpr absl::Duration kGateLimit = absl::Minutes(1);
constexpr absl::Duration kQueueWait = absl::Milliseconds(2);
constexpr absl::Duration kFlushLimit = absl::Minutes(5);
// What the log adds to a record.
constexpr size_t kRecordOverheadBytes = 100;

}  // namespace

Feeder::Feeder(FeedTarget target, stream::RecordSink* sink)
    : target_(std::move(target)), sink_(*sink) {}

absl::Status Feeder::Send(absl::string_view key, absl::string_view value,
                          absl::Span<const stream::Header> headers) {
  stream::OutRecord record;
  record.topic = target_.topic;
  if (!key.empty()) record.key = key;
  record.value = value;
  record.headers = headers;
  if (target_.gate != nullptr) {
    record.partition = PartitionId(
        key.empty() ? static_cast<int32_t>(sent_ % static_cast<uint64_t>(target_.partitions))
                    : base::PartitionOf(key, target_.partitions));
    KINDRED_RETURN_IF_ERROR(target_.gate->Enter(
        *record.partition, key.size() + value.size() + kRecordOverheadBytes, kGateLimit));
  }
  const auto done = [failed = failed_](const stream::Delivery& delivery) {
    if (!delivery.status.ok()) failed->fetch_add(1);
  };
  while (true) {
    const absl::Status status = sink_.Produce(record, done);
    if (status.ok()) break;
    if (!absl::IsResourceExhausted(status)) return status;
    absl::SleepFor(kQueueWait);
  }
  ++sent_;
  return absl::OkStatus();
}

absl::Status Feeder::Finish() {
  KINDRED_RETURN_IF_ERROR(sink_.Flush(kFlushLimit));
  if (failed() > 0) {
    return absl::UnavailableError(absl::StrCat(
        failed(), " of ", sent_, " records were not acknowledged; sending the same again is safe"));
  }
  return absl::OkStatus();
}

}  // namespace kindred::cli
