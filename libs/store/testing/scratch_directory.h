// A directory of its own for a test, removed at the end. In memory where the machine has such a
// file system: what a process leaves behind when it dies is the same there, and a sync costs
// nothing.
#ifndef KINDRED_STORE_TESTING_SCRATCH_DIRECTORY_H_
#define KINDRED_STORE_TESTING_SCRATCH_DIRECTORY_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "base/check.h"

namespace kindred::store {

class ScratchDirectory {
 public:
  ScratchDirectory() {
    const std::filesystem::path memory = "/dev/shm";
    std::error_code ignored;
    const std::filesystem::path base = std::filesystem::is_directory(memory, ignored)
                                           ? memory
                                           : std::filesystem::temp_directory_path();
    std::string name = (base / "kindred-store-XXXXXX").string();
    KINDRED_CHECK(::mkdtemp(name.data()) != nullptr) << "no temporary directory";
    path_ = name;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace kindred::store

#endif  // KINDRED_STORE_TESTING_SCRATCH_DIRECTORY_H_
