// Finds damage of log files that RocksDB 7.8 takes for the regular end of the file. Write-ahead
// logs and the manifest, which lists the table files, have the same format.
#ifndef KINDRED_STORE_LOG_CHECK_H_
#define KINDRED_STORE_LOG_CHECK_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rocksdb/env.h"

namespace kindred::store {

// Two kinds of damage make RocksDB drop a record and everything after it without a word, so that
// answers are wrong:
// - A type that says "of a file used before". We never use a file again, so a record of that type
//   whose checksum fits another type has been damaged.
// - In the manifest, a length that reaches beyond the end of the file, as of a write that a crash
//   cut off. A record cut off has lost bytes; one with a damaged length has not: its checksum fits
//   when the right length is tried. (In a write-ahead log RocksDB goes back to an older moment.)
//
// DataLoss for these, in the manifest and the logs of `db_dir`; OK for everything else, also for
// what RocksDB itself finds. Reads all of them once, in blocks of 32 KiB.
absl::Status CheckLogs(rocksdb::Env* env, const std::string& db_dir);

enum class LogKind { kWriteAheadLog, kManifest };
// One block: 32 KiB, or less at the end of a file.
absl::Status CheckLogBlock(LogKind kind, absl::string_view block);

// CRC-32C (Castagnoli), continued from `crc`, 0 at the start.
uint32_t ExtendCrc32c(uint32_t crc, absl::string_view bytes);

}  // namespace kindred::store

#endif  // KINDRED_STORE_LOG_CHECK_H_
