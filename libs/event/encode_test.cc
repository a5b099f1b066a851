#include "event/encode.h"

#include <random>
#include <string>
#include <vector>

#include "event/decoder.h"
#include "event/item_decoder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::event {
namespace {

using ::testing::SizeIs;

// What decoding `bytes` gives, as native JSON; the reason when it gives nothing.
std::string Decoded(const std::string& bytes, Format format) {
  Decoder decoder;
  std::vector<Event> events;
  const DecodeResult result = decoder.Decode({.value = bytes}, &events);
  if (!result.ok()) return result.detail;
  EXPECT_EQ(result.format, format) << bytes;
  EXPECT_THAT(events, SizeIs(1));
  return EncodeJson(events[0]);
}

// Events of every kind that all formats can say, from a seed.
class EventMaker {
 public:
  explicit EventMaker(uint32_t seed) : random_(seed) {}

  Event Make(EventType type) {
    Event event;
    event.event_id = "e-\"1\"";
    event.user_id = Some("u-7");
    event.anonymous_id = Some("a\n1");
    event.type = type;
    if (type == EventType::kCustom) event.custom_type = "Song Played";
    // Milliseconds, also before 1970.
    event.event_time_ms =
        std::uniform_int_distribution<int64_t>(-1'000'000, 2'000'000'000'000)(random_);
    event.item_id = Some("sku-3");
    event.quantity = SomeNumber();
    event.price = SomeNumber();
    event.amount = SomeNumber();
    event.currency = Some("EUR");
    event.order_id = Some("o-5");
    event.rating = type == EventType::kRating ? std::optional<double>(4.5) : SomeNumber();
    event.category = Some("tea & mugs");
    event.brand = Some("Käufer");
    event.title = Some("用户");
    event.query = Some("q");
    event.channel = Some("web");
    event.device = Some("phone");
    event.country = Some("DE");
    event.region = Some("NW");
    event.city = Some("Köln");
    event.session_id = Some("s");
    event.previous_id = Some("p");
    event.group_id = Some("g");
    event.device_id = Some("d");
    event.email_sha256 = Some("e0");
    event.external_id = Some("x");
    if (Coin()) event.traits = {{"name", "\"Ann\""}};
    if (Coin()) event.properties = {{"nested", R"({"a":[1.5,null,"x"],"b":true})"}};
    if (Coin()) event.consents = {{"ads", Coin()}};
    return event;
  }

 private:
  bool Coin() { return random_() % 2 == 0; }
  absl::string_view Some(absl::string_view text) { return Coin() ? text : ""; }
  std::optional<double> SomeNumber() {
    if (Coin()) return std::nullopt;
    return std::uniform_real_distribution<double>(-10, 1e6)(random_);
  }
  std::mt19937 random_;
};

class EncodeTest : public testing::TestWithParam<int> {};

TEST_P(EncodeTest, EveryFormatGivesTheSameEventBack) {
  const EventType type = static_cast<EventType>(GetParam());
  EventMaker maker(GetParam());
  for (int i = 0; i < 200; ++i) {
    Event event = maker.Make(type);
    const std::string json = EncodeJson(event);
    EXPECT_EQ(Decoded(json, Format::kJson), json);
    EXPECT_EQ(Decoded(EncodeProto(event), Format::kProtobuf), json);
    EXPECT_EQ(Decoded(EncodeCloudEvent(event), Format::kCloudEvents), json);
    const absl::StatusOr<std::string> segment = EncodeSegmentJson(event);
    // Segment's calls have no word for these.
    if (type == EventType::kDelete || type == EventType::kUnspecified || type == EventType::kLink ||
        type == EventType::kUnlink) {
      EXPECT_EQ(segment.status().code(), absl::StatusCode::kInvalidArgument);
      continue;
    }
    // These two say which of several Segment events they were.
    if (type == EventType::kCheckout) event.properties.push_back({"action", "\"started\""});
    if (type == EventType::kPromotion) event.properties.push_back({"action", "\"viewed\""});
    ASSERT_TRUE(segment.ok()) << segment.status();
    EXPECT_EQ(Decoded(*segment, Format::kSegmentJson), EncodeJson(event)) << *segment;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, EncodeTest, testing::Range(0, kEventTypes),
                         [](const testing::TestParamInfo<int>& type) {
                           return std::string(EventTypeName(static_cast<EventType>(type.param)));
                         });

TEST(EncodeEventTest, AnEmptyEvent) {
  const Event event;
  EXPECT_EQ(EncodeJson(event), "{}");
  EXPECT_EQ(EncodeProto(event), "");
}

TEST(EncodeEventTest, NumbersOfAnySize) {
  for (const double number : {0.0, -0.0, 0.1, 1e-300, 9007199254740993.0, 9.3e18,
                              -1.8446744073709552e19, 1.7976931348623157e308}) {
    Event event;
    event.type = EventType::kView;
    event.amount = number;
    Decoder decoder;
    std::vector<Event> events;
    const std::string json = EncodeJson(event);
    ASSERT_TRUE(decoder.Decode({.value = json}, &events).ok()) << json;
    EXPECT_EQ(events[0].amount, number) << json;
  }
}

TEST(EncodeItemTest, GivesTheSameItemBack) {
  Item item;
  item.item_id = "i";
  item.title = "Green \"tea\"";
  item.category = "tea";
  item.brand = "b";
  item.price = 9.5;
  item.currency = "EUR";
  item.available = false;
  item.hidden = true;
  item.attributes = {{"colour", "green"}, {"size", "5"}};
  item.embedding = {1.0f, -0.25f};
  item.created_time_ms = 1500;
  const std::string json = EncodeItemJson(item);
  ItemDecoder decoder;
  Item decoded;
  ASSERT_TRUE(decoder.Decode({.value = json}, &decoded).ok());
  EXPECT_EQ(EncodeItemJson(decoded), json);
  EXPECT_EQ(decoded.attributes, item.attributes);
  EXPECT_EQ(decoded.created_time_ms, 1500);
  EXPECT_EQ(EncodeItemJson(Item()), "{}");
}

}  // namespace
}  // namespace kindred::event
