#include "telemetry/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(HealthStateTest, WithoutConditionsAllIsWell) {
  EXPECT_TRUE(HealthState().Check(Probe::kLiveness).ok());
  EXPECT_TRUE(HealthState().Check(Probe::kReadiness).ok());
}

TEST(HealthStateTest, NamesWhatDoesNotHold) {
  HealthState health;
  health.Set(Probe::kReadiness, "store", absl::UnavailableError("opening"));
  health.Set(Probe::kReadiness, "partitions", absl::UnavailableError("2 of 8 restored"));
  EXPECT_TRUE(health.Check(Probe::kLiveness).ok());
  const absl::Status ready = health.Check(Probe::kReadiness);
  EXPECT_EQ(ready.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(ready.message()), HasSubstr("store: opening"));
  EXPECT_THAT(std::string(ready.message()), HasSubstr("partitions: 2 of 8 restored"));

  health.Set(Probe::kReadiness, "store", absl::OkStatus());
  health.Remove(Probe::kReadiness, "partitions");
  EXPECT_TRUE(health.Check(Probe::kReadiness).ok());
  EXPECT_THAT(health.Conditions(), SizeIs(1));
}

TEST(HealthStateTest, WhatIsNotAliveIsNotReady) {
  HealthState health;
  health.Set(Probe::kLiveness, "worker", absl::InternalError("no progress"));
  EXPECT_FALSE(health.Check(Probe::kLiveness).ok());
  EXPECT_FALSE(health.Check(Probe::kReadiness).ok());
}

}  // namespace
}  // namespace kindred::telemetry
