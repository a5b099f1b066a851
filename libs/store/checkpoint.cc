#include "store/checkpoint.h"

#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "store/checkpoint_impl.h"
#include "store/store_table.h"

namespace kindred::store {
namespace {

rocksdb::Slice ToSlice(absl::string_view bytes) { return {bytes.data(), bytes.size()}; }

// Adding to a batch fails only for what no caller here can do: an unknown column family, a
// protection mismatch, or a batch above its maximum, which is not set.
void CheckAdded(const rocksdb::Status& status) { KINDRED_CHECK(status.ok()) << status.ToString(); }

// The partition a record of `table` is stored under in a checkpoint of `partition`.
PartitionId ScopeIn(Table table, PartitionId partition) {
  KINDRED_CHECK(table != Table::kStore) << "the store's own table";
  switch (ScopeOf(table)) {
    case Scope::kNode:
      return kNodeScope;
    case Scope::kPartition:
      KINDRED_CHECK(partition != kNodeScope)
          << "table " << TableName(table) << " belongs to partitions";
      return partition;
    case Scope::kEither:
      return partition;
  }
  return partition;
}

}  // namespace

void Checkpoint::Impl::Put(Table table, PartitionId scope, absl::string_view id,
                           absl::string_view value) {
  key.clear();
  AppendKey(table, scope, id, &key);
  CheckAdded(batch.Put(handles[static_cast<size_t>(FamilyOf(table))], key, ToSlice(value)));
}

void Checkpoint::Impl::Delete(Table table, PartitionId scope, absl::string_view id) {
  key.clear();
  AppendKey(table, scope, id, &key);
  CheckAdded(batch.Delete(handles[static_cast<size_t>(FamilyOf(table))], key));
}

Checkpoint::Checkpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;
Checkpoint& Checkpoint::operator=(Checkpoint&&) noexcept = default;
Checkpoint::~Checkpoint() = default;

void Checkpoint::Put(Table table, absl::string_view id, absl::string_view value) {
  KINDRED_CHECK(table != Table::kOutbox) << "use PutOutbox";
  impl_->Put(table, ScopeIn(table, impl_->partition), id, value);
}

void Checkpoint::Delete(Table table, absl::string_view id) {
  KINDRED_CHECK(table != Table::kOutbox) << "use DeleteOutbox";
  impl_->Delete(table, ScopeIn(table, impl_->partition), id);
}

void Checkpoint::SetNextOffset(Offset next) {
  KINDRED_CHECK(impl_->partition != kNodeScope) << "the node has no offset";
  KINDRED_CHECK(next >= Offset(0)) << "offset " << next;
  impl_->next_offset = next;
  impl_->Put(Table::kStore, impl_->partition, kNextOffsetId, EncodeOffset(next));
}

void Checkpoint::PutOutbox(uint64_t sequence, absl::string_view value) {
  impl_->Put(Table::kOutbox, ScopeIn(Table::kOutbox, impl_->partition), WideKey(sequence), value);
}

void Checkpoint::DeleteOutbox(uint64_t sequence) {
  impl_->Delete(Table::kOutbox, ScopeIn(Table::kOutbox, impl_->partition), WideKey(sequence));
}

PartitionId Checkpoint::partition() const { return impl_->partition; }
std::optional<Offset> Checkpoint::next_offset() const { return impl_->next_offset; }
size_t Checkpoint::bytes() const { return impl_->batch.GetDataSize(); }
size_t Checkpoint::changes() const { return static_cast<size_t>(impl_->batch.Count()); }

}  // namespace kindred::store
