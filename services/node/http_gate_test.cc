#include "node/http_gate.h"

#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace kindred::node {
namespace {

TEST(HttpGateTest, SoManyAtOnceOthersWaitAndAreRefused) {
  HttpGate gate(nullptr, 2, absl::Milliseconds(20));
  auto first = std::make_unique<HttpGate::Turn>(&gate);
  auto second = std::make_unique<HttpGate::Turn>(&gate);
  EXPECT_TRUE(first->admitted());
  EXPECT_TRUE(second->admitted());
  const absl::Time begin = absl::Now();
  {
    const HttpGate::Turn third(&gate);
    EXPECT_FALSE(third.admitted());
  }
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(20));
  first.reset();
  EXPECT_TRUE(HttpGate::Turn(&gate).admitted());
  EXPECT_TRUE(HttpGate::Turn(&gate).admitted()) << "a turn that ended is free again";
}

TEST(HttpGateTest, ATurnThatEndsInTimeGoesToWhoWaits) {
  HttpGate gate(nullptr, 1, absl::Seconds(30));
  auto first = std::make_unique<HttpGate::Turn>(&gate);
  std::thread waiting([&gate] { EXPECT_TRUE(HttpGate::Turn(&gate).admitted()); });
  first.reset();
  waiting.join();
}

TEST(HttpGateTest, AsksTheAdmissionOfAllCalls) {
  Admission admission({1});
  HttpGate gate(&admission, 10, absl::Milliseconds(1));
  ASSERT_TRUE(admission.Enter());
  EXPECT_FALSE(HttpGate::Turn(&gate).admitted());
  admission.Leave(absl::ZeroDuration());
  EXPECT_TRUE(HttpGate::Turn(&gate).admitted());
  EXPECT_EQ(admission.answered(), 2u);
  EXPECT_EQ(admission.refused(), 1u);
}

}  // namespace
}  // namespace kindred::node
