#include "node/suspects.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace kindred::node {
namespace {

constexpr uint8_t kVersion = 1;
constexpr absl::string_view kRunningKey = "running";
// More than one checkpoint interval can hold: the crash lies before that.
constexpr int64_t kWatchedRecords = 1 << 20;
// Few enough that going through them one by one takes a millisecond or two: an innocent record
// would have to be met there by three kills in a row.
constexpr size_t kBatch = 64;
constexpr size_t kMaxSetAside = 1000;

std::string KeyOf(PartitionId partition) { return absl::StrCat("attempt/", partition.value()); }

}  // namespace

std::string Attempt::Encode() const {
  std::string out;
  base::ByteWriter writer(&out);
  writer.U8(kVersion);
  writer.Signed(begin);
  writer.Signed(end);
  writer.Varint(count);
  writer.Varint(set_aside.size());
  for (const int64_t offset : set_aside) writer.Signed(offset);
  return out;
}

absl::StatusOr<Attempt> Attempt::Decode(absl::string_view bytes) {
  base::ByteReader in(bytes);
  if (in.U8() != kVersion) return absl::DataLossError("attempt of an unknown version");
  Attempt attempt;
  attempt.begin = in.Signed();
  attempt.end = in.Signed();
  attempt.count = static_cast<uint32_t>(in.Varint());
  const size_t count = in.Count();
  for (size_t i = 0; i < count; ++i) attempt.set_aside.push_back(in.Signed());
  if (!in.Done()) return absl::DataLossError("stored attempt is damaged");
  return attempt;
}

absl::Status Suspects::Open() {
  KINDRED_ASSIGN_OR_RETURN(const std::optional<std::string> running,
                           store_.Get(store::Table::kMeta, store::kNodeScope, kRunningKey));
  after_crash_ = running.has_value();
  if (after_crash_) {
    base::LogInfo("ingest", "the last run did not end cleanly: records are watched for a while");
    return absl::OkStatus();
  }
  store::Checkpoint checkpoint = store_.NewCheckpoint(store::kNodeScope);
  checkpoint.Put(store::Table::kMeta, kRunningKey, "1");
  return store_.Write(std::move(checkpoint));
}

absl::Status Suspects::Close() {
  store::Checkpoint checkpoint = store_.NewCheckpoint(store::kNodeScope);
  checkpoint.Delete(store::Table::kMeta, kRunningKey);
  return store_.Write(std::move(checkpoint));
}

Suspects::Watch* Suspects::WatchOf(PartitionId partition) {
  absl::MutexLock lock(&mutex_);
  std::unique_ptr<Watch>& watch = watches_[partition];
  if (watch == nullptr) watch = std::make_unique<Watch>();
  return watch.get();
}

absl::Status Suspects::Begin(const Partition& partition, Watch* watch) {
  const int64_t next = partition.next_offset().value();
  KINDRED_ASSIGN_OR_RETURN(
      const std::optional<std::string> stored,
      store_.Get(store::Table::kMeta, store::kNodeScope, KeyOf(partition.id())));
  if (stored.has_value()) {
    KINDRED_ASSIGN_OR_RETURN(watch->found, Attempt::Decode(*stored));
  }
  std::vector<int64_t>& aside = watch->found.set_aside;
  aside.erase(
      std::remove_if(aside.begin(), aside.end(), [next](int64_t offset) { return offset < next; }),
      aside.end());
  Attempt& found = watch->found;
  if (found.end <= next) found.begin = found.end = found.count = 0;
  if (found.count >= kAttempts && found.end == found.begin + 1 && aside.size() < kMaxSetAside) {
    base::LogError("ingest", "a record ended the process three times and is set aside",
                   {{"partition", partition.id().value()}, {"offset", found.begin}});
    aside.insert(std::lower_bound(aside.begin(), aside.end(), found.begin), found.begin);
    found.begin = found.end = found.count = 0;
  }
  watch->until = next + kWatchedRecords;
  watch->begun = true;
  return absl::OkStatus();
}

absl::Status Suspects::Note(PartitionId partition, const Watch& watch, int64_t begin, int64_t end,
                            uint32_t count) {
  Attempt attempt;
  attempt.begin = begin;
  attempt.end = end;
  attempt.count = count;
  attempt.set_aside = watch.found.set_aside;
  store::Checkpoint checkpoint = store_.NewCheckpoint(store::kNodeScope);
  checkpoint.Put(store::Table::kMeta, KeyOf(partition), attempt.Encode());
  return store_.Write(std::move(checkpoint));
}

absl::Status Suspects::Apply(Partition* partition, absl::Span<const stream::RawRecord> records,
                             const ColdReader& cold, Workbench* bench) {
  if (!after_crash_ || records.empty()) return partition->Apply(records, cold, bench);
  Watch* watch = WatchOf(partition->id());
  if (!watch->begun) {
    KINDRED_RETURN_IF_ERROR(Begin(*partition, watch));
    partition->SetAside(watch->found.set_aside);
  }
  if (records[0].offset().value() >= watch->until) return partition->Apply(records, cold, bench);
  const absl::Status applied = ApplyWatched(partition, *watch, records, cold, bench);
  // Whatever ends the process from now on, it is none of these.
  const absl::Status survived = Note(partition->id(), *watch, 0, 0, 0);
  return applied.ok() ? survived : applied;
}

absl::Status Suspects::ApplyWatched(Partition* partition, const Watch& watch,
                                    absl::Span<const stream::RawRecord> records,
                                    const ColdReader& cold, Workbench* bench) {
  const Attempt& found = watch.found;
  const auto offset = [&records](size_t i) { return records[i].offset().value(); };
  const auto blamed = [&found, &offset](size_t i) {
    return offset(i) >= found.begin && offset(i) < found.end;
  };
  size_t begin = 0;
  while (begin < records.size()) {
    size_t end = begin + 1;
    uint32_t count = 1;
    if (blamed(begin)) {
      count = found.count + 1;
    } else {
      while (end < records.size() && end - begin < kBatch && !blamed(end)) ++end;
    }
    // What was applied already, before a repetition, is neither tried nor written down.
    if (offset(end - 1) >= partition->next_offset().value()) {
      KINDRED_RETURN_IF_ERROR(
          Note(partition->id(), watch, offset(begin), offset(end - 1) + 1, count));
      KINDRED_RETURN_IF_ERROR(partition->Apply(records.subspan(begin, end - begin), cold, bench));
    }
    begin = end;
  }
  return absl::OkStatus();
}

}  // namespace kindred::node
