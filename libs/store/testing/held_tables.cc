#include "store/testing/held_tables.h"

#include <unistd.h>

#include <atomic>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "store/environment_impl.h"

namespace kindred::store {

class HeldTables::FileSystem final : public rocksdb::FileSystemWrapper {
 public:
  using rocksdb::FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "kindred.HeldTables"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override {
    while (held_.load() && absl::EndsWith(name, ".sst")) ::pause();
    return rocksdb::FileSystemWrapper::NewWritableFile(name, options, file, context);
  }

  void Hold() { held_.store(true); }

 private:
  std::atomic<bool> held_ = false;
};

namespace {

class Env final : public rocksdb::EnvWrapper {
 public:
  Env(rocksdb::Env* base, std::shared_ptr<rocksdb::FileSystem> files) : rocksdb::EnvWrapper(base) {
    file_system_ = std::move(files);
  }
};

}  // namespace

HeldTables::HeldTables()
    : file_system_(std::make_shared<FileSystem>(rocksdb::FileSystem::Default())) {
  auto impl = std::make_unique<Environment::Impl>();
  impl->env = std::make_shared<Env>(rocksdb::Env::Default(), file_system_);
  impl->on_disk = true;
  environment_ = std::make_shared<Environment>(std::move(impl));
}

HeldTables::~HeldTables() = default;

std::shared_ptr<Environment> HeldTables::environment() const { return environment_; }

void HeldTables::Hold() { file_system_->Hold(); }

}  // namespace kindred::store
