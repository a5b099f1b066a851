#include "store/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace kindred::store {

absl::StatusOr<std::unique_ptr<DirectoryLock>> DirectoryLock::Take(const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/kindred.lock");
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  std::unique_ptr<DirectoryLock> lock(new DirectoryLock(fd));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return absl::ErrnoToStatus(errno, absl::StrCat("cannot lock ", path));
    char holder[32];
    const ssize_t size = ::pread(fd, holder, sizeof(holder), 0);
    const absl::string_view pid =
        absl::StripAsciiWhitespace(absl::string_view(holder, size > 0 ? size : 0));
    return absl::FailedPreconditionError(absl::StrCat(
        "data directory ", directory, " is in use by process ", pid.empty() ? "(unknown)" : pid,
        "; stop that process, or give this one a directory of its own"));
  }
  // The id only serves the message above, so a full disk does not matter here.
  const std::string pid = absl::StrCat(::getpid(), "\n");
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) return lock;
  return lock;
}

DirectoryLock::~DirectoryLock() { ::close(fd_); }

}  // namespace kindred::store
