#include "stream/kafka_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred::stream {
namespace {

using ::testing::HasSubstr;

// Every code that the library knows is in the table, and only success is success.
TEST(KafkaStatusTest, CoversEveryCode) {
  const rd_kafka_err_desc* descriptions = nullptr;
  size_t count = 0;
  rd_kafka_get_err_descs(&descriptions, &count);
  int codes = 0;
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_err_desc& description = descriptions[i];
    // Gaps of the numbering, and the two that mark the ends of the library's own range.
    if (description.desc == nullptr || description.code == RD_KAFKA_RESP_ERR__BEGIN ||
        description.code == RD_KAFKA_RESP_ERR__END) {
      continue;
    }
    ++codes;
    EXPECT_TRUE(KafkaStatusCode(description.code).has_value()) << description.name;
    EXPECT_EQ(KafkaStatus(description.code, "x").ok(),
              description.code == RD_KAFKA_RESP_ERR_NO_ERROR)
        << description.name;
  }
  EXPECT_GT(codes, 150);
}

TEST(KafkaStatusTest, SaysWhatAndWhy) {
  const absl::Status status = KafkaStatus(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "produce to t");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("produce to t: "));
  EXPECT_THAT(std::string(status.message()), HasSubstr("MSG_SIZE_TOO_LARGE"));
}

TEST(KafkaStatusTest, TheCallerKnowsWhatToDo) {
  const auto code = [](rd_kafka_resp_err_t error) { return KafkaStatus(error, "x").code(); };
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR__TRANSPORT), absl::StatusCode::kUnavailable);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR__SSL), absl::StatusCode::kUnavailable);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR__QUEUE_FULL), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR__FATAL), absl::StatusCode::kInternal);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID), absl::StatusCode::kInternal);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS), absl::StatusCode::kAborted);
  EXPECT_EQ(code(static_cast<rd_kafka_resp_err_t>(120)), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace kindred::stream
