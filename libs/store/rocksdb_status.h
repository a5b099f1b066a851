// RocksDB's errors in the terms of DESIGN §8: what the caller should do about them.
#ifndef KINDRED_STORE_ROCKSDB_STATUS_H_
#define KINDRED_STORE_ROCKSDB_STATUS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rocksdb/status.h"

namespace kindred::store {

// `doing` says what failed and comes first in the message. A severity of fatal or above, which
// RocksDB gives to background errors it cannot recover from, is DataLoss whatever the code.
//   disk or space limit reached            ResourceExhausted
//   memory limit                           ResourceExhausted
//   damaged bytes                          DataLoss
//   file errors, busy, try again           Unavailable
//   time                                   DeadlineExceeded
//   everything we should not have asked    Internal
absl::Status ToAbslStatus(const rocksdb::Status& status, absl::string_view doing);

}  // namespace kindred::store

#endif  // KINDRED_STORE_ROCKSDB_STATUS_H_
