#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "store/log_check.h"
#include "store/rocksdb_status.h"
#include "store/store.h"
#include "store/store_impl.h"
#include "store/store_table.h"
#include "store/tuning.h"

namespace kindred::store {
namespace {

constexpr absl::string_view kStartOver =
    "move the directory away and start again: the state is rebuilt from Kafka, as far back as the "
    "topic goes";

absl::Status CheckOptions(const StoreOptions& options) {
  if (options.data_dir.empty()) return absl::InvalidArgumentError("data directory is not given");
  if (options.cluster_id.empty() || options.topic.empty() || options.partition_count <= 0) {
    return absl::InvalidArgumentError("a store needs cluster id, topic and partition count");
  }
  if (options.block_cache_bytes <= 0 || options.write_buffer_bytes <= 0 ||
      options.max_open_files <= 0) {
    return absl::InvalidArgumentError("the store's memory and open files must be bounded");
  }
  return absl::OkStatus();
}

// Files of a database, but not the one that says which of them count: RocksDB would start a new
// database there and delete them.
bool LostItsCurrent(rocksdb::Env* env, const std::string& db_dir) {
  std::vector<std::string> names;
  if (!env->GetChildren(db_dir, &names).ok()) return false;
  bool has_files = false;
  for (const std::string& name : names) {
    if (name == "CURRENT") return false;
    has_files |= absl::StartsWith(name, "MANIFEST-") || absl::EndsWith(name, ".sst") ||
                 absl::EndsWith(name, ".log");
  }
  return has_files;
}

absl::Status OpenFailure(const rocksdb::Status& status, const std::string& db_dir) {
  const absl::Status plain = ToAbslStatus(status, absl::StrCat("cannot open ", db_dir));
  const bool passing =
      absl::IsResourceExhausted(plain) || (status.IsIOError() && !status.IsPathNotFound());
  if (passing) return plain;
  return absl::DataLossError(absl::StrCat(plain.message(), "; ", kStartOver));
}

// What an operator can do about damage that reading brings to light.
absl::Status WithAdvice(const absl::Status& status, const std::string& db_dir) {
  if (!absl::IsDataLoss(status)) return status;
  return absl::DataLossError(absl::StrCat(db_dir, ": ", status.message(), "; ", kStartOver));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::Open(StoreOptions options) {
  KINDRED_RETURN_IF_ERROR(CheckOptions(options));
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  impl->env = impl->options.environment != nullptr ? impl->options.environment->impl().env.get()
                                                   : rocksdb::Env::Default();
  impl->db_dir = absl::StrCat(impl->options.data_dir, "/db");
  KINDRED_RETURN_IF_ERROR(impl->PrepareDirectory());
  KINDRED_RETURN_IF_ERROR(impl->OpenDatabase());
  // From here on the destructor closes what is open.
  std::unique_ptr<Store> store(new Store(std::move(impl)));
  Impl& opened = *store->impl_;
  KINDRED_RETURN_IF_ERROR(WithAdvice(opened.CheckIdentity(), opened.db_dir));
  KINDRED_RETURN_IF_ERROR(WithAdvice(opened.FinishDeletions(), opened.db_dir));
  KINDRED_RETURN_IF_ERROR(WithAdvice(opened.LoadOffsets(), opened.db_dir));
  return store;
}

absl::Status Store::Impl::PrepareDirectory() {
  const bool on_disk = options.environment == nullptr || options.environment->impl().on_disk;
  const bool exists = env->FileExists(db_dir).ok();
  if (!exists && !options.create_if_missing) {
    return absl::NotFoundError(absl::StrCat("no store in ", options.data_dir));
  }
  if (on_disk) {
    std::error_code error;
    std::filesystem::create_directories(options.data_dir, error);
    if (error) {
      return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot make ", options.data_dir));
    }
    KINDRED_ASSIGN_OR_RETURN(directory_lock, DirectoryLock::Take(options.data_dir));
  } else {
    KINDRED_RETURN_IF_ERROR(ToAbslStatus(env->CreateDirIfMissing(options.data_dir),
                                         absl::StrCat("cannot make ", options.data_dir)));
  }
  KINDRED_RETURN_IF_ERROR(
      ToAbslStatus(env->CreateDirIfMissing(db_dir), absl::StrCat("cannot make ", db_dir)));
  if (LostItsCurrent(env, db_dir)) {
    return absl::DataLossError(absl::StrCat(db_dir, " has lost its CURRENT file; ", kStartOver));
  }
  return absl::OkStatus();
}

absl::Status Store::Impl::OpenDatabase() {
  KINDRED_RETURN_IF_ERROR(WithAdvice(CheckLogs(env, db_dir), db_dir));
  Tuning tuning = MakeTuning(options, env, background_errors);
  std::vector<std::string> stored;
  if (rocksdb::DB::ListColumnFamilies(tuning.db, db_dir, &stored).ok()) {
    for (const std::string& name : stored) {
      const bool known = std::any_of(tuning.families.begin(), tuning.families.end(),
                                     [&](const auto& family) { return family.name == name; });
      if (!known) {
        return absl::FailedPreconditionError(
            absl::StrCat(db_dir, " was written by a newer version (column family ", name,
                         "); run that version, or give this one a directory of its own"));
      }
    }
  }
  std::vector<rocksdb::ColumnFamilyHandle*> opened;
  rocksdb::DB* database = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(tuning.db, db_dir, tuning.families, &opened, &database);
  if (!status.ok()) return OpenFailure(status, db_dir);
  db.reset(database);
  cache = std::move(tuning.cache);
  std::copy(opened.begin(), opened.end(), handles.begin());
  return absl::OkStatus();
}

absl::Status Store::Impl::CheckIdentity() {
  KINDRED_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                           Get(Table::kStore, kNodeScope, kIdentityId, {}));
  if (!bytes.has_value()) {
    const std::unique_ptr<rocksdb::Iterator> any(
        db->NewIterator(rocksdb::ReadOptions(), handles[static_cast<size_t>(Family::kState)]));
    any->SeekToFirst();
    if (any->Valid() || !any->status().ok()) {
      return absl::DataLossError("the identity is missing");
    }
    absl::MutexLock lock(&write_mutex);
    rocksdb::WriteBatch batch;
    const std::string identity = EncodeIdentity(
        {kFormatVersion, options.cluster_id, options.topic, options.partition_count});
    KINDRED_RETURN_IF_ERROR(
        ToAbslStatus(batch.Put(HandleOf(Table::kStore),
                               EncodeKey(Table::kStore, kNodeScope, kIdentityId), identity),
                     "cannot encode the identity"));
    return WriteBatch(&batch, Sync::kYes);
  }
  KINDRED_ASSIGN_OR_RETURN(const Identity stored, DecodeIdentity(*bytes));
  if (stored.format_version > kFormatVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        options.data_dir, " has format ", stored.format_version, ", this version reads up to ",
        kFormatVersion, "; run the newer version, or give this one a directory of its own"));
  }
  const auto refuse = [this](absl::string_view what, absl::string_view holds,
                             absl::string_view wanted) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.data_dir, " holds the state of ", what, " ", holds, ", not of ",
                     wanted, "; give this node a directory of its own, or ", kStartOver));
  };
  if (stored.cluster_id != options.cluster_id) {
    return refuse("Kafka cluster", stored.cluster_id, options.cluster_id);
  }
  if (stored.topic != options.topic) return refuse("topic", stored.topic, options.topic);
  if (stored.partition_count != options.partition_count) {
    // Customers live in other partitions now.
    return refuse("a topic with partitions:", absl::StrCat(stored.partition_count),
                  absl::StrCat(options.partition_count));
  }
  return absl::OkStatus();
}

absl::Status Store::Impl::FinishDeletions() {
  std::vector<PartitionId> deleting;
  KINDRED_RETURN_IF_ERROR(ForEachKey(Table::kStore, EncodeKey(Table::kStore, PartitionId(0), {}),
                                     EncodeKey(Table::kStore, kNodeScope, {}), {},
                                     [&](const Key& key, absl::string_view) {
                                       if (key.id == kDeletingId) deleting.push_back(key.partition);
                                       return absl::OkStatus();
                                     }));
  for (const PartitionId partition : deleting) {
    base::LogInfo("store", "finishing the deletion of a partition",
                  {{"partition", partition.value()}});
    KINDRED_RETURN_IF_ERROR(DeleteRecords(partition));
  }
  return absl::OkStatus();
}

absl::Status Store::Impl::LoadOffsets() {
  absl::MutexLock lock(&write_mutex);
  return ForEachKey(Table::kStore, EncodeKey(Table::kStore, PartitionId(0), {}),
                    EncodeKey(Table::kStore, kNodeScope, {}), {},
                    [&](const Key& key, absl::string_view value) -> absl::Status {
                      if (key.id != kNextOffsetId) return absl::OkStatus();
                      KINDRED_ASSIGN_OR_RETURN(const Offset next, DecodeOffset(value));
                      next_offsets[key.partition] = next;
                      return absl::OkStatus();
                    });
}

}  // namespace kindred::store
