#include "node/progress_watch.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::node {
namespace {

using ::testing::HasSubstr;

TEST(ProgressWatchTest, AStuckPartIsNamedAlsoWhenTheOthersMove) {
  ProgressWatch watch(absl::Seconds(60));
  absl::Time now = absl::UnixEpoch();
  uint64_t moving = 0;
  for (int i = 0; i < 59; ++i, now += absl::Seconds(1)) {
    EXPECT_TRUE(watch.Check(now, {{"ingest", ++moving, false}, {"worker 0", 5, false}}).ok()) << i;
  }
  now += absl::Seconds(2);
  const absl::Status status =
      watch.Check(now, {{"ingest", ++moving, false}, {"worker 0", 5, false}});
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(status.message(), HasSubstr("worker 0"));
  EXPECT_TRUE(watch.Check(now, {{"ingest", ++moving, false}, {"worker 0", 6, false}}).ok());
}

TEST(ProgressWatchTest, AnIdlePartMayStandStill) {
  ProgressWatch watch(absl::Seconds(60));
  absl::Time now = absl::UnixEpoch();
  for (int i = 0; i < 10; ++i, now += absl::Minutes(1)) {
    EXPECT_TRUE(watch.Check(now, {{"worker 0", 5, true}}).ok());
  }
  now -= absl::Seconds(30);
  EXPECT_TRUE(watch.Check(now, {{"worker 0", 5, false}}).ok()) << "its time begins with its work";
  EXPECT_FALSE(watch.Check(now + absl::Minutes(1), {{"worker 0", 5, false}}).ok());
}

}  // namespace
}  // namespace kindred::node
