// LiveServing::GetStatus.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "node/live_serving.h"
#include "node/profile_view.h"
#include "node/version.h"
#include "profile/features.h"

namespace kindred::node {
namespace {

template <size_t kSize, typename NameOf>
void FillCounts(const std::array<uint64_t, kSize>& counts, NameOf name_of,
                google::protobuf::Map<std::string, int64_t>* out) {
  for (size_t i = 0; i < kSize; ++i) {
    if (counts[i] > 0) (*out)[std::string(name_of(i))] += static_cast<int64_t>(counts[i]);
  }
}

void FillQuality(const clean::QualityCounts& counts, v1::Quality* out) {
  out->set_read(static_cast<int64_t>(counts.read));
  out->set_accepted(static_cast<int64_t>(counts.accepted));
  out->set_duplicates(static_cast<int64_t>(counts.duplicates));
  out->set_stray_records(static_cast<int64_t>(counts.stray_records));
  out->set_skipped_offsets(static_cast<int64_t>(counts.skipped_offsets));
  FillCounts(
      counts.decode_failures,
      [](size_t i) { return event::DecodeFailureName(static_cast<event::DecodeFailure>(i)); },
      out->mutable_rejected());
  FillCounts(
      counts.rejected,
      [](size_t i) { return clean::RejectReasonName(static_cast<clean::RejectReason>(i)); },
      out->mutable_rejected());
  FillCounts(
      counts.corrected,
      [](size_t i) { return clean::CorrectionName(static_cast<clean::Correction>(1u << i)); },
      out->mutable_corrected());
  out->set_late(static_cast<int64_t>(counts.late()));
  for (size_t i = 0; i < counts.flagged.size(); ++i) {
    const auto flag = static_cast<clean::Flag>(1u << i);
    if (flag == clean::Flag::kLate || counts.flagged[i] == 0) continue;
    (*out->mutable_outliers())[std::string(clean::FlagName(flag))] =
        static_cast<int64_t>(counts.flagged[i]);
  }
  FillCounts(
      counts.missing,
      [](size_t i) { return clean::MissingFieldName(static_cast<clean::MissingField>(i)); },
      out->mutable_missing());
  FillCounts(
      counts.accepted_by_type,
      [](size_t i) { return event::EventTypeName(static_cast<event::EventType>(i)); },
      out->mutable_accepted_by_type());
}

}  // namespace

int64_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  long size = 0;
  long resident = 0;
  const int read = std::fscanf(file, "%ld %ld", &size, &resident);
  std::fclose(file);
  return read == 2 ? int64_t{resident} * sysconf(_SC_PAGESIZE) : 0;
}

absl::Status LiveServing::GetStatus(const v1::GetStatusRequest&, v1::Status* status) {
  status->set_version(std::string(kVersion));
  SetTime(absl::ToUnixMillis(info_.start_time), status->mutable_start_time());
  status->set_ready(health_.Check(telemetry::Probe::kReadiness).ok());
  for (const telemetry::HealthState::Condition& condition : health_.Conditions()) {
    if (condition.status.ok()) continue;
    status->add_not_ready_reasons(absl::StrCat(condition.name, ": ", condition.status.message()));
  }
  status->set_topic(info_.topic);
  status->set_group(info_.group);
  status->set_partition_count(partitions_.count());
  clean::QualityCounts quality;
  uint64_t customers = 0;
  uint64_t outbox = 0;
  partitions_.ForEach([&](const PartitionSlot& slot) {
    const Partition::Figures figures = slot.state->figures();
    quality += figures.quality;
    customers += figures.customers;
    outbox += figures.outbox_pending;
    v1::PartitionStatus& partition = *status->add_partitions();
    partition.set_partition(slot.state->id().value());
    partition.set_owned(slot.ownership.load() == Ownership::kOwned);
    const int64_t applied = slot.state->next_offset().value();
    const int64_t end = slot.end_offset.load();
    partition.set_applied_offset(applied);
    partition.set_stored_offset(slot.state->stored_offset().value());
    partition.set_end_offset(end);
    partition.set_lag(end < 0 ? -1 : std::max<int64_t>(0, end - applied));
    partition.set_customer_count(static_cast<int64_t>(figures.customers));
    partition.set_ready(partitions_.Ready(slot.state->id()).ok());
    if (slot.state->newest_event_ms() != 0) {
      SetTime(slot.state->newest_event_ms(), partition.mutable_newest_event_time());
    }
    partition.mutable_dedup_window()->set_seconds(figures.dedup_window_ms / 1000);
    if (slot.state->halted()) {
      status->add_not_ready_reasons(
          absl::StrCat("partition ", slot.state->id().value(),
                       " is halted: ", figures.window_rejected, " of ", figures.window_records,
                       " records were rejected: mend the producer or the rules, then restart with "
                       "--resume-halted"));
    }
  });
  status->set_customer_count(static_cast<int64_t>(customers));
  status->set_item_count(static_cast<int64_t>(shared_.index.item_count()));
  if (checkpointer_.last_written() > absl::UnixEpoch()) {
    SetTime(absl::ToUnixMillis(checkpointer_.last_written()),
            status->mutable_last_checkpoint_time());
  }
  if (partitions_.newest_event_ms() != 0) {
    SetTime(partitions_.newest_event_ms(), status->mutable_as_of_time());
  }
  const std::shared_ptr<const PublishedSegments> segments = learner_.Current();
  (*status->mutable_model_versions())["segments"] =
      segments == nullptr ? 0 : static_cast<int64_t>(segments->model.version);
  for (size_t d = 0; d < profile::kFeatureCount; ++d) {
    status->add_feature_names(std::string(profile::GetFeatureInfo(d).name));
  }
  FillQuality(quality, status->mutable_quality());
  status->mutable_quality()->set_outbox_pending(static_cast<int64_t>(outbox));
  status->set_resident_memory_bytes(ResidentBytes());
  status->set_memory_limit_bytes(info_.memory_limit_bytes);
  status->set_default_currency(shared_.options.default_currency);
  return absl::OkStatus();
}

}  // namespace kindred::node
