#include "base/thread_priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

#include "gtest/gtest.h"

namespace kindred::base {
namespace {

int Nice() { return getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid))); }

TEST(ThreadPriorityTest, OnlyTheCallingThreadComesLaterAndNeverEarlierAgain) {
  const int before = Nice();
  int applies = 0;
  int learns = 0;
  int tidies = 0;
  int back = 0;
  std::thread thread([&] {
    LowerThreadPriority(ThreadRole::kApplies);
    applies = Nice();
    LowerThreadPriority(ThreadRole::kLearns);
    learns = Nice();
    LowerThreadPriority(ThreadRole::kTidies);
    tidies = Nice();
    LowerThreadPriority(ThreadRole::kApplies);
    back = Nice();
  });
  thread.join();
  EXPECT_EQ(Nice(), before);
  EXPECT_GE(applies, before);
  EXPECT_GT(applies, 0);
  EXPECT_GT(learns, applies);
  EXPECT_GT(tidies, learns);
  EXPECT_EQ(back, tidies);
}

}  // namespace
}  // namespace kindred::base
