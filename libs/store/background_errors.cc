#include "store/background_errors.h"

#include "base/log.h"
#include "store/rocksdb_status.h"

namespace kindred::store {
namespace {

absl::string_view ReasonName(rocksdb::BackgroundErrorReason reason) {
  switch (reason) {
    case rocksdb::BackgroundErrorReason::kFlush:
    case rocksdb::BackgroundErrorReason::kFlushNoWAL:
      return "flush";
    case rocksdb::BackgroundErrorReason::kCompaction:
      return "compaction";
    case rocksdb::BackgroundErrorReason::kWriteCallback:
      return "write";
    case rocksdb::BackgroundErrorReason::kMemTable:
      return "memtable";
    case rocksdb::BackgroundErrorReason::kManifestWrite:
    case rocksdb::BackgroundErrorReason::kManifestWriteNoWAL:
      return "manifest";
  }
  return "unknown";
}

}  // namespace

void BackgroundErrors::OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                                         rocksdb::Status* error) {
  const absl::Status status = ToAbslStatus(*error, "store background work failed");
  if (status.ok()) return;
  errors_.fetch_add(1, std::memory_order_relaxed);
  base::LogError("store", "background work failed",
                 {{"during", ReasonName(reason)},
                  {"severity", static_cast<int>(error->severity())},
                  {"status", status}});
  absl::MutexLock lock(&mutex_);
  // What cannot be recovered from stays, whatever comes after it.
  if (absl::IsDataLoss(health_)) return;
  health_ = status;
}

void BackgroundErrors::OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/,
                                            rocksdb::Status error, bool* auto_recovery) {
  // It is also called for what nothing recovers from, and then never ends.
  const bool hopeless = absl::IsDataLoss(ToAbslStatus(error, "store background work failed"));
  absl::MutexLock lock(&mutex_);
  recovering_ = *auto_recovery && !hopeless;
}

void BackgroundErrors::OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) {
  const absl::Status after = ToAbslStatus(info.new_bg_error, "store recovery failed");
  info.old_bg_error.PermitUncheckedError();
  if (after.ok()) {
    recoveries_.fetch_add(1, std::memory_order_relaxed);
    base::LogInfo("store", "recovered, writing again");
  } else {
    base::LogError("store", "recovery failed", {{"status", after}});
  }
  absl::MutexLock lock(&mutex_);
  recovering_ = false;
  health_ = after;
}

absl::Status BackgroundErrors::Health() const {
  absl::MutexLock lock(&mutex_);
  return health_;
}

void BackgroundErrors::WaitForRecovery(absl::Duration timeout) const {
  absl::MutexLock lock(&mutex_);
  const auto idle = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !recovering_; };
  mutex_.AwaitWithTimeout(absl::Condition(&idle), timeout);
}

}  // namespace kindred::store
