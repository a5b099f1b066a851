#include "node/hold_up.h"

#include "gtest/gtest.h"

namespace kindred::node {
namespace {

constexpr absl::Duration kBeat = absl::Milliseconds(100);

TEST(HoldUpTest, NeverBeatenIsNotHeldUp) {
  HoldUp hold_up;
  EXPECT_FALSE(hold_up.Recent(absl::FromUnixSeconds(1'700'000'000)));
}

TEST(HoldUpTest, ALateBeatIsTheEndOfAHoldUp) {
  HoldUp hold_up;
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  for (int i = 0; i < 10; ++i, now += kBeat) hold_up.Beat(now);
  EXPECT_FALSE(hold_up.Recent(now));
  now += absl::Seconds(2);
  EXPECT_TRUE(hold_up.Recent(now)) << "before the thread that beats has run";
  hold_up.Beat(now);
  EXPECT_TRUE(hold_up.Recent(now)) << "and after";
  for (int i = 0; i < 10; ++i, now += kBeat) hold_up.Beat(now);
  EXPECT_FALSE(hold_up.Recent(now)) << "a second later all is as before";
}

}  // namespace
}  // namespace kindred::node
