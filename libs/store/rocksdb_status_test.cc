#include "store/rocksdb_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred::store {
namespace {

using RocksStatus = rocksdb::Status;

absl::StatusCode CodeOf(RocksStatus::Code code, RocksStatus::SubCode subcode = RocksStatus::kNone,
                        RocksStatus::Severity severity = RocksStatus::kNoError) {
  // Only the derived constructor is open, as RocksDB's own background errors use it.
  return ToAbslStatus(RocksStatus(code, subcode, severity, "text"), "doing").code();
}

TEST(RocksdbStatusTest, EveryCode) {
  const std::pair<RocksStatus::Code, absl::StatusCode> expected[] = {
      {RocksStatus::kOk, absl::StatusCode::kOk},
      {RocksStatus::kNotFound, absl::StatusCode::kNotFound},
      {RocksStatus::kCorruption, absl::StatusCode::kDataLoss},
      {RocksStatus::kNotSupported, absl::StatusCode::kInternal},
      {RocksStatus::kInvalidArgument, absl::StatusCode::kInternal},
      {RocksStatus::kIOError, absl::StatusCode::kUnavailable},
      {RocksStatus::kMergeInProgress, absl::StatusCode::kInternal},
      {RocksStatus::kIncomplete, absl::StatusCode::kUnavailable},
      {RocksStatus::kShutdownInProgress, absl::StatusCode::kUnavailable},
      {RocksStatus::kTimedOut, absl::StatusCode::kDeadlineExceeded},
      {RocksStatus::kAborted, absl::StatusCode::kAborted},
      {RocksStatus::kBusy, absl::StatusCode::kUnavailable},
      {RocksStatus::kExpired, absl::StatusCode::kUnavailable},
      {RocksStatus::kTryAgain, absl::StatusCode::kUnavailable},
      {RocksStatus::kCompactionTooLarge, absl::StatusCode::kInternal},
      {RocksStatus::kColumnFamilyDropped, absl::StatusCode::kInternal},
  };
  // A code that a later RocksDB adds has to be thought about here.
  ASSERT_EQ(std::size(expected), static_cast<size_t>(RocksStatus::kMaxCode));
  for (const auto& [code, want] : expected) EXPECT_EQ(CodeOf(code), want) << +code;
}

TEST(RocksdbStatusTest, LimitsOfSpaceAndMemoryMeanSlowDown) {
  for (const auto subcode : {RocksStatus::kNoSpace, RocksStatus::kSpaceLimit}) {
    EXPECT_EQ(CodeOf(RocksStatus::kIOError, subcode), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(CodeOf(RocksStatus::kIOError, subcode, RocksStatus::kHardError),
              absl::StatusCode::kResourceExhausted);
  }
  EXPECT_EQ(CodeOf(RocksStatus::kAborted, RocksStatus::kMemoryLimit),
            absl::StatusCode::kResourceExhausted);
}

TEST(RocksdbStatusTest, FatalMeansStopWhateverTheCode) {
  for (const auto severity : {RocksStatus::kFatalError, RocksStatus::kUnrecoverableError}) {
    EXPECT_EQ(CodeOf(RocksStatus::kIOError, RocksStatus::kNoSpace, severity),
              absl::StatusCode::kDataLoss);
    EXPECT_EQ(CodeOf(RocksStatus::kIOError, RocksStatus::kNone, severity),
              absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(CodeOf(RocksStatus::kIOError, RocksStatus::kNone, RocksStatus::kHardError),
            absl::StatusCode::kUnavailable);
}

TEST(RocksdbStatusTest, TheMessageSaysWhatFailedAndWhy) {
  EXPECT_EQ(ToAbslStatus(RocksStatus::IOError("disk", "gone"), "cannot flush").message(),
            "cannot flush: IO error: disk: gone");
}

}  // namespace
}  // namespace kindred::store
