#include "base/thread_name.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <string>
#include <thread>

namespace kindred::base {
namespace {

std::string NameAfter(const char* name) {
  std::string seen;
  std::thread([&] {
    NameThread(name);
    char buffer[64] = {};
    pthread_getname_np(pthread_self(), buffer, sizeof(buffer));
    seen = buffer;
  }).join();
  return seen;
}

TEST(ThreadNameTest, IsSeen) { EXPECT_EQ(NameAfter("apply"), "apply"); }

TEST(ThreadNameTest, LongOnesAreCut) {
  EXPECT_EQ(NameAfter("a-name-of-20-letters"), "a-name-of-20-le");
}

}  // namespace
}  // namespace kindred::base
