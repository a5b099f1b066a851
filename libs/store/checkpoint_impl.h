// The batch behind a Checkpoint.
#ifndef KINDRED_STORE_CHECKPOINT_IMPL_H_
#define KINDRED_STORE_CHECKPOINT_IMPL_H_

#include <array>
#include <optional>
#include <string>

#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "store/checkpoint.h"
#include "store/format.h"

namespace kindred::store {

using FamilyHandles = std::array<rocksdb::ColumnFamilyHandle*, kFamilies>;

struct Checkpoint::Impl {
  Impl(PartitionId of, const FamilyHandles& families) : partition(of), handles(families) {}

  // Unchecked: also for the store's own table.
  void Put(Table table, PartitionId scope, absl::string_view id, absl::string_view value);
  void Delete(Table table, PartitionId scope, absl::string_view id);

  const PartitionId partition;
  const FamilyHandles handles;
  std::optional<Offset> next_offset;
  rocksdb::WriteBatch batch;
  std::string key;  // kept for its memory
};

}  // namespace kindred::store

#endif  // KINDRED_STORE_CHECKPOINT_IMPL_H_
