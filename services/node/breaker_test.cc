#include "node/breaker.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "node/test_state.h"

namespace kindred::node {
namespace {

TEST(BreakerTest, TripsWhenTheShareOfAWindowIsRejected) {
  Breaker breaker({100, 0.9});
  for (int i = 0; i < 89; ++i) breaker.Count(true);
  EXPECT_FALSE(breaker.tripped());
  breaker.Count(true);
  EXPECT_TRUE(breaker.tripped());
  EXPECT_EQ(breaker.rejected(), 90u);
  breaker.Reset();
  EXPECT_FALSE(breaker.tripped());
}

TEST(BreakerTest, GoodRecordsAmongBadOnesKeepItClosed) {
  Breaker breaker({100, 0.9});
  for (int i = 0; i < 10'000; ++i) {
    breaker.Count(i % 8 != 0);
    ASSERT_FALSE(breaker.tripped()) << i;
  }
}

TEST(BreakerTest, ALogThatTurnsBadIsStoppedWithinTwoWindows) {
  for (int good = 0; good < 250; ++good) {
    Breaker breaker({100, 0.9});
    for (int i = 0; i < good; ++i) breaker.Count(false);
    int bad = 0;
    for (; !breaker.tripped(); ++bad) breaker.Count(true);
    EXPECT_LE(bad, 190) << good;
  }
}

TEST(BreakerTest, NoShareNeverTrips) {
  Breaker breaker({10, 0});
  for (int i = 0; i < 1000; ++i) breaker.Count(true);
  EXPECT_FALSE(breaker.tripped());
}

TEST(BreakerTest, SurvivesStorage) {
  Breaker breaker({100, 0.9});
  for (int i = 0; i < 55; ++i) breaker.Count(i % 2 == 0);
  Breaker read({100, 0.9});
  ASSERT_TRUE(read.Restore(breaker.Encode()).ok());
  EXPECT_EQ(read.records(), 55u);
  EXPECT_EQ(read.rejected(), 28u);
  EXPECT_EQ(breaker.Encode(), std::string("\x01\x37\x1c", 3)) << "stored bytes";
  EXPECT_FALSE(read.Restore("").ok());
  EXPECT_FALSE(read.Restore(std::string("\x02\x01\x01", 3)).ok());
  EXPECT_FALSE(read.Restore(std::string("\x01\x01\x02", 3)).ok()) << "more rejected than read";
}

class HaltTest : public ::testing::Test {
 protected:
  HaltTest() {
    options_.partition_count = 1;
    options_.breaker = {100, 0.9};
    Restart();
  }
  void Restart() {
    state_.reset();
    state_ = std::make_unique<TestState>(options_, environment_);
  }
  // Records from the partition's next offset on; true while they are taken.
  bool Feed(int count, bool good) {
    std::vector<stream::RawRecord> records;
    const int64_t first = state_->partition().next_offset().value();
    for (int64_t offset = first; offset < first + count; ++offset) {
      records.push_back(TestRecord(0, offset, "u",
                                   good ? TestEvent(absl::StrCat("e-", offset), "u", "view",
                                                    kTestTimeMs, "\"item_id\":\"i\"")
                                        : "poison"));
    }
    return state_->Apply(records).ok();
  }

  SharedOptions options_;
  std::shared_ptr<store::Environment> environment_ = store::NewMemoryEnvironment();
  std::unique_ptr<TestState> state_;
};

TEST_F(HaltTest, APartitionHaltsAtTheSameOffsetHoweverOftenItRestarts) {
  ASSERT_TRUE(Feed(40, true));
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(Feed(20, false)) << "before the first window ends, and 60 of the second";
    state_->Checkpoint();
    Restart();
  }
  EXPECT_FALSE(Feed(1000, false));
  EXPECT_TRUE(state_->partition().halted());
  EXPECT_EQ(state_->partition().next_offset().value(), 190);
  EXPECT_EQ(state_->partition().figures().outbox_pending, 150u) << "not a thousand";
  EXPECT_FALSE(Feed(1, true)) << "good records wait too: the order of the log stands";
  EXPECT_NE(state_->Bytes("u"), "") << "reads go on";
  ASSERT_TRUE(state_->Checkpoint());
  Restart();
  EXPECT_TRUE(state_->partition().halted()) << "a restart alone does not go on";
  state_->partition().ResetBreaker();
  EXPECT_TRUE(Feed(50, true));
  EXPECT_FALSE(state_->partition().halted());
}

TEST_F(HaltTest, CopiesAreNoPoison) {
  ASSERT_TRUE(Feed(1, true));
  for (int i = 0; i < 300; ++i) {
    state_->Feed("u", TestEvent("e-0", "u", "view", kTestTimeMs, "\"item_id\":\"i\""));
  }
  EXPECT_EQ(state_->quality().duplicates, 300u);
  EXPECT_FALSE(state_->partition().halted());
}

}  // namespace
}  // namespace kindred::node
