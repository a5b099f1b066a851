#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"
#include "store/store.h"
#include "store/store_impl.h"

namespace kindred::store {
namespace {

int64_t Sum(rocksdb::DB* db, const FamilyHandles& handles, const std::string& property) {
  int64_t sum = 0;
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    uint64_t value = 0;
    if (db->GetIntProperty(handle, property, &value)) sum += static_cast<int64_t>(value);
  }
  return sum;
}

// A figure of the whole database.
int64_t Single(rocksdb::DB* db, const std::string& property) {
  uint64_t value = 0;
  return db->GetIntProperty(property, &value) ? static_cast<int64_t>(value) : 0;
}

int64_t LogBytes(rocksdb::Env* env, const std::string& db_dir) {
  std::vector<std::string> names;
  if (!env->GetChildren(db_dir, &names).ok()) return 0;
  int64_t sum = 0;
  for (const std::string& name : names) {
    uint64_t size = 0;
    if (absl::EndsWith(name, ".log") &&
        env->GetFileSize(absl::StrCat(db_dir, "/", name), &size).ok()) {
      sum += static_cast<int64_t>(size);
    }
  }
  return sum;
}

}  // namespace

StoreStats Store::Stats() const {
  using Properties = rocksdb::DB::Properties;
  StoreStats stats;
  stats.checkpoints = impl_->checkpoints.load(std::memory_order_relaxed);
  stats.checkpoint_bytes = impl_->checkpoint_bytes.load(std::memory_order_relaxed);
  stats.write_failures = impl_->write_failures.load(std::memory_order_relaxed);
  stats.background_errors = impl_->background_errors->errors();
  stats.recoveries = impl_->background_errors->recoveries();
  rocksdb::DB* const db = impl_->db.get();
  if (db == nullptr) return stats;

  const FamilyHandles& handles = impl_->handles;
  stats.file_bytes = Sum(db, handles, Properties::kTotalSstFilesSize);
  stats.write_buffer_bytes = Sum(db, handles, Properties::kSizeAllMemTables);
  stats.estimated_records = Sum(db, handles, Properties::kEstimateNumKeys);
  stats.pending_compaction_bytes = Sum(db, handles, Properties::kEstimatePendingCompactionBytes);
  stats.running_flushes = Single(db, Properties::kNumRunningFlushes);
  stats.running_compactions = Single(db, Properties::kNumRunningCompactions);
  stats.writes_delayed = Single(db, Properties::kActualDelayedWriteRate) > 0;
  stats.writes_stopped = Single(db, Properties::kIsWriteStopped) > 0;
  stats.block_cache_bytes = static_cast<int64_t>(impl_->cache->GetUsage());
  stats.log_bytes = LogBytes(impl_->env, impl_->db_dir);
  uint64_t free_bytes = 0;
  if (impl_->env->GetFreeSpace(impl_->db_dir, &free_bytes).ok()) {
    stats.disk_free_bytes = static_cast<int64_t>(free_bytes);
  }
  return stats;
}

}  // namespace kindred::store
