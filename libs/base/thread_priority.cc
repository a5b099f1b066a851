#include "base/thread_priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace kindred::base {
namespace {

// A step is about a quarter more of a core that is fought for.
constexpr int kAppliesNice = 2;
constexpr int kLearnsNice = 10;
constexpr int kTidiesNice = 15;

int NiceOf(ThreadRole role) {
  switch (role) {
    case ThreadRole::kApplies:
      return kAppliesNice;
    case ThreadRole::kLearns:
      return kLearnsNice;
    case ThreadRole::kTidies:
      return kTidiesNice;
  }
  return 0;
}

}  // namespace

void LowerThreadPriority(ThreadRole role) {
  const int nice = NiceOf(role);
  const id_t thread = static_cast<id_t>(syscall(SYS_gettid));
  if (getpriority(PRIO_PROCESS, thread) < nice) setpriority(PRIO_PROCESS, thread, nice);
}

}  // namespace kindred::base
