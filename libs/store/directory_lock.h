// One process, and one store in it, per data directory.
#ifndef KINDRED_STORE_DIRECTORY_LOCK_H_
#define KINDRED_STORE_DIRECTORY_LOCK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace kindred::store {

// Held from Take() to destruction; the kernel lets go when the process dies. The file stays, with
// the id of its last holder.
class DirectoryLock {
 public:
  // FailedPrecondition, naming the holder, when somebody else has it. The directory must exist.
  static absl::StatusOr<std::unique_ptr<DirectoryLock>> Take(const std::string& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace kindred::store

#endif  // KINDRED_STORE_DIRECTORY_LOCK_H_
