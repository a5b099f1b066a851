#include "node/prepared_record.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "node/shared_state.h"
#include "stream/record.h"

namespace kindred::node {
namespace {

stream::RawRecord RecordOf(std::string value) {
  stream::RecordParts parts;
  parts.topic = "events";
  parts.key = "u-1";
  parts.value = std::move(value);
  parts.timestamp_ms = 1'700'000'000'000;
  return stream::RawRecord(std::move(parts));
}

constexpr char kView[] = R"({"event_id":"e-1","user_id":" u-1 ","type":"view","item_id":"tea",)"
                         R"("event_time":"2023-11-14T22:13:20Z"})";

TEST(PreparedRecordTest, OneEventIsCleanedAhead) {
  PreparedRecord prepared{SharedOptions()};
  EXPECT_FALSE(prepared.decoded());
  const stream::RawRecord record = RecordOf(kView);
  prepared.Decode(record);
  prepared.CleanOnly();
  ASSERT_TRUE(prepared.decoded());
  ASSERT_TRUE(prepared.result().ok()) << prepared.result().detail;
  ASSERT_EQ(prepared.events().size(), 1u);
  const clean::Outcome first = prepared.Cleaned(0);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first.event->customer_id, "u-1");
  EXPECT_EQ(prepared.Cleaned(0).event, first.event) << "the same, not cleaned again";
}

// A rejection is an outcome like another, with its reason.
TEST(PreparedRecordTest, ARejectionIsKept) {
  PreparedRecord prepared{SharedOptions()};
  const stream::RawRecord record = RecordOf(
      R"({"event_id":"e-1","type":"view","item_id":"tea","event_time":"2023-11-14T22:13:20Z"})");
  prepared.Decode(record);
  prepared.CleanOnly();
  const clean::Outcome outcome = prepared.Cleaned(0);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.rejection->reason, clean::RejectReason::kMissingCustomer);
}

TEST(PreparedRecordTest, WhatCannotBeReadSaysWhy) {
  PreparedRecord prepared{SharedOptions()};
  const stream::RawRecord record = RecordOf("{\"event_id\":");
  prepared.Decode(record);
  prepared.CleanOnly();
  EXPECT_EQ(prepared.result().failure, event::DecodeFailure::kMalformed);
  EXPECT_TRUE(prepared.events().empty());
}

// What was prepared before leaves nothing behind.
TEST(PreparedRecordTest, IsUsedAgain) {
  PreparedRecord prepared{SharedOptions()};
  const stream::RawRecord view = RecordOf(kView);
  prepared.Decode(view);
  prepared.CleanOnly();
  const stream::RawRecord broken = RecordOf("");
  prepared.Decode(broken);
  prepared.CleanOnly();
  EXPECT_EQ(prepared.result().failure, event::DecodeFailure::kEmpty);
  prepared.Clear();
  EXPECT_FALSE(prepared.decoded());
  prepared.Decode(view);
  prepared.CleanOnly();
  ASSERT_TRUE(prepared.Cleaned(0).ok());
  EXPECT_EQ(prepared.Cleaned(0).event->item_id, "tea");
}

}  // namespace
}  // namespace kindred::node
