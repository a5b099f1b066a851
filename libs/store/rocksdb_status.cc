#include "store/rocksdb_status.h"

#include "absl/strings/str_cat.h"

namespace kindred::store {
namespace {

absl::StatusCode CodeOf(const rocksdb::Status& status) {
  using RocksStatus = rocksdb::Status;
  if (status.ok()) return absl::StatusCode::kOk;
  const RocksStatus::SubCode subcode = status.subcode();
  const bool full = subcode == RocksStatus::kNoSpace || subcode == RocksStatus::kSpaceLimit;
  if (status.severity() >= RocksStatus::kFatalError) return absl::StatusCode::kDataLoss;
  if (full || subcode == RocksStatus::kMemoryLimit) return absl::StatusCode::kResourceExhausted;
  switch (status.code()) {
    case RocksStatus::kNotFound:
      return absl::StatusCode::kNotFound;
    case RocksStatus::kCorruption:
      return absl::StatusCode::kDataLoss;
    case RocksStatus::kIOError:
    case RocksStatus::kIncomplete:
    case RocksStatus::kShutdownInProgress:
    case RocksStatus::kBusy:
    case RocksStatus::kExpired:
    case RocksStatus::kTryAgain:
      return absl::StatusCode::kUnavailable;
    case RocksStatus::kTimedOut:
      return absl::StatusCode::kDeadlineExceeded;
    case RocksStatus::kAborted:
      return absl::StatusCode::kAborted;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

absl::Status ToAbslStatus(const rocksdb::Status& status, absl::string_view doing) {
  const absl::StatusCode code = CodeOf(status);
  if (code == absl::StatusCode::kOk) return absl::OkStatus();
  return absl::Status(code, absl::StrCat(doing, ": ", status.ToString()));
}

}  // namespace kindred::store
