// What RocksDB's background threads tell: errors that stop writes, and recoveries from them.
#ifndef KINDRED_STORE_BACKGROUND_ERRORS_H_
#define KINDRED_STORE_BACKGROUND_ERRORS_H_

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "rocksdb/listener.h"

namespace kindred::store {

// Threads: any. The callbacks run under RocksDB's locks and do no more than note and log.
class BackgroundErrors final : public rocksdb::EventListener {
 public:
  const char* Name() const override { return "kindred.BackgroundErrors"; }
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason reason, rocksdb::Status error,
                            bool* auto_recovery) override;
  void OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) override;

  absl::Status Health() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits at most `timeout` for a recovery under way: closing a database in its middle crashes
  // this version.
  void WaitForRecovery(absl::Duration timeout) const ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t errors() const { return errors_.load(std::memory_order_relaxed); }
  uint64_t recoveries() const { return recoveries_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> errors_{0};
  std::atomic<uint64_t> recoveries_{0};
  mutable absl::Mutex mutex_;
  absl::Status health_ ABSL_GUARDED_BY(mutex_);
  bool recovering_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kindred::store

#endif  // KINDRED_STORE_BACKGROUND_ERRORS_H_
