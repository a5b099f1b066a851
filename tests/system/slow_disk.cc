// Preloaded into a node, makes its disk slow: every fdatasync and fsync takes longer by what the
// file named by KINDRED_SLOW_DISK says, in milliseconds. No file: not slowed.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

namespace {

void Delay() {
  static const char* const path = std::getenv("KINDRED_SLOW_DISK");
  if (path == nullptr) return;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  char text[16] = {};
  const ssize_t size = read(file, text, sizeof(text) - 1);
  close(file);
  useconds_t milliseconds = 0;
  if (size > 0) std::from_chars(text, text + size, milliseconds);
  usleep(milliseconds * 1000);
}

using Sync = int (*)(int);

int Slowly(const char* name, int file) {
  Delay();
  const Sync real = reinterpret_cast<Sync>(dlsym(RTLD_NEXT, name));
  return real(file);
}

}  // namespace

extern "C" {
__attribute__((visibility("default"))) int fdatasync(int file) { return Slowly("fdatasync", file); }
__attribute__((visibility("default"))) int fsync(int file) { return Slowly("fsync", file); }
}
