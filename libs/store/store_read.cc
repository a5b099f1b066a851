#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "rocksdb/iterator.h"
#include "store/rocksdb_status.h"
#include "store/store.h"
#include "store/store_impl.h"
#include "store/store_table.h"

namespace kindred::store {
namespace {

absl::Status Closed() { return absl::FailedPreconditionError(kClosed); }

absl::string_view ToView(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

rocksdb::ReadOptions ReadAt(const Snapshot* snapshot) {
  rocksdb::ReadOptions read;
  if (snapshot != nullptr) read.snapshot = snapshot->get();
  return read;
}

PartitionId StoredUnder(Table table, PartitionId partition) {
  return ScopeOf(table) == Scope::kNode ? kNodeScope : partition;
}

}  // namespace

std::string AfterPrefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  KINDRED_CHECK(!prefix.empty());
  prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

Snapshot::Snapshot(rocksdb::DB* db, std::shared_ptr<std::atomic<int>> alive)
    : db_(db), snapshot_(db->GetSnapshot()), alive_(std::move(alive)) {
  alive_->fetch_add(1);
}

Snapshot::~Snapshot() {
  db_->ReleaseSnapshot(snapshot_);
  alive_->fetch_sub(1);
}

std::shared_ptr<const Snapshot> Store::TakeSnapshot() const {
  KINDRED_CHECK(impl_->db != nullptr) << kClosed;
  return std::make_shared<const Snapshot>(impl_->db.get(), impl_->snapshots);
}

absl::StatusOr<std::optional<std::string>> Store::Impl::Get(
    Table table, PartitionId partition, absl::string_view id,
    const rocksdb::ReadOptions& read) const {
  std::string value;
  const rocksdb::Status status =
      db->Get(read, HandleOf(table), EncodeKey(table, partition, id), &value);
  if (status.IsNotFound()) return std::nullopt;
  KINDRED_RETURN_IF_ERROR(ToAbslStatus(status, absl::StrCat("cannot read ", TableName(table))));
  return std::make_optional(std::move(value));
}

absl::StatusOr<std::optional<std::string>> Store::Get(Table table, PartitionId partition,
                                                      absl::string_view id) const {
  if (impl_->db == nullptr) return Closed();
  return impl_->Get(table, StoredUnder(table, partition), id, {});
}

absl::StatusOr<std::vector<std::optional<std::string>>> Store::MultiGet(
    Table table, PartitionId partition, absl::Span<const absl::string_view> ids) const {
  if (impl_->db == nullptr) return Closed();
  size_t bytes = 0;
  for (const absl::string_view id : ids) bytes += kKeyPrefixBytes + id.size();
  std::string buffer;
  buffer.reserve(bytes);  // the keys point into it: it must not move
  std::vector<rocksdb::Slice> keys;
  keys.reserve(ids.size());
  for (const absl::string_view id : ids) {
    const size_t begin = buffer.size();
    AppendKey(table, StoredUnder(table, partition), id, &buffer);
    keys.emplace_back(buffer.data() + begin, buffer.size() - begin);
  }
  std::vector<rocksdb::PinnableSlice> values(ids.size());
  std::vector<rocksdb::Status> statuses(ids.size());
  impl_->db->MultiGet(rocksdb::ReadOptions(), impl_->HandleOf(table), keys.size(), keys.data(),
                      values.data(), statuses.data());
  std::vector<std::optional<std::string>> found(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    KINDRED_RETURN_IF_ERROR(
        ToAbslStatus(statuses[i], absl::StrCat("cannot read ", TableName(table))));
    found[i].emplace(values[i].data(), values[i].size());
  }
  return found;
}

absl::Status Store::Impl::ForEachKey(
    Table table, absl::string_view lower, absl::string_view upper, const rocksdb::ReadOptions& read,
    absl::FunctionRef<absl::Status(const Key&, absl::string_view)> visit) const {
  rocksdb::ReadOptions bounded = read;
  const rocksdb::Slice end(upper.data(), upper.size());
  bounded.iterate_upper_bound = &end;
  // A walk over everything must not push out what look-ups need.
  bounded.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(db->NewIterator(bounded, HandleOf(table)));
  for (at->Seek({lower.data(), lower.size()}); at->Valid(); at->Next()) {
    KINDRED_ASSIGN_OR_RETURN(const Key key, DecodeKey(ToView(at->key())));
    KINDRED_RETURN_IF_ERROR(visit(key, ToView(at->value())));
  }
  return ToAbslStatus(at->status(), absl::StrCat("cannot read ", TableName(table)));
}

absl::Status Store::ForEach(Table table, PartitionId partition, Visitor visit,
                            const Snapshot* snapshot, absl::string_view from) const {
  if (impl_->db == nullptr) return Closed();
  const PartitionId scope = StoredUnder(table, partition);
  return impl_->ForEachKey(
      table, EncodeKey(table, scope, from), AfterPrefix(EncodeKey(table, scope, {})),
      ReadAt(snapshot),
      [&](const Key& key, absl::string_view value) { return visit(key.id, value); });
}

absl::StatusOr<std::optional<Offset>> Store::NextOffset(PartitionId partition,
                                                        const Snapshot* snapshot) const {
  if (impl_->db == nullptr) return Closed();
  KINDRED_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                           impl_->Get(Table::kStore, partition, kNextOffsetId, ReadAt(snapshot)));
  if (!bytes.has_value()) return std::nullopt;
  return DecodeOffset(*bytes);
}

absl::StatusOr<std::vector<StoredPartition>> Store::Partitions(const Snapshot* snapshot) const {
  if (impl_->db == nullptr) return Closed();
  std::vector<StoredPartition> partitions;
  KINDRED_RETURN_IF_ERROR(
      impl_->ForEachKey(Table::kStore, EncodeKey(Table::kStore, PartitionId(0), {}),
                        EncodeKey(Table::kStore, kNodeScope, {}), ReadAt(snapshot),
                        [&](const Key& key, absl::string_view value) -> absl::Status {
                          if (key.id != kNextOffsetId) return absl::OkStatus();
                          KINDRED_ASSIGN_OR_RETURN(const Offset next, DecodeOffset(value));
                          partitions.push_back({key.partition, next});
                          return absl::OkStatus();
                        }));
  return partitions;
}

absl::Status Store::ForEachOutbox(PartitionId partition, uint64_t from, size_t limit,
                                  OutboxVisitor visit) const {
  if (impl_->db == nullptr) return Closed();
  if (limit == 0) return absl::OkStatus();
  // The only way out of a walk is a status; this one never leaves here.
  const absl::Status enough = absl::CancelledError("limit reached");
  size_t visited = 0;
  bool stopped = false;
  const absl::Status status = ForEach(
      Table::kOutbox, partition,
      [&](absl::string_view id, absl::string_view value) -> absl::Status {
        KINDRED_ASSIGN_OR_RETURN(const uint64_t sequence, ParseWideKey(id));
        KINDRED_RETURN_IF_ERROR(visit(sequence, value));
        stopped = ++visited == limit;
        return stopped ? enough : absl::OkStatus();
      },
      nullptr, WideKey(from));
  return stopped ? absl::OkStatus() : status;
}

}  // namespace kindred::store
