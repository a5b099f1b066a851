#include "stream/embedded_broker.h"

#include <gtest/gtest.h>

#include <thread>

namespace kindred::stream {
namespace {

TEST(FeedGateTest, HoldsBackUntilTheReaderAdvances) {
  FeedGate gate(2, /*max_bytes=*/100, /*max_records=*/3);
  const PartitionId p(1);
  ASSERT_TRUE(gate.Enter(p, 60, absl::ZeroDuration()).ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(gate.Enter(p, 60, absl::Milliseconds(1))));
  ASSERT_TRUE(gate.Enter(PartitionId(0), 60, absl::ZeroDuration()).ok());  // a lane of its own
  std::thread reader([&] { gate.Advance(p, Offset(1)); });
  EXPECT_TRUE(gate.Enter(p, 60, absl::Seconds(10)).ok());
  reader.join();

  ASSERT_TRUE(gate.Enter(p, 1, absl::ZeroDuration()).ok());
  ASSERT_TRUE(gate.Enter(p, 1, absl::ZeroDuration()).ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(gate.Enter(p, 1, absl::ZeroDuration())));  // records
  EXPECT_TRUE(absl::IsDeadlineExceeded(gate.Drain(absl::ZeroDuration())));
  gate.Advance(p, Offset(4));
  gate.Advance(p, Offset(2));  // going back changes nothing
  gate.Advance(PartitionId(0), Offset(1));
  EXPECT_TRUE(gate.Drain(absl::ZeroDuration()).ok());
}

TEST(FeedGateTest, ALargeRecordEntersAlone) {
  FeedGate gate(1, /*max_bytes=*/10, /*max_records=*/3);
  EXPECT_TRUE(gate.Enter(PartitionId(0), 1000, absl::ZeroDuration()).ok());
  EXPECT_FALSE(gate.Enter(PartitionId(0), 1, absl::ZeroDuration()).ok());
}

}  // namespace
}  // namespace kindred::stream
