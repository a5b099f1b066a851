#include "base/thread_name.h"

#include <pthread.h>

#include <cstdio>

namespace kindred::base {

void NameThread(const char* name) {
  char kept[16];  // a longer one would be refused
  std::snprintf(kept, sizeof(kept), "%s", name);
  pthread_setname_np(pthread_self(), kept);
}

}  // namespace kindred::base
