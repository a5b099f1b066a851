#include "event/decoder.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "event/encode.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kindred/event/v1/event.pb.h"

namespace kindred::event {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
namespace v1 = kindred::event::v1;

constexpr int64_t kTime = 1795341600000;  // 2026-11-22T10:00:00Z

class DecoderTest : public testing::Test {
 protected:
  DecodeResult Decode(absl::string_view value, const std::vector<Header>& headers = {}) {
    return decoder_.Decode({.key = "k", .value = value, .headers = headers, .arrival_ms = 1},
                           &events_);
  }
  // The only event of a record that must be good.
  const Event& One(absl::string_view value, const std::vector<Header>& headers = {}) {
    value_ = std::string(value);
    const DecodeResult result = Decode(value_, headers);
    EXPECT_TRUE(result.ok()) << DecodeFailureName(result.failure) << ": " << result.detail;
    EXPECT_THAT(events_, SizeIs(1));
    events_.resize(1);
    return events_[0];
  }
  DecodeFailure Failure(absl::string_view value, const std::vector<Header>& headers = {}) {
    const DecodeResult result = Decode(value, headers);
    detail_ = result.detail;
    EXPECT_EQ(result.ok(), events_.size() == 1);
    EXPECT_EQ(result.ok(), result.detail.empty());
    return result.failure;
  }

  Decoder decoder_;
  std::vector<Event> events_;
  std::string value_;
  std::string detail_;
};

std::string JsonOf(const std::vector<JsonField>& fields, absl::string_view name) {
  std::string result = "absent";
  for (const JsonField& field : fields) {
    if (field.name == name) result = std::string(field.json);
  }
  return result;
}

TEST_F(DecoderTest, NativeJson) {
  const Event& event = One(
      R"({"event_id":"e-1","user_id":"u-7","type":"purchase","event_time":"2026-11-22T10:00:00Z",)"
      R"("item_id":"sku-3","quantity":2,"price":9.95,"currency":"EUR","order_id":"o-5",)"
      R"("category":"tea","geo":{"country":"DE","city":"Köln"},"colour":"green"})");
  EXPECT_EQ(event.event_id, "e-1");
  EXPECT_EQ(event.user_id, "u-7");
  EXPECT_EQ(event.type, EventType::kPurchase);
  EXPECT_EQ(event.event_time_ms, kTime);
  EXPECT_EQ(event.item_id, "sku-3");
  EXPECT_EQ(event.quantity, 2);
  EXPECT_EQ(event.price, 9.95);
  EXPECT_EQ(event.amount, std::nullopt);
  EXPECT_EQ(event.currency, "EUR");
  EXPECT_EQ(event.order_id, "o-5");
  EXPECT_EQ(event.category, "tea");
  EXPECT_EQ(event.country, "DE");
  EXPECT_EQ(event.city, "Köln");
  EXPECT_EQ(event.lines, 1u);
  EXPECT_EQ(JsonOf(event.properties, "colour"), "\"green\"");
}

TEST_F(DecoderTest, NativeJsonInCamelCaseAndAnyOrder) {
  const Event& event =
      One(R"({ "orderId":"o","itemId":7,"eventTime":1795341600000,"type":"addToCart",)"
          R"("anonymousId":"a","sessionId":"s","eventId":"e","previousId":"p","customType":"x"})");
  EXPECT_EQ(event.order_id, "o");
  EXPECT_EQ(event.item_id, "7");
  EXPECT_EQ(event.event_time_ms, kTime);
  EXPECT_EQ(event.type, EventType::kAddToCart);
  EXPECT_EQ(event.anonymous_id, "a");
  EXPECT_EQ(event.session_id, "s");
  EXPECT_EQ(event.event_id, "e");
  EXPECT_EQ(event.previous_id, "p");
  EXPECT_EQ(event.custom_type, "");
}

TEST_F(DecoderTest, NativeJsonTraitsConsentAndProperties) {
  const Event& event =
      One(R"({"type":"consent","traits":{"name":"Ann\n","age":30.0,"none":null},)"
          R"("consent":{"purposes":{"marketing":true,"ads":"denied"}},"group_id":"g",)"
          R"("properties":{"b":{"z":1,"a":[1.5,null,"é"],"z":2}},"n":12345678901234567})");
  EXPECT_THAT(event.traits, SizeIs(2));
  EXPECT_EQ(JsonOf(event.traits, "name"), R"("Ann\n")");
  EXPECT_EQ(JsonOf(event.traits, "age"), "30");
  ASSERT_THAT(event.consents, SizeIs(2));
  EXPECT_EQ(event.consents[0].purpose, "marketing");
  EXPECT_TRUE(event.consents[0].granted);
  EXPECT_FALSE(event.consents[1].granted);
  EXPECT_EQ(event.group_id, "g");
  EXPECT_EQ(JsonOf(event.properties, "b"), R"({"a":[1.5,null,"é"],"z":2})");
  EXPECT_EQ(JsonOf(event.properties, "n"), "12345678901234567");
}

TEST_F(DecoderTest, NullIsAbsentAndTheLastOfEqualKeysCounts) {
  const Event& event =
      One(R"({"type":"view","user_id":"a","user_id":"b","price":null,"event_time":null,"x":null,)"
          R"("quantity":""})");
  EXPECT_EQ(event.user_id, "b");
  EXPECT_EQ(event.price, std::nullopt);
  EXPECT_EQ(event.quantity, std::nullopt);
  EXPECT_EQ(event.event_time_ms, std::nullopt);
  EXPECT_TRUE(event.properties.empty());
}

TEST_F(DecoderTest, NumbersMayBeText) {
  const Event& event = One(R"({"type":"view","price":"9.95","quantity":"1e3","rating":"NaN"})");
  EXPECT_EQ(event.price, 9.95);
  EXPECT_EQ(event.quantity, 1000);
  EXPECT_TRUE(std::isnan(event.rating.value()));
}

TEST_F(DecoderTest, UnknownTypesAreKeptByName) {
  EXPECT_EQ(One(R"({"type":"played_song"})").custom_type, "played_song");
  EXPECT_EQ(One(R"({"type":"custom","custom_type":"song"})").custom_type, "song");
  EXPECT_EQ(One(R"({"type":"custom"})").custom_type, "");
  EXPECT_EQ(One(R"({"type":6})").type, EventType::kPurchase);
  EXPECT_EQ(One(R"({"user_id":"u"})").type, EventType::kUnspecified);
}

TEST_F(DecoderTest, WrongTypesNameTheFieldAndWhatWasExpected) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"price":true})", "price: expected a number, got a boolean"},
      {R"({"price":"cheap"})", "price: expected a number, got a string that is none"},
      {R"({"user_id":1.5})", "user_id: expected a string or a whole number, got a number"},
      {R"({"userId":{}})", "userId: expected a string or a whole number, got an object"},
      {R"({"currency":5})", "currency: expected a string, got a number"},
      {R"({"event_time":"soon"})", "event_time: expected an RFC 3339 time"},
      {R"({"event_time":1e300})", "event_time: expected an RFC 3339 time"},
      {R"({"geo":"DE"})", "geo: expected an object, got a string"},
      {R"({"geo":{"country":1}})", "country: expected a string, got a number"},
      {R"({"traits":[]})", "traits: expected an object, got an array"},
      {R"({"consent":{"ads":1}})", "ads: expected true or false, got a number"},
      {R"({"type":[]})", "type: expected"},
  };
  for (const auto& [value, detail] : cases) {
    EXPECT_EQ(Failure(value), DecodeFailure::kWrongType) << value;
    EXPECT_THAT(detail_, HasSubstr(detail)) << value;
  }
  EXPECT_EQ(Failure("[]", {{"content-type", "application/json"}}), DecodeFailure::kWrongType);
}

TEST_F(DecoderTest, BrokenJson) {
  for (const char* value :
       {"{", "{}}", "{} x", R"({"a":1,})", R"({"a" 1})", R"({"a":01})", R"({"a":1e999})",
        R"({"a":123456789012345678901234567890})", R"({"a":"\ud800"})", R"({"a":NaN})",
        R"({"type":"view","event_id":"e")", "{\"a\":\"\x01\"}", R"({"a":tru})"}) {
    EXPECT_EQ(Failure(value), DecodeFailure::kMalformed) << value << detail_;
  }
  EXPECT_EQ(Failure(""), DecodeFailure::kEmpty);
  EXPECT_EQ(Failure(" \n "), DecodeFailure::kEmpty);
  EXPECT_EQ(Failure("{\"a\":\"\xff\"}"), DecodeFailure::kInvalidUtf8);
  EXPECT_EQ(Failure("{\"a\":\"\xed\xa0\x80\"}"), DecodeFailure::kInvalidUtf8);
}

// Found by fuzzing: field 4 (type) = 13 (alias) is a space and a carriage return.
TEST_F(DecoderTest, AMessageThatLooksLikeSpacesNeedsItsContentType) {
  Event alias;
  alias.type = EventType::kAlias;
  const std::string proto = EncodeProto(alias);
  EXPECT_EQ(proto, " \r");
  EXPECT_EQ(Failure(proto), DecodeFailure::kEmpty);
  const Header header{"content-type", "application/x-protobuf"};
  Decoder decoder;
  std::vector<Event> events;
  const EncodedRecord record{.value = proto, .headers = {&header, 1}};
  ASSERT_TRUE(decoder.Decode(record, &events).ok());
  EXPECT_EQ(events[0].type, EventType::kAlias);
}

TEST_F(DecoderTest, LimitsOnSizeAndDepth) {
  EXPECT_EQ(Failure(std::string(10 << 20, '{')), DecodeFailure::kTooLarge);
  const auto nested = [](int levels) {
    return absl::StrCat("{\"a\":", std::string(levels - 1, '['), "1", std::string(levels - 1, ']'),
                        "}");
  };
  EXPECT_EQ(Failure(nested(64)), DecodeFailure::kNone) << detail_;
  EXPECT_EQ(Failure(nested(65)), DecodeFailure::kTooDeep);
  EXPECT_EQ(Failure(nested(1000)), DecodeFailure::kTooDeep);
  EXPECT_EQ(Failure(absl::StrCat("{\"a\":", std::string(1000, '['))), DecodeFailure::kMalformed);
  const std::string long_text(1 << 19, 'x');
  EXPECT_EQ(One(absl::StrCat(R"({"title":")", long_text, "\"}")).title, long_text);
}

TEST_F(DecoderTest, RepeatedKeysCostNoMoreThanOthers) {
  // Looking through the whole record for each of them would take minutes.
  std::string value = "{\"type\":\"page\"";
  while (value.size() < 1'000'000) value += R"(,"type":"page","specversion":"1.0")";
  EXPECT_EQ(One(value + "}").type, EventType::kPage);
  EXPECT_THAT(events_[0].properties, SizeIs(testing::Gt(10'000)));
}

TEST_F(DecoderTest, ZeroBytesInTextAreKept) {
  EXPECT_EQ(One(R"({"user_id":"a\u0000b"})").user_id, absl::string_view("a\0b", 3));
}

v1::Event FullProto() {
  v1::Event proto;
  proto.set_event_id("e-1");
  proto.set_user_id("u-7");
  proto.set_anonymous_id("a-1");
  proto.set_type(v1::EVENT_TYPE_PURCHASE);
  proto.mutable_event_time()->set_seconds(kTime / 1000);
  proto.mutable_event_time()->set_nanos(250'999'999);
  proto.set_item_id("sku-3");
  proto.set_quantity(2);
  proto.set_price(9.95);
  proto.set_amount(19.9);
  proto.set_currency("EUR");
  proto.set_order_id("o-5");
  proto.set_rating(4.5);
  proto.set_category("tea");
  proto.set_brand("b");
  proto.set_title("t");
  proto.set_query("q");
  proto.set_channel("web");
  proto.set_device("phone");
  proto.mutable_geo()->set_country("DE");
  proto.mutable_geo()->set_region("NW");
  proto.mutable_geo()->set_city("Köln");
  proto.set_session_id("s");
  proto.set_previous_id("p");
  (*proto.mutable_consent()->mutable_purposes())["ads"] = true;
  (*proto.mutable_traits()->mutable_fields())["name"].set_string_value("A\"nn");
  auto& nested = *(*proto.mutable_properties()->mutable_fields())["n"].mutable_struct_value();
  (*nested.mutable_fields())["z"].set_bool_value(true);
  (*nested.mutable_fields())["a"].mutable_list_value()->add_values()->set_number_value(1.5);
  (*nested.mutable_fields())["a"].mutable_list_value()->add_values()->set_null_value({});
  (*proto.mutable_properties()->mutable_fields())["i"].set_number_value(3);
  (*proto.mutable_properties()->mutable_fields())["none"].set_null_value({});
  (*proto.mutable_properties()->mutable_fields())["group_id"].set_string_value("g");
  return proto;
}

TEST_F(DecoderTest, NativeProtobuf) {
  const Event& event = One(FullProto().SerializeAsString());
  EXPECT_EQ(event.event_id, "e-1");
  EXPECT_EQ(event.user_id, "u-7");
  EXPECT_EQ(event.anonymous_id, "a-1");
  EXPECT_EQ(event.type, EventType::kPurchase);
  EXPECT_EQ(event.event_time_ms, kTime + 250);
  EXPECT_EQ(event.item_id, "sku-3");
  EXPECT_EQ(event.quantity, 2);
  EXPECT_EQ(event.price, 9.95);
  EXPECT_EQ(event.amount, 19.9);
  EXPECT_EQ(event.currency, "EUR");
  EXPECT_EQ(event.order_id, "o-5");
  EXPECT_EQ(event.rating, 4.5);
  EXPECT_EQ(event.category, "tea");
  EXPECT_EQ(event.brand, "b");
  EXPECT_EQ(event.title, "t");
  EXPECT_EQ(event.query, "q");
  EXPECT_EQ(event.channel, "web");
  EXPECT_EQ(event.device, "phone");
  EXPECT_EQ(event.country, "DE");
  EXPECT_EQ(event.region, "NW");
  EXPECT_EQ(event.city, "Köln");
  EXPECT_EQ(event.session_id, "s");
  EXPECT_EQ(event.previous_id, "p");
  EXPECT_EQ(event.group_id, "g");
  ASSERT_THAT(event.consents, SizeIs(1));
  EXPECT_EQ(event.consents[0].purpose, "ads");
  EXPECT_TRUE(event.consents[0].granted);
  EXPECT_EQ(JsonOf(event.traits, "name"), R"("A\"nn")");
  EXPECT_EQ(JsonOf(event.properties, "n"), R"({"a":[1.5,null],"z":true})");
  EXPECT_EQ(JsonOf(event.properties, "i"), "3");
  EXPECT_THAT(event.properties, SizeIs(2));
}

TEST_F(DecoderTest, TruncatedProtobufIsMalformedOrAPrefix) {
  // Cut between two fields, what is left is a shorter event; cut anywhere else, it is refused.
  const std::string whole = FullProto().SerializeAsString();
  int refused = 0;
  for (size_t size = 1; size < whole.size(); ++size) {
    v1::Event reference;
    const bool readable = reference.ParseFromString(whole.substr(0, size));
    EXPECT_EQ(Failure(absl::string_view(whole).substr(0, size)) == DecodeFailure::kNone, readable)
        << size << " " << detail_;
    refused += !readable;
  }
  EXPECT_GT(refused, 100);
}

TEST_F(DecoderTest, HostileProtobuf) {
  v1::Event proto;
  proto.set_price(std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(std::isnan(One(proto.SerializeAsString()).price.value()));

  proto.Clear();
  proto.set_type(static_cast<v1::EventType>(77));
  EXPECT_EQ(One(proto.SerializeAsString()).type, EventType::kCustom);
  EXPECT_EQ(events_[0].custom_type, "type_77");

  // user_id (field 2) that is not UTF-8.
  EXPECT_EQ(Failure("\x12\x02\xff\xfe"), DecodeFailure::kInvalidUtf8);
  EXPECT_EQ(detail_, "user_id: not UTF-8");
  // No field of Event; field number 0; a group that never ends; words.
  EXPECT_EQ(Failure("\xfa\x01\x01x"), DecodeFailure::kMalformed);
  EXPECT_EQ(Failure(absl::string_view("\x02\x00", 2)), DecodeFailure::kMalformed);
  EXPECT_EQ(Failure(std::string(1000, '\x1b')), DecodeFailure::kMalformed);
  EXPECT_EQ(Failure("hello, world"), DecodeFailure::kMalformed);

  proto.Clear();
  proto.mutable_event_time()->set_seconds(std::numeric_limits<int64_t>::max());
  EXPECT_GT(One(proto.SerializeAsString()).event_time_ms, int64_t{1} << 60);

  google::protobuf::Value deep;
  for (int i = 0; i < 70; ++i) {
    google::protobuf::Value outer;
    *outer.mutable_list_value()->add_values() = deep;
    deep = outer;
  }
  proto.Clear();
  (*proto.mutable_properties()->mutable_fields())["deep"] = deep;
  EXPECT_EQ(Failure(proto.SerializeAsString()), DecodeFailure::kTooDeep);
}

TEST_F(DecoderTest, TextWithoutContentTypeIsTold) {
  EXPECT_EQ(One("\r\n {\"user_id\":\"u\"}").user_id, "u");
  // An event id of 123 bytes makes protobuf begin with a line feed and a brace.
  v1::Event proto;
  proto.set_event_id(std::string(123, 'e'));
  EXPECT_EQ(One(proto.SerializeAsString()).event_id, proto.event_id());
}

TEST_F(DecoderTest, ContentTypeWins) {
  EXPECT_EQ(
      One(R"({"user_id":"u"})", {{"Content-Type", "Application/JSON; charset=utf-8"}}).user_id,
      "u");
  v1::Event proto;
  proto.set_user_id("u");
  const std::string bytes = proto.SerializeAsString();
  for (const char* type : {"application/x-protobuf", "application/protobuf",
                           "application/vnd.google.protobuf;proto=Event"}) {
    EXPECT_EQ(One(bytes, {{"content-type", type}}).user_id, "u") << type;
  }
  EXPECT_EQ(Failure(bytes, {{"content-type", "application/json"}}), DecodeFailure::kMalformed);
  EXPECT_EQ(Failure("{}", {{"content-type", "application/protobuf"}}), DecodeFailure::kMalformed);
  EXPECT_EQ(Failure("{}", {{"content-type", "application/avro"}}),
            DecodeFailure::kUnsupportedFormat);
  EXPECT_EQ(detail_, "content-type application/avro");
}

TEST_F(DecoderTest, ConfluentPrefix) {
  const std::string prefix("\0\0\0\1\7", 5);
  EXPECT_EQ(One(prefix + R"({"user_id":"u"})").user_id, "u");
  v1::Event proto;
  proto.set_user_id("u");
  const std::string bytes = proto.SerializeAsString();
  EXPECT_EQ(One(prefix + std::string(1, '\0') + bytes).user_id, "u");
  EXPECT_EQ(One(prefix + "\x02\x04" + bytes).user_id, "u");
  EXPECT_EQ(One(prefix + "\x02\x04" + bytes, {{"content-type", "application/protobuf"}}).user_id,
            "u");
  EXPECT_EQ(Failure(prefix), DecodeFailure::kMalformed);
  EXPECT_EQ(Failure(prefix + std::string(1, '\0')), DecodeFailure::kEmpty);
}

}  // namespace
}  // namespace kindred::event
