// What a store is opened with, and what it tells about itself.
#ifndef KINDRED_STORE_STORE_OPTIONS_H_
#define KINDRED_STORE_STORE_OPTIONS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "store/environment.h"

namespace kindred::store {

// How a checkpoint outlives the process (README, "Write-ahead log or not", has the measurement).
enum class Durability {
  kWriteAheadLog,  // every checkpoint, as soon as Write returns
  kFlushOnly,      // the last Flush(), or later; a restart replays what came after from Kafka
};

struct StoreOptions {
  std::string data_dir;         // made if missing; the store keeps its files in data_dir/db
  std::string cluster_id;       // Kafka's, so that a directory cannot be mixed up; not empty
  std::string topic;            // of the events; not empty
  int32_t partition_count = 0;  // of the topic; above 0
  bool create_if_missing = true;

  // Blocks of files read, their indexes and filters, and the write buffers, all together: the bound
  // on the store's memory.
  int64_t block_cache_bytes = int64_t{128} << 20;
  // Of which writes not yet in files. A bigger buffer joins more updates of a customer before they
  // reach a file.
  int64_t write_buffer_bytes = int64_t{64} << 20;
  int max_open_files = 512;
  int background_threads = 2;
  Durability durability = Durability::kWriteAheadLog;

  // Null: the machine's file system.
  std::shared_ptr<Environment> environment;
};

// Figures for metrics; taken without stopping anything.
struct StoreStats {
  int64_t file_bytes = 0;          // live table files
  int64_t log_bytes = 0;           // write-ahead log
  int64_t write_buffer_bytes = 0;  // in memory, not yet in files
  int64_t block_cache_bytes = 0;   // in use
  int64_t disk_free_bytes = -1;    // of the file system; -1 unknown
  int64_t estimated_records = 0;
  int64_t pending_compaction_bytes = 0;
  int64_t running_flushes = 0;
  int64_t running_compactions = 0;
  bool writes_delayed = false;  // the disk does not keep up
  bool writes_stopped = false;
  uint64_t checkpoints = 0;  // written since the store was opened
  uint64_t checkpoint_bytes = 0;
  uint64_t write_failures = 0;
  uint64_t background_errors = 0;
  uint64_t recoveries = 0;  // background errors overcome without a restart
};

}  // namespace kindred::store

#endif  // KINDRED_STORE_STORE_OPTIONS_H_
