#include "store/tuning.h"

#include <algorithm>
#include <utility>

#include "rocksdb/convenience.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/sst_file_manager.h"
#include "rocksdb/table.h"
#include "rocksdb/utilities/table_properties_collectors.h"
#include "rocksdb/write_buffer_manager.h"
#include "store/compaction_priority.h"
#include "store/format.h"
#include "store/info_log.h"
#include "store/memtable.h"

namespace kindred::store {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

// What a build of RocksDB may lack.
rocksdb::CompressionType Supported(rocksdb::CompressionType wanted) {
  const std::vector<rocksdb::CompressionType> supported = rocksdb::GetSupportedCompressions();
  const bool has = std::find(supported.begin(), supported.end(), wanted) != supported.end();
  return has ? wanted : rocksdb::kNoCompression;
}

rocksdb::ColumnFamilyOptions FamilyOptions(Family family, const StoreOptions& options,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.format_version = 5;
  // Indexes and filters in the cache, so that it bounds the memory.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.block_size = 16 << 10;

  rocksdb::ColumnFamilyOptions result;
  result.memtable_factory = NewMemtableFactory();
  // What will be rewritten soon is not worth compressing, nor rewriting often.
  result.compression = rocksdb::kNoCompression;
  result.bottommost_compression = Supported(rocksdb::kLZ4Compression);
  result.level_compaction_dynamic_level_bytes = true;
  result.level0_file_num_compaction_trigger = 8;
  result.force_consistency_checks = true;
  result.max_write_buffer_number = 3;
  result.write_buffer_size =
      static_cast<size_t>(std::clamp<int64_t>(options.write_buffer_bytes / 4, kMiB, 16 * kMiB));
  switch (family) {
    case Family::kProfiles:
      // Point look-ups, of many customers never seen before.
      table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
      table.block_size = 8 << 10;
      table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
      result.memtable_prefix_bloom_size_ratio = 0.02;
      result.memtable_whole_key_filtering = true;
      result.write_buffer_size =
          static_cast<size_t>(std::max<int64_t>(options.write_buffer_bytes / 2, kMiB));
      break;
    case Family::kItems:
      table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
      break;
    case Family::kDedup:
      // Fingerprints do not compress.
      result.bottommost_compression = rocksdb::kNoCompression;
      break;
    case Family::kOutbox:
      // A queue: read from the front over what has just been deleted.
      result.table_properties_collector_factories.push_back(
          rocksdb::NewCompactOnDeletionCollectorFactory(1024, 512));
      break;
    case Family::kState:
      break;
  }
  result.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return result;
}

}  // namespace

Tuning MakeTuning(const StoreOptions& options, rocksdb::Env* env,
                  std::shared_ptr<rocksdb::EventListener> listener) {
  Tuning tuning;
  tuning.cache = rocksdb::NewLRUCache(static_cast<size_t>(options.block_cache_bytes), 4);

  rocksdb::DBOptions& db = tuning.db;
  db.env = env;
  db.create_if_missing = options.create_if_missing;
  db.create_missing_column_families = true;
  db.info_log = std::make_shared<InfoLog>();
  db.listeners.push_back(std::move(listener));
  db.listeners.push_back(std::make_shared<CompactionPriority>());
  // With it a full disk is recovered from as soon as there is space again.
  db.sst_file_manager.reset(rocksdb::NewSstFileManager(env, db.info_log));

  // Wrong bytes are refused, never read over.
  db.paranoid_checks = true;
  db.fail_if_options_file_error = true;
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  db.atomic_flush = options.durability == Durability::kFlushOnly;

  // One thread writes checkpoints, and the memtables are made for one.
  db.allow_concurrent_memtable_write = false;
  db.max_open_files = options.max_open_files;
  db.max_background_jobs = std::max(options.background_threads, 2);
  db.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(
      static_cast<size_t>(options.write_buffer_bytes), tuning.cache);
  db.max_total_wal_size = static_cast<uint64_t>(2 * options.write_buffer_bytes);
  // Written out as it comes, not in one burst at the end.
  db.bytes_per_sync = static_cast<uint64_t>(kMiB);
  db.wal_bytes_per_sync = static_cast<uint64_t>(kMiB);
  db.avoid_unnecessary_blocking_io = true;
  db.skip_stats_update_on_db_open = true;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;

  for (size_t i = 0; i < kFamilies; ++i) {
    const Family family = static_cast<Family>(i);
    tuning.families.emplace_back(std::string(FamilyName(family)),
                                 FamilyOptions(family, options, tuning.cache));
  }
  return tuning;
}

}  // namespace kindred::store
