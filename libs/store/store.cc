#include "store/store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "rocksdb/convenience.h"
#include "store/rocksdb_status.h"
#include "store/store_impl.h"
#include "store/store_table.h"

namespace kindred::store {
namespace {

// A deletion goes in steps of this many records, so that memory stays bounded.
constexpr uint32_t kDeleteStep = 4096;
// How long Close waits for a recovery under way.
constexpr absl::Duration kRecoveryWait = absl::Seconds(10);

absl::Status Closed() { return absl::FailedPreconditionError(kClosed); }

}  // namespace

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() {
  const absl::Status status = Close();
  if (!status.ok()) base::LogError("store", "closing failed", {{"status", status}});
}

Checkpoint Store::NewCheckpoint(PartitionId partition) const {
  KINDRED_CHECK(impl_->db != nullptr) << kClosed;
  return Checkpoint(std::make_unique<Checkpoint::Impl>(partition, impl_->handles));
}

absl::Status Store::Impl::WriteBatch(rocksdb::WriteBatch* batch, Sync sync) {
  const bool has_log = options.durability == Durability::kWriteAheadLog;
  rocksdb::WriteOptions write;
  write.disableWAL = !has_log;
  write.sync = has_log && sync == Sync::kYes;
  absl::Status status = ToAbslStatus(db->Write(write, batch), "cannot write to the store");
  if (status.ok() && sync == Sync::kYes && !has_log) {
    status =
        ToAbslStatus(db->Flush({}, {handles.begin(), handles.end()}), "cannot flush the store");
  }
  if (!status.ok()) write_failures.fetch_add(1, std::memory_order_relaxed);
  return status;
}

absl::Status Store::Write(Checkpoint&& checkpoint, Sync sync) {
  if (impl_->db == nullptr) return Closed();
  Checkpoint::Impl& filled = *checkpoint.impl_;
  if (filled.partition < kNodeScope || filled.partition.value() >= impl_->options.partition_count) {
    return absl::FailedPreconditionError(
        absl::StrCat("the store was opened for ", impl_->options.partition_count,
                     " partitions and has no partition ", filled.partition.value()));
  }
  absl::MutexLock lock(&impl_->write_mutex);
  if (filled.next_offset.has_value()) {
    const auto stored = impl_->next_offsets.find(filled.partition);
    if (stored != impl_->next_offsets.end() && *filled.next_offset < stored->second) {
      return absl::FailedPreconditionError(
          absl::StrCat("partition ", filled.partition.value(), " would go back from offset ",
                       stored->second.value(), " to ", filled.next_offset->value()));
    }
  }
  const size_t bytes = filled.batch.GetDataSize();
  KINDRED_RETURN_IF_ERROR(impl_->WriteBatch(&filled.batch, sync));
  if (filled.next_offset.has_value()) impl_->next_offsets[filled.partition] = *filled.next_offset;
  impl_->checkpoints.fetch_add(1, std::memory_order_relaxed);
  impl_->checkpoint_bytes.fetch_add(bytes, std::memory_order_relaxed);
  filled.batch.Clear();
  filled.next_offset.reset();
  return absl::OkStatus();
}

absl::Status Store::DeletePartition(PartitionId partition) {
  if (impl_->db == nullptr) return Closed();
  if (partition <= kNodeScope) return absl::InvalidArgumentError("no such partition");
  {
    absl::MutexLock lock(&impl_->write_mutex);
    Checkpoint::Impl mark(partition, impl_->handles);
    mark.Delete(Table::kStore, partition, kNextOffsetId);
    mark.Put(Table::kStore, partition, kDeletingId, {});
    KINDRED_RETURN_IF_ERROR(impl_->WriteBatch(&mark.batch, Sync::kYes));
    impl_->next_offsets.erase(partition);
  }
  return impl_->DeleteRecords(partition);
}

absl::Status Store::Impl::DeleteRecords(PartitionId partition) {
  Checkpoint::Impl step(partition, handles);
  const auto remove = [&](const Key& key, absl::string_view) -> absl::Status {
    step.Delete(key.table, key.partition, key.id);
    if (static_cast<uint32_t>(step.batch.Count()) < kDeleteStep) return absl::OkStatus();
    absl::MutexLock lock(&write_mutex);
    KINDRED_RETURN_IF_ERROR(WriteBatch(&step.batch, Sync::kNo));
    step.batch.Clear();
    return absl::OkStatus();
  };
  for (const Table table : kAllTables) {
    if (ScopeOf(table) == Scope::kNode || table == Table::kStore) continue;
    const std::string prefix = EncodeKey(table, partition, {});
    KINDRED_RETURN_IF_ERROR(ForEachKey(table, prefix, AfterPrefix(prefix), {}, remove));
  }
  step.Delete(Table::kStore, partition, kDeletingId);
  absl::MutexLock lock(&write_mutex);
  return WriteBatch(&step.batch, Sync::kYes);
}

absl::Status Store::DeleteOutbox(PartitionId partition, absl::Span<const uint64_t> sequences) {
  if (impl_->db == nullptr) return Closed();
  if (sequences.empty()) return absl::OkStatus();
  Checkpoint::Impl step(partition, impl_->handles);
  for (const uint64_t sequence : sequences) {
    step.Delete(Table::kOutbox, partition, WideKey(sequence));
  }
  absl::MutexLock lock(&impl_->write_mutex);
  return impl_->WriteBatch(&step.batch, Sync::kNo);
}

absl::Status Store::Flush() {
  if (impl_->db == nullptr) return Closed();
  return ToAbslStatus(impl_->db->Flush({}, {impl_->handles.begin(), impl_->handles.end()}),
                      "cannot flush the store");
}

absl::Status Store::CompactAll() {
  KINDRED_RETURN_IF_ERROR(Flush());
  rocksdb::CompactRangeOptions compact;
  compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  for (rocksdb::ColumnFamilyHandle* handle : impl_->handles) {
    KINDRED_RETURN_IF_ERROR(ToAbslStatus(impl_->db->CompactRange(compact, handle, nullptr, nullptr),
                                         "cannot compact the store"));
  }
  return absl::OkStatus();
}

absl::Status Store::Close() { return impl_->Close(); }

absl::Status Store::Impl::Close() {
  if (db == nullptr) return absl::OkStatus();
  KINDRED_CHECK(snapshots->load() == 0) << "a snapshot is still held";
  background_errors->WaitForRecovery(kRecoveryWait);
  // A store that cannot write any more has nothing to flush that its log does not hold.
  absl::Status status = background_errors->Health();
  if (status.ok()) {
    status =
        ToAbslStatus(db->Flush({}, {handles.begin(), handles.end()}), "cannot flush the store");
  }
  rocksdb::CancelAllBackgroundWork(db.get(), /*wait=*/true);
  for (rocksdb::ColumnFamilyHandle*& handle : handles) {
    const rocksdb::Status destroyed = db->DestroyColumnFamilyHandle(handle);
    KINDRED_CHECK(destroyed.ok()) << destroyed.ToString();
    handle = nullptr;
  }
  const absl::Status closed = ToAbslStatus(db->Close(), "cannot close the store");
  db.reset();
  directory_lock.reset();
  return status.ok() ? closed : status;
}

absl::Status Store::Health() const { return impl_->background_errors->Health(); }

}  // namespace kindred::store
