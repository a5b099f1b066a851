#include "node/admission.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace kindred::node {
namespace {

// A server with two threads, in steps of a tenth of a second. Calls that find no room in the queue
// stay with their senders, as flow control makes them.
class Server {
 public:
  Server(double transport_s, double work_s, Admission* admission)
      : transport_s_(transport_s), work_s_(work_s), admission_(*admission) {}

  double peak() const { return kThreads / (transport_s_ + work_s_); }

  // Calls answered in `seconds` at this rate of calls a second.
  double Run(double rate, double seconds) {
    const uint64_t before = admission_.answered();
    for (double t = 0; t < seconds; t += kStep) {
      waiting_ = std::min(waiting_ + rate * kStep, kQueue);
      double left = kThreads * kStep;
      while (left > 0 && waiting_ >= 1) {
        waiting_ -= 1;
        left -= transport_s_;
        if (!admission_.Enter()) continue;
        left -= work_s_;
        admission_.Leave(absl::Seconds(work_s_ * turns_));
        admission_.CpuTime(absl::Seconds(work_s_ * turns_), absl::Seconds(work_s_));
      }
      const double share = admission_.share();
      wait_s_ = waiting_ * (transport_s_ + share * work_s_) / kThreads;
      admission_.Observe(absl::Seconds(wait_s_), absl::Seconds(kStep) * slowness_,
                         absl::Seconds(kStep) * kThreads, kThreads);
    }
    return static_cast<double>(admission_.answered() - before);
  }

  double wait_s() const { return wait_s_; }
  // So many threads for each core answer in turn, each as long as all of them together.
  void set_turns(double turns) { turns_ = turns; }
  // Other processes have the processor for the rest of the time.
  void set_slowness(double slowness) { slowness_ = slowness; }

 private:
  static constexpr int kThreads = 2;
  static constexpr double kStep = 0.1;
  static constexpr double kQueue = 100'000;
  const double transport_s_;
  const double work_s_;
  Admission& admission_;
  double waiting_ = 0;
  double wait_s_ = 0;
  double turns_ = 1;
  double slowness_ = 1;
};

TEST(AdmissionTest, WithinItsPowersNothingIsRefused) {
  Admission admission({});
  Server server(20e-6, 100e-6, &admission);
  server.Run(server.peak() * 0.9, 20);
  EXPECT_EQ(admission.refused(), 0u);
}

TEST(AdmissionTest, GoodputStaysWhateverTheWorkAndTheExcessIsRefused) {
  for (const double work_s : {5e-6, 20e-6, 100e-6, 400e-6, 5e-3}) {
    for (const double times : {1.5, 3.0, 10.0}) {
      Admission admission({});
      Server server(20e-6, work_s, &admission);
      server.Run(server.peak() * times, 10);
      const uint64_t refused = admission.refused();
      EXPECT_GE(server.Run(server.peak() * times, 20), 0.84 * server.peak() * 20)
          << work_s << " x" << times;
      EXPECT_GT(admission.refused(), refused) << work_s << " x" << times;
    }
  }
}

TEST(AdmissionTest, GoodputStaysWhereMoreThreadsThanCoresAnswer) {
  for (const double work_s : {100e-6, 400e-6, 5e-3}) {
    Admission admission({});
    Server server(20e-6, work_s, &admission);
    server.set_turns(2);
    server.Run(server.peak() * 10, 10);
    EXPECT_GE(server.Run(server.peak() * 10, 20), 0.84 * server.peak() * 20) << work_s;
  }
}

TEST(AdmissionTest, OnABusyMachineTheExcessIsRefusedAsWell) {
  Admission admission({});
  Server server(20e-6, 5e-3, &admission);
  server.set_turns(3);
  server.set_slowness(3);
  server.Run(server.peak() * 10, 10);
  const uint64_t answered = admission.answered();
  const uint64_t refused = admission.refused();
  EXPECT_GE(server.Run(server.peak() * 10, 20), 0.84 * server.peak() * 20);
  EXPECT_GT(admission.refused() - refused, 5 * (admission.answered() - answered));
}

TEST(AdmissionTest, WhereAnswersCostMuchTheWaitStaysShort) {
  Admission admission({});
  Server server(20e-6, 5e-3, &admission);
  server.Run(server.peak() * 10, 30);
  EXPECT_LT(server.wait_s(), 0.5);
  Admission open({1 << 30, absl::InfiniteDuration()});
  Server unprotected(20e-6, 5e-3, &open);
  unprotected.Run(unprotected.peak() * 10, 30);
  EXPECT_GT(unprotected.wait_s(), 5) << "what it protects from";
}

TEST(AdmissionTest, RecoversWithinTenSeconds) {
  Admission admission({});
  Server server(20e-6, 400e-6, &admission);
  server.Run(server.peak() * 10, 30);
  EXPECT_LT(admission.share(), 0.7);
  server.Run(server.peak() * 0.5, 10);
  EXPECT_EQ(admission.share(), 1.0);
  const uint64_t refused = admission.refused();
  server.Run(server.peak() * 0.5, 10);
  EXPECT_EQ(admission.refused(), refused);
}

TEST(AdmissionTest, TheShareIsExactAndSpread) {
  Admission admission({});
  while (admission.share() > 0.5) {
    if (!admission.Enter()) continue;
    admission.Leave(absl::Milliseconds(100));
    if (!admission.Enter()) continue;
    admission.Observe(absl::Seconds(1), absl::Milliseconds(100), absl::Milliseconds(100), 1);
    admission.Leave(absl::Milliseconds(100));
  }
  int taken = 0;
  int run = 0;
  for (int i = 0; i < 100'000; ++i) {
    if (admission.Enter()) {
      admission.Leave(absl::ZeroDuration());
      ++taken;
      run = 0;
    } else {
      ASSERT_LE(++run, 10) << "refusals come in bursts";
    }
  }
  EXPECT_NEAR(taken / 100'000.0, admission.share(), 1e-3);
}

TEST(AdmissionTest, AFewCallsOnABusyMachineAreNotRefused) {
  Admission admission({});
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(admission.Enter());
    admission.Leave(absl::Milliseconds(1));
    admission.Observe(absl::Seconds(1), absl::Milliseconds(100), absl::Milliseconds(200), 2);
  }
  EXPECT_EQ(admission.refused(), 0u);
}

TEST(AdmissionTest, OneCallerWhoWaitsAllTheTimeIsNotRefused) {
  Admission admission({});
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(admission.Enter());
    admission.Leave(absl::Milliseconds(100));
    admission.Observe(absl::Seconds(1), absl::Milliseconds(100), absl::Milliseconds(200), 2);
  }
  EXPECT_EQ(admission.refused(), 0u);
}

// The processor was taken away for longer than lies between two observations.
TEST(AdmissionTest, ACallThatStoodStillIsNoOverload) {
  Admission admission({});
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(admission.Enter());
    admission.Leave(absl::Milliseconds(400));
    EXPECT_TRUE(admission.Enter());  // its caller's next one, under way
    admission.Observe(absl::Milliseconds(400), absl::Milliseconds(100), absl::Milliseconds(1), 2);
    admission.Leave(absl::Milliseconds(1));
  }
  EXPECT_EQ(admission.refused(), 0u);
}

TEST(AdmissionTest, AFewCallsThatTakeAllThreadsAreAnOverload) {
  Admission admission({});
  for (int i = 0; i < 100; ++i) {
    int taken = 0;
    while (taken < 2) taken += admission.Enter();
    admission.Observe(absl::Seconds(3), absl::Milliseconds(100), absl::Milliseconds(200), 2);
    admission.Leave(absl::Milliseconds(100));
    admission.Leave(absl::Milliseconds(100));
  }
  EXPECT_GT(admission.refused(), 0u);
}

TEST(AdmissionTest, CallsAtOnceAreBounded) {
  Admission admission({3, absl::Seconds(1)});
  EXPECT_TRUE(admission.Enter());
  EXPECT_TRUE(admission.Enter());
  EXPECT_TRUE(admission.Enter());
  EXPECT_FALSE(admission.Enter());
  admission.Leave(absl::ZeroDuration());
  EXPECT_TRUE(admission.Enter());
  EXPECT_EQ(admission.refused(), 1u);
}

TEST(AdmissionTest, ManyThreads) {
  Admission admission({1 << 20, absl::Milliseconds(1)});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&admission] {
      for (int n = 0; n < 20'000; ++n) {
        if (admission.Enter()) admission.Leave(absl::Microseconds(1));
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    admission.Observe(absl::Milliseconds(i % 2 * 10), absl::Milliseconds(1), absl::Milliseconds(2),
                      2);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admission.answered() + admission.refused(), 80'000u);
}

}  // namespace
}  // namespace kindred::node
