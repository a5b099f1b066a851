// What a Store holds.
#ifndef KINDRED_STORE_STORE_IMPL_H_
#define KINDRED_STORE_STORE_IMPL_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "store/background_errors.h"
#include "store/checkpoint_impl.h"
#include "store/directory_lock.h"
#include "store/environment_impl.h"
#include "store/store.h"

namespace kindred::store {

inline constexpr absl::string_view kClosed = "the store is closed";

struct Store::Impl {
  // Members go in reverse order: the database first, the directory lock last.
  StoreOptions options;
  std::string db_dir;
  std::unique_ptr<DirectoryLock> directory_lock;
  rocksdb::Env* env = nullptr;  // kept alive by options.environment, or the process's
  std::shared_ptr<BackgroundErrors> background_errors = std::make_shared<BackgroundErrors>();
  std::shared_ptr<rocksdb::Cache> cache;
  std::unique_ptr<rocksdb::DB> db;  // null once closed
  FamilyHandles handles{};
  // Snapshots handed out and not released.
  std::shared_ptr<std::atomic<int>> snapshots = std::make_shared<std::atomic<int>>(0);

  absl::Mutex write_mutex;
  std::map<PartitionId, Offset> next_offsets ABSL_GUARDED_BY(write_mutex);
  std::atomic<uint64_t> checkpoints{0};
  std::atomic<uint64_t> checkpoint_bytes{0};
  std::atomic<uint64_t> write_failures{0};

  rocksdb::ColumnFamilyHandle* HandleOf(Table table) const {
    return handles[static_cast<size_t>(FamilyOf(table))];
  }

  // The steps of Open.
  absl::Status PrepareDirectory();
  absl::Status OpenDatabase();
  absl::Status CheckIdentity() ABSL_LOCKS_EXCLUDED(write_mutex);
  absl::Status LoadOffsets() ABSL_LOCKS_EXCLUDED(write_mutex);
  absl::Status FinishDeletions() ABSL_LOCKS_EXCLUDED(write_mutex);

  absl::Status WriteBatch(rocksdb::WriteBatch* batch, Sync sync)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex);
  // Deletes every record of a partition in steps; the offset and the marker are the caller's.
  absl::Status DeleteRecords(PartitionId partition) ABSL_LOCKS_EXCLUDED(write_mutex);

  absl::StatusOr<std::optional<std::string>> Get(Table table, PartitionId partition,
                                                 absl::string_view id,
                                                 const rocksdb::ReadOptions& read) const;
  // From `lower` up to, but not including, `upper`.
  absl::Status ForEachKey(
      Table table, absl::string_view lower, absl::string_view upper,
      const rocksdb::ReadOptions& read,
      absl::FunctionRef<absl::Status(const Key&, absl::string_view)> visit) const;
  absl::Status Close();
};

// The first key after all that start with `prefix`, which is not all 0xff.
std::string AfterPrefix(std::string prefix);

class Snapshot {
 public:
  Snapshot(rocksdb::DB* db, std::shared_ptr<std::atomic<int>> alive);
  ~Snapshot();
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  rocksdb::DB* const db_;
  const rocksdb::Snapshot* const snapshot_;
  const std::shared_ptr<std::atomic<int>> alive_;
};

}  // namespace kindred::store

#endif  // KINDRED_STORE_STORE_IMPL_H_
