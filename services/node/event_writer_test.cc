// Writes that come by call: when they end, how, and that nobody waits meanwhile.
#include "node/event_writer.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/identity_world.h"
#include "node/test_sink.h"

namespace kindred::node {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kLong = absl::Seconds(60);
constexpr size_t kMaxWaiting = 5;

// How writes ended, in that order.
class Outcomes {
 public:
  EventWriter::Done Next() {
    return [this](const absl::Status& status) {
      absl::MutexLock lock(&mutex_);
      ended_.push_back(status);
    };
  }
  std::vector<absl::Status> Wait(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto enough = [this, count]()
                            ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return ended_.size() >= count; };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&enough), kLong));
    return ended_;
  }
  size_t count() {
    absl::MutexLock lock(&mutex_);
    return ended_.size();
  }

 private:
  absl::Mutex mutex_;
  std::vector<absl::Status> ended_ ABSL_GUARDED_BY(mutex_);
};

class EventWriterTest : public ::testing::Test {
 protected:
  EventWriterTest()
      : world_(1),
        writer_(std::make_unique<EventWriter>("events", &sink_, world_.state->partitions.get(),
                                              kMaxWaiting)) {}

  void Write(absl::Duration limit = kLong) {
    event::Event event;
    event.type = event::EventType::kPage;
    const std::string id = absl::StrCat("w-", ++written_);
    event.event_id = id;
    event.user_id = "ann";
    event.event_time_ms = kTestTimeMs;
    writer_->Write(event, limit, outcomes_.Next());
  }
  stream::Delivery At(int64_t offset) { return {absl::OkStatus(), PartitionId(0), Offset(offset)}; }

  IdentityWorld world_;
  TestSink sink_;
  Outcomes outcomes_;
  std::unique_ptr<EventWriter> writer_;
  int written_ = 0;
};

TEST_F(EventWriterTest, EndsWhenItIsAppliedAndNotBefore) {
  for (size_t i = 0; i < kMaxWaiting; ++i) Write();
  const std::vector<TestSink::Taken> taken = sink_.Take();
  ASSERT_EQ(taken.size(), kMaxWaiting);
  int64_t offset = 0;
  for (const TestSink::Taken& record : taken) record.done(At(offset++));
  absl::SleepFor(absl::Milliseconds(20));
  EXPECT_EQ(outcomes_.count(), 0u);
  for (size_t i = 0; i < taken.size(); ++i) {
    EXPECT_EQ(taken[i].key, "ann");
    world_.Send(taken[i].key, taken[i].value);
    EXPECT_TRUE(outcomes_.Wait(i + 1)[i].ok());
  }
  EXPECT_EQ(world_.Sum("ann").event_count(), kMaxWaiting);
}

TEST_F(EventWriterTest, MoreThanMayWaitAreRefusedAtOnce) {
  for (size_t i = 0; i < kMaxWaiting; ++i) Write();
  Write();
  EXPECT_TRUE(absl::IsResourceExhausted(outcomes_.Wait(1)[0]));
  const std::vector<TestSink::Taken> taken = sink_.Take();
  EXPECT_EQ(taken.size(), kMaxWaiting);
  // There is room again once one has ended.
  taken[0].done({absl::UnavailableError("no leader"), PartitionId(0), Offset(-1)});
  EXPECT_THAT(std::string(outcomes_.Wait(2)[1].message()), HasSubstr("no leader"));
  Write();
  EXPECT_EQ(outcomes_.count(), 2u);
  EXPECT_EQ(sink_.Take().size(), 1u);
}

TEST_F(EventWriterTest, SaysWhatIsKnownWhenTimeIsUp) {
  Write(absl::Milliseconds(5));
  EXPECT_TRUE(absl::IsUnavailable(outcomes_.Wait(1)[0]));
  // The brokers' answer comes too late for anybody.
  sink_.Take()[0].done(At(0));
  Write(absl::Seconds(1));
  sink_.Take()[0].done(At(7));
  EXPECT_TRUE(absl::IsDeadlineExceeded(outcomes_.Wait(2)[1]));
  // Another node's partition.
  Write(absl::Seconds(1));
  sink_.Take()[0].done({absl::OkStatus(), PartitionId(5), Offset(0)});
  EXPECT_TRUE(absl::IsDeadlineExceeded(outcomes_.Wait(3)[2]));
}

TEST_F(EventWriterTest, WhatTheSinkRefusesEndsWithItsReason) {
  sink_.refusal = absl::InvalidArgumentError("too large");
  Write();
  EXPECT_TRUE(absl::IsInvalidArgument(outcomes_.Wait(1)[0]));
}

TEST_F(EventWriterTest, ThoseThatWaitAreToldWhenItStops) {
  Write();
  Write();
  writer_.reset();
  EXPECT_EQ(outcomes_.count(), 2u);
  EXPECT_TRUE(absl::IsUnavailable(outcomes_.Wait(2)[1]));
  for (const TestSink::Taken& record : sink_.Take()) record.done(At(0));
}

}  // namespace
}  // namespace kindred::node
