#include "node/dead_letter.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::node {
namespace {

DeadLetter Sample() {
  stream::RecordParts parts;
  parts.topic = "events";
  parts.partition = PartitionId(3);
  parts.offset = Offset(42);
  parts.key = "u-7";
  parts.value = std::string("{\0bad", 5);
  parts.timestamp_ms = 1700000000000;
  parts.headers = {{"content-type", "application/json"}};
  return MakeDeadLetter(stream::RawRecord(std::move(parts)), "decode", "malformed",
                        "byte 2: expected a name", 1);
}

TEST(DeadLetterTest, KeepsTheOriginalAndAddsWhy) {
  const DeadLetter letter = Sample();
  EXPECT_EQ(letter.Id(), "events/3/42/1");
  EXPECT_THAT(letter.AllHeaders(),
              testing::IsSupersetOf(
                  {testing::Pair("content-type", "application/json"),
                   testing::Pair("kindred-dead-letter-id", "events/3/42/1"),
                   testing::Pair("kindred-dead-letter-reason", "malformed"),
                   testing::Pair("kindred-dead-letter-detail", "byte 2: expected a name")}));
}

TEST(DeadLetterTest, EncodingReadsBackAndRefusesDamage) {
  const DeadLetter letter = Sample();
  const std::string bytes = EncodeDeadLetter(letter);
  const absl::StatusOr<DeadLetter> read = DecodeDeadLetter(bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(EncodeDeadLetter(*read), bytes);
  EXPECT_EQ(read->value, letter.value);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeDeadLetter(absl::string_view(bytes).substr(0, size)).ok());
  }
}

}  // namespace
}  // namespace kindred::node
