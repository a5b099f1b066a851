// Finds damage of the manifest that RocksDB 7.8 takes for the end of the file.
#ifndef KINDRED_STORE_MANIFEST_CHECK_H_
#define KINDRED_STORE_MANIFEST_CHECK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rocksdb/env.h"

namespace kindred::store {

// The manifest lists the table files. RocksDB drops a record that reaches beyond the end of the
// file, and everything after it, as one that a crash cut off. One flipped bit in a record's length
// looks the same: older tables come back, newer ones are deleted, and answers are wrong. But a
// record cut off has lost bytes, and a record with a wrong length has not: its checksum fits when
// the right length is tried.
//
// DataLoss for such a record in the last, incomplete block; OK for everything else, also for damage
// that RocksDB itself finds.
absl::Status CheckManifest(rocksdb::Env* env, const std::string& db_dir);

// The same for the content of a manifest.
absl::Status CheckManifestBytes(absl::string_view bytes);

// CRC-32C (Castagnoli), continued from `crc`, 0 at the start.
uint32_t ExtendCrc32c(uint32_t crc, absl::string_view bytes);

}  // namespace kindred::store

#endif  // KINDRED_STORE_MANIFEST_CHECK_H_
