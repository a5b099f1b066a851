// CloudEvents in both modes, through the decoder as they come from the log.
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "event/decoder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kindred/event/v1/event.pb.h"

namespace kindred::event {
namespace {

using ::testing::SizeIs;

constexpr int64_t kTime = 1795341600000;  // 2026-11-22T10:00:00Z

class CloudEventsTest : public testing::Test {
 protected:
  const Event& One(absl::string_view value, const std::vector<Header>& headers = {}) {
    value_ = std::string(value);
    const DecodeResult result = decoder_.Decode({.value = value_, .headers = headers}, &events_);
    EXPECT_TRUE(result.ok()) << DecodeFailureName(result.failure) << ": " << result.detail;
    EXPECT_EQ(result.format, Format::kCloudEvents);
    EXPECT_THAT(events_, SizeIs(1));
    events_.resize(1);
    return events_[0];
  }
  DecodeFailure Failure(absl::string_view value, const std::vector<Header>& headers = {}) {
    const DecodeResult result = decoder_.Decode({.value = value, .headers = headers}, &events_);
    EXPECT_EQ(events_.empty(), !result.ok());
    return result.failure;
  }
  static std::string Envelope(absl::string_view rest) {
    return absl::StrCat(R"({"specversion":"1.0","id":"7","source":"/shop","type":"com.a.view.v2",)"
                        R"("time":"2026-11-22T10:00:00Z",)",
                        rest, "}");
  }

  Decoder decoder_;
  std::vector<Event> events_;
  std::string value_;
};

const std::vector<Header> kBinary = {{"ce_specversion", "1.0"},
                                     {"ce_id", "7"},
                                     {"ce_source", "/shop"},
                                     {"ce_type", "com.a.view"},
                                     {"ce_time", "2026-11-22T10:00:00Z"}};

TEST_F(CloudEventsTest, AttributesFillWhatTheDataLacks) {
  const std::string structured = Envelope(R"("data":{"user_id":"u","item_id":"i"})");
  const std::vector<std::pair<std::string, std::vector<Header>>> records = {
      {structured, {}},
      {structured, {{"content-type", "application/cloudevents+json; charset=UTF-8"}}},
      {structured, {{"content-type", "application/json"}}},
      {R"({"user_id":"u","item_id":"i"})", kBinary},
  };
  for (const auto& [value, headers] : records) {
    const Event& event = One(value, headers);
    EXPECT_EQ(event.event_id, "/shop/7");
    EXPECT_EQ(event.event_time_ms, kTime);
    EXPECT_EQ(event.type, EventType::kView);
    EXPECT_EQ(event.user_id, "u");
    EXPECT_EQ(event.item_id, "i");
  }
}

TEST_F(CloudEventsTest, TheDataWins) {
  const Event& event =
      One(Envelope(R"("data":{"event_id":"e","event_time":5,"type":"click","user_id":"u"})"));
  EXPECT_EQ(event.event_id, "e");
  EXPECT_EQ(event.event_time_ms, 5);
  EXPECT_EQ(event.type, EventType::kClick);
}

TEST_F(CloudEventsTest, TheCustomNameMayBeInTheData) {
  const Event& event = One(
      R"({"specversion":"1.0","id":"7","source":"s","type":"custom","data":{"custom_type":"x"}})");
  EXPECT_EQ(event.type, EventType::kCustom);
  EXPECT_EQ(event.custom_type, "x");
  EXPECT_EQ(One(Envelope(R"("data":{"custom_type":"x"})")).custom_type, "");
}

TEST_F(CloudEventsTest, UnknownTypesAreKeptByTheirLastPart) {
  const Event& event =
      One(R"({"specversion":"1.0","id":"7","source":"s","type":"com.a.played.v1","data":{"a":1}})");
  EXPECT_EQ(event.type, EventType::kCustom);
  EXPECT_EQ(event.custom_type, "played");
}

TEST_F(CloudEventsTest, SegmentInside) {
  value_ = Envelope(R"("data":{"type":"track","event":"Order Completed","sentAt":1,)"
                    R"("properties":{"products":[{"product_id":"a"},{"product_id":"b"}]}})");
  EXPECT_TRUE(decoder_.Decode({.value = value_}, &events_).ok());
  ASSERT_THAT(events_, SizeIs(2));
  EXPECT_EQ(events_[1].event_id, "/shop/7#1");
  EXPECT_EQ(events_[1].item_id, "b");
}

TEST_F(CloudEventsTest, ProtobufData) {
  kindred::event::v1::Event proto;
  proto.set_user_id("a user with an id that is longer than any small buffer");
  const std::string bytes = proto.SerializeAsString();
  std::vector<Header> headers = kBinary;
  headers.push_back({"content-type", "application/protobuf"});
  EXPECT_EQ(One(bytes, headers).user_id, proto.user_id());
  EXPECT_EQ(One(bytes, kBinary).user_id, proto.user_id());
  const std::string base64 = absl::Base64Escape(bytes);
  const Event& event = One(Envelope(
      absl::StrCat(R"("datacontenttype":"application/protobuf","data_base64":")", base64, "\"")));
  EXPECT_EQ(event.user_id, proto.user_id());
  EXPECT_EQ(event.event_id, "/shop/7");
  EXPECT_EQ(One(Envelope(absl::StrCat(R"("data_base64":")",
                                      absl::Base64Escape(R"({"user_id":"u"})"), "\"")))
                .user_id,
            "u");
}

TEST_F(CloudEventsTest, LongSourcesGiveAHashedId) {
  std::vector<Header> headers = kBinary;
  const std::string source(500, 's');
  headers[2].value = source;
  const std::string id(One("{\"a\":1}", headers).event_id);
  EXPECT_EQ(id.size(), 19u);
  headers[1].value = "8";
  EXPECT_NE(One("{\"a\":1}", headers).event_id, id);
}

TEST_F(CloudEventsTest, Broken) {
  const std::vector<Header> structured = {{"content-type", "application/cloudevents+json"}};
  EXPECT_EQ(Failure("{}", structured), DecodeFailure::kMalformed);
  EXPECT_EQ(Failure(Envelope(R"("x":1)")), DecodeFailure::kMalformed);
  EXPECT_EQ(Failure(Envelope(R"("data":null)")), DecodeFailure::kMalformed);
  EXPECT_EQ(Failure(Envelope(R"("data":[])")), DecodeFailure::kWrongType);
  EXPECT_EQ(Failure(Envelope(R"("data_base64":"*")")), DecodeFailure::kMalformed);
  EXPECT_EQ(Failure(Envelope(R"("datacontenttype":"text/xml","data":{})")),
            DecodeFailure::kUnsupportedFormat);
  EXPECT_EQ(Failure("", kBinary), DecodeFailure::kEmpty);
  std::vector<Header> headers = kBinary;
  headers[4].value = "soon";
  EXPECT_EQ(Failure("{}", headers), DecodeFailure::kWrongType);
  headers = kBinary;
  headers[1].value = "\xff";
  EXPECT_EQ(Failure("{}", headers), DecodeFailure::kInvalidUtf8);
}

TEST_F(CloudEventsTest, NoEnvelopeInAnEnvelope) {
  const Event& event =
      One(Envelope(absl::StrCat(R"("data":)", Envelope(R"("data":{"user_id":"u"})"))));
  EXPECT_EQ(event.user_id, "");
  EXPECT_EQ(event.custom_type, "com.a.view.v2");
}

}  // namespace
}  // namespace kindred::event
