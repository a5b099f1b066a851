#include "node/partition_set.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/log.h"
#include "google/rpc/error_details.pb.h"

namespace kindred::node {
namespace {

// For callers that decide by it: google.rpc.ErrorInfo, and google.rpc.RetryInfo.
void DescribeProgress(PartitionId id, int64_t applied, int64_t end, absl::Status* status) {
  google::rpc::ErrorInfo info;
  info.set_reason("PARTITION_CATCHING_UP");
  info.set_domain("kindred");
  auto& metadata = *info.mutable_metadata();
  metadata["partition"] = absl::StrCat(id.value());
  metadata["applied_offset"] = absl::StrCat(applied);
  if (end >= 0) metadata["end_offset"] = absl::StrCat(end);
  status->SetPayload("type.googleapis.com/google.rpc.ErrorInfo",
                     absl::Cord(info.SerializeAsString()));
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(1);
  status->SetPayload("type.googleapis.com/google.rpc.RetryInfo",
                     absl::Cord(retry.SerializeAsString()));
}

}  // namespace

PartitionSet::PartitionSet(SharedState* shared) : shared_(*shared) {
  for (int32_t i = 0; i < shared->options.partition_count; ++i) {
    slots_.push_back(std::make_unique<Slot>());
  }
}

Partition& PartitionSet::Ensure(PartitionId id) {
  Slot& slot = *slots_[static_cast<size_t>(id.value())];
  if (slot.state == nullptr) {
    slot.state = std::make_unique<Partition>(id, &shared_);
    slot.has_state.store(true, std::memory_order_release);
  }
  return *slot.state;
}

void PartitionSet::TellHalted(bool resume) {
  ForEach([resume](Slot& slot) {
    Partition& partition = *slot.state;
    if (!partition.halted()) return;
    if (resume) partition.ResetBreaker();
    base::LogWarning(
        "node",
        resume ? "halted partition goes on"
               : "partition stays halted: nearly all of its records were rejected; "
                 "--resume-halted goes on",
        {{"partition", partition.id().value()}, {"offset", partition.next_offset().value()}});
  });
}

absl::Status PartitionSet::Ready(PartitionId id) const {
  if (Answers(id)) return absl::OkStatus();
  const Slot& slot = *slots_[static_cast<size_t>(id.value())];
  switch (slot.ownership.load(std::memory_order_acquire)) {
    case Ownership::kNever:
      return absl::UnavailableError(
          absl::StrCat("partition ", id.value(), " is not assigned to this node yet; retry"));
    case Ownership::kRevoked:
      return absl::UnavailableError(
          absl::StrCat("partition ", id.value(), " belongs to another node now; ask that one"));
    case Ownership::kOwned:
    case Ownership::kLost:
      break;
  }
  if (slot.caught_up.load(std::memory_order_acquire)) return absl::OkStatus();
  const int64_t applied = slot.state->next_offset().value();
  if (slot.state->halted()) {
    return absl::UnavailableError(
        absl::StrCat("partition ", id.value(), " is halted at offset ", applied,
                     " because nearly all records were rejected; see the log"));
  }
  const int64_t end = slot.catch_up_offset.load(std::memory_order_acquire);
  absl::Status status = absl::UnavailableError(
      absl::StrCat("partition ", id.value(), " is catching up: ", applied, " of ",
                   end < 0 ? "?" : absl::StrCat(end), " records applied; retry"));
  DescribeProgress(id, applied, end, &status);
  return status;
}

bool PartitionSet::Answers(PartitionId id) const {
  const Slot& slot = *slots_[static_cast<size_t>(id.value())];
  const Ownership ownership = slot.ownership.load(std::memory_order_acquire);
  return (ownership == Ownership::kOwned || ownership == Ownership::kLost) &&
         slot.caught_up.load(std::memory_order_acquire);
}

PartitionId PartitionSet::Home(absl::string_view customer_id) const {
  return PartitionId(base::PartitionOf(customer_id, count()));
}

int64_t PartitionSet::newest_event_ms() const {
  int64_t newest = 0;
  ForEach(
      [&newest](const Slot& slot) { newest = std::max(newest, slot.state->newest_event_ms()); });
  return newest;
}

uint64_t PartitionSet::customers() const {
  uint64_t customers = 0;
  ForEach([&customers](const Slot& slot) { customers += slot.state->figures().customers; });
  return customers;
}

}  // namespace kindred::node
