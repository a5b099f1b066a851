#include "stream/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace kindred::stream {
namespace {

RecordParts SomeParts() {
  RecordParts parts;
  parts.topic = "events";
  parts.partition = PartitionId(3);
  parts.offset = Offset(42);
  parts.key = "k";
  parts.value = "v";
  parts.timestamp_ms = 7;
  parts.headers = {{"a", "1"}, {"b", ""}, {"a", "2"}};
  return parts;
}

TEST(RawRecordTest, ShowsItsParts) {
  const RawRecord record(SomeParts());
  EXPECT_EQ(record.topic(), "events");
  EXPECT_EQ(record.partition(), PartitionId(3));
  EXPECT_EQ(record.offset(), Offset(42));
  EXPECT_EQ(record.key(), "k");
  EXPECT_EQ(record.value(), "v");
  EXPECT_EQ(record.timestamp_ms(), 7);
  EXPECT_EQ(record.size_bytes(), 2u);
  EXPECT_EQ(record.FindHeader("a"), "2");
  EXPECT_EQ(record.FindHeader("b"), "");
  EXPECT_EQ(record.FindHeader("c"), std::nullopt);
  EXPECT_EQ(record.Headers().size(), 3u);
}

TEST(RawRecordTest, NothingDiffersFromEmpty) {
  RecordParts nothing;
  RecordParts empty;
  empty.key = "";
  empty.value = "";
  EXPECT_FALSE(RawRecord(std::move(nothing)).has_key());
  EXPECT_TRUE(RawRecord(RecordParts()).tombstone());
  const RawRecord record(std::move(empty));
  EXPECT_TRUE(record.has_key());
  EXPECT_FALSE(record.tombstone());
}

TEST(RawRecordTest, MovesWithItsViews) {
  RawRecord first(SomeParts());
  const char* const bytes = first.value().data();
  std::vector<RawRecord> records;
  records.push_back(std::move(first));
  records.reserve(100);
  EXPECT_EQ(records[0].value().data(), bytes);
  EXPECT_EQ(records[0].key(), "k");
  records[0] = RawRecord(RecordParts());
  EXPECT_TRUE(records[0].tombstone());
}

}  // namespace
}  // namespace kindred::stream
