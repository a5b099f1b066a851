#include "store/testing/fault_environment.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "base/hash.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/system_clock.h"
#include "store/environment_impl.h"

namespace kindred::store {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

void CheckDone(const rocksdb::IOStatus& status) { KINDRED_CHECK(status.ok()) << status.ToString(); }

// RocksDB rests for a second after a failure; a test with a thousand of them does not want to.
class ImpatientClock final : public rocksdb::SystemClockWrapper {
 public:
  using rocksdb::SystemClockWrapper::SystemClockWrapper;
  const char* Name() const override { return "kindred.ImpatientClock"; }
  void SleepForMicroseconds(int micros) override {
    rocksdb::SystemClockWrapper::SleepForMicroseconds(std::min(micros, 1000));
  }
};

class FaultEnv final : public rocksdb::EnvWrapper {
 public:
  FaultEnv(const std::shared_ptr<rocksdb::Env>& base, std::shared_ptr<rocksdb::FileSystem> files)
      : rocksdb::EnvWrapper(base) {
    file_system_ = std::move(files);
    system_clock_ = std::make_shared<ImpatientClock>(base->GetSystemClock());
  }
};

}  // namespace

class FaultEnvironment::FaultFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  using rocksdb::FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "kindred.FaultFileSystem"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;

  void FailAfter(int64_t operations, Fault fault);
  int64_t operations() const;
  void LosePower(uint64_t seed);

 private:
  class File;
  // How far a file has been written and how far of it is safe.
  struct Extent {
    uint64_t written = 0;
    uint64_t synced = 0;
  };
  // Counts an operation; not OK when it must fail.
  rocksdb::IOStatus Begin() ABSL_LOCKS_EXCLUDED(mutex_);
  bool tearing() const ABSL_LOCKS_EXCLUDED(mutex_);
  void Written(const std::string& name, uint64_t bytes) ABSL_LOCKS_EXCLUDED(mutex_);
  void Synced(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);
  void CutTo(const std::string& name, uint64_t size);

  mutable absl::Mutex mutex_;
  std::map<std::string, Extent> extents_ ABSL_GUARDED_BY(mutex_);
  int64_t operations_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t fail_from_ ABSL_GUARDED_BY(mutex_) = kNever;
  Fault fault_ ABSL_GUARDED_BY(mutex_) = Fault::kIoError;
};

class FaultEnvironment::FaultFileSystem::File final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(std::unique_ptr<rocksdb::FSWritableFile> file, std::string name, FaultFileSystem* system)
      : rocksdb::FSWritableFileOwnerWrapper(std::move(file)),
        name_(std::move(name)),
        system_(*system) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* context) override {
    const rocksdb::IOStatus status = system_.Begin();
    const bool torn = !status.ok() && system_.tearing();
    if (!status.ok() && !torn) return status;
    const rocksdb::Slice part(data.data(), torn ? data.size() / 2 : data.size());
    const rocksdb::IOStatus appended = target()->Append(part, options, context);
    if (appended.ok()) system_.Written(name_, part.size());
    return torn ? status : appended;
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& /*checksum*/,
                           rocksdb::IODebugContext* context) override {
    return Append(data, options, context);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* context) override {
    rocksdb::IOStatus status = system_.Begin();
    if (status.ok()) status = target()->Sync(options, context);
    if (status.ok()) system_.Synced(name_);
    return status;
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* context) override {
    return Sync(options, context);
  }

 private:
  const std::string name_;
  FaultFileSystem& system_;
};

rocksdb::IOStatus FaultEnvironment::FaultFileSystem::NewWritableFile(
    const std::string& name, const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSWritableFile>* file, rocksdb::IODebugContext* context) {
  rocksdb::IOStatus status = Begin();
  if (!status.ok()) return status;
  std::unique_ptr<rocksdb::FSWritableFile> opened;
  status = target()->NewWritableFile(name, options, &opened, context);
  if (!status.ok()) return status;
  *file = std::make_unique<File>(std::move(opened), name, this);
  absl::MutexLock lock(&mutex_);
  extents_[name] = Extent();
  return status;
}

rocksdb::IOStatus FaultEnvironment::FaultFileSystem::RenameFile(const std::string& from,
                                                                const std::string& to,
                                                                const rocksdb::IOOptions& options,
                                                                rocksdb::IODebugContext* context) {
  rocksdb::IOStatus status = Begin();
  if (status.ok()) status = target()->RenameFile(from, to, options, context);
  if (!status.ok()) return status;
  absl::MutexLock lock(&mutex_);
  const auto moved = extents_.find(from);
  if (moved == extents_.end()) return status;
  extents_[to] = moved->second;
  extents_.erase(from);
  return status;
}

rocksdb::IOStatus FaultEnvironment::FaultFileSystem::DeleteFile(const std::string& name,
                                                                const rocksdb::IOOptions& options,
                                                                rocksdb::IODebugContext* context) {
  const rocksdb::IOStatus status = target()->DeleteFile(name, options, context);
  if (!status.ok()) return status;
  absl::MutexLock lock(&mutex_);
  extents_.erase(name);
  return status;
}

rocksdb::IOStatus FaultEnvironment::FaultFileSystem::Begin() {
  absl::MutexLock lock(&mutex_);
  if (operations_++ < fail_from_) return rocksdb::IOStatus::OK();
  if (fault_ == Fault::kHang) {
    const auto healed = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return fault_ != Fault::kHang;
    };
    mutex_.Await(absl::Condition(&healed));
    return rocksdb::IOStatus::OK();
  }
  return fault_ == Fault::kNoSpace ? rocksdb::IOStatus::NoSpace("injected")
                                   : rocksdb::IOStatus::IOError("injected");
}

bool FaultEnvironment::FaultFileSystem::tearing() const {
  absl::MutexLock lock(&mutex_);
  return fault_ == Fault::kTornWrite;
}

void FaultEnvironment::FaultFileSystem::Written(const std::string& name, uint64_t bytes) {
  absl::MutexLock lock(&mutex_);
  const auto extent = extents_.find(name);
  if (extent != extents_.end()) extent->second.written += bytes;
}

void FaultEnvironment::FaultFileSystem::Synced(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  const auto extent = extents_.find(name);
  if (extent != extents_.end()) extent->second.synced = extent->second.written;
}

void FaultEnvironment::FaultFileSystem::FailAfter(int64_t operations, Fault fault) {
  absl::MutexLock lock(&mutex_);
  fail_from_ = operations == kNever ? kNever : operations_ + operations;
  fault_ = fault;
}

int64_t FaultEnvironment::FaultFileSystem::operations() const {
  absl::MutexLock lock(&mutex_);
  return operations_;
}

void FaultEnvironment::FaultFileSystem::CutTo(const std::string& name, uint64_t size) {
  const rocksdb::IOOptions options;
  std::string scratch(size, '\0');
  rocksdb::Slice content;
  {
    std::unique_ptr<rocksdb::FSSequentialFile> reader;
    CheckDone(target()->NewSequentialFile(name, {}, &reader, nullptr));
    CheckDone(reader->Read(size, options, &content, scratch.data(), nullptr));
  }
  const std::string kept = content.ToString();
  CheckDone(target()->DeleteFile(name, options, nullptr));
  std::unique_ptr<rocksdb::FSWritableFile> writer;
  CheckDone(target()->NewWritableFile(name, {}, &writer, nullptr));
  CheckDone(writer->Append(kept, options, nullptr));
  CheckDone(writer->Sync(options, nullptr));
  CheckDone(writer->Close(options, nullptr));
}

void FaultEnvironment::FaultFileSystem::LosePower(uint64_t seed) {
  absl::MutexLock lock(&mutex_);
  for (auto& [name, extent] : extents_) {
    const uint64_t tail = extent.written - extent.synced;
    if (tail == 0) continue;
    // Nothing and everything are as likely as a part.
    const uint64_t random = base::Fingerprint64(name, seed);
    const uint64_t choice = random % 4;
    const uint64_t kept = choice == 0 ? 0 : choice == 1 ? tail : random / 4 % tail;
    extent.written = extent.synced = extent.synced + kept;
    CutTo(name, extent.written);
  }
}

FaultEnvironment::FaultEnvironment() {
  const std::shared_ptr<rocksdb::Env> memory(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  file_system_ = std::make_shared<FaultFileSystem>(memory->GetFileSystem());
  auto impl = std::make_unique<Environment::Impl>();
  impl->env = std::make_shared<FaultEnv>(memory, file_system_);
  environment_ = std::make_shared<Environment>(std::move(impl));
}

FaultEnvironment::~FaultEnvironment() { Heal(); }

std::shared_ptr<Environment> FaultEnvironment::environment() const { return environment_; }
void FaultEnvironment::FailAfter(int64_t operations, Fault fault) {
  file_system_->FailAfter(operations, fault);
}
void FaultEnvironment::Heal() { file_system_->FailAfter(kNever, Fault::kIoError); }
int64_t FaultEnvironment::operations() const { return file_system_->operations(); }
void FaultEnvironment::LosePower(uint64_t seed) { file_system_->LosePower(seed); }

}  // namespace kindred::store
