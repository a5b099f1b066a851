// Calls of the Segment specification, through the decoder as they come from the log.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "event/decoder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred::event {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int64_t kTime = 1795341600000;  // 2026-11-22T10:00:00Z

class SegmentTest : public testing::Test {
 protected:
  const std::vector<Event>& All(absl::string_view value, Format format = Format::kSegmentJson) {
    value_ = std::string(value);
    const DecodeResult result = decoder_.Decode({.value = value_}, &events_);
    EXPECT_TRUE(result.ok()) << DecodeFailureName(result.failure) << ": " << result.detail;
    EXPECT_EQ(result.format, format) << value;
    if (events_.empty()) events_.resize(1);
    return events_;
  }
  const Event& One(absl::string_view value, Format format = Format::kSegmentJson) {
    EXPECT_THAT(All(value, format), SizeIs(1));
    return events_[0];
  }
  // A track call of that name.
  const Event& Track(absl::string_view name, absl::string_view properties) {
    return One(absl::Substitute(R"({"type":"track","messageId":"m","event":"$0","properties":$1})",
                                name, properties));
  }

  Decoder decoder_;
  std::vector<Event> events_;
  std::string value_;
};

std::string JsonOf(const std::vector<JsonField>& fields, absl::string_view name) {
  std::string result = "absent";
  for (const JsonField& field : fields) {
    if (field.name == name) result = std::string(field.json);
  }
  return result;
}

TEST_F(SegmentTest, AnOrderBecomesOnePurchaseForEachProduct) {
  const std::vector<Event>& lines = All(
      R"({"type":"track","messageId":"m-1","userId":"u","anonymousId":"a","event":"Order Completed",)"
      R"("timestamp":"2026-11-22T10:00:00Z","context":{"ip":"10.0.0.1","traits":{"name":"Ann"}},)"
      R"("properties":{"order_id":"o-1","total":30,"currency":"EUR","coupon":"c","products":[)"
      R"({"product_id":"p1","price":9.95,"quantity":2,"category":"tea","brand":"b","name":"Green"},)"
      R"({"sku":"s2","price":"5.10","quantity":1,"currency":"CHF","variant":"xl"},)"
      R"({"product_id":3,"sku":"s3","price":5}]}})");
  ASSERT_THAT(lines, SizeIs(3));
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(lines[i].type, EventType::kPurchase);
    EXPECT_EQ(lines[i].event_id, absl::StrCat("m-1#", i));
    EXPECT_EQ(lines[i].line, i);
    EXPECT_EQ(lines[i].lines, 3u);
    EXPECT_EQ(lines[i].user_id, "u");
    EXPECT_EQ(lines[i].anonymous_id, "a");
    EXPECT_EQ(lines[i].order_id, "o-1");
    EXPECT_EQ(lines[i].event_time_ms, kTime);
    EXPECT_EQ(lines[i].amount, std::nullopt) << "the order's total is not a line's";
    EXPECT_EQ(lines[i].currency, i == 1 ? "CHF" : "EUR");
    EXPECT_THAT(lines[i].traits, SizeIs(i == 0 ? 1 : 0));
  }
  EXPECT_EQ(lines[0].item_id, "p1");
  EXPECT_EQ(lines[0].price, 9.95);
  EXPECT_EQ(lines[0].quantity, 2);
  EXPECT_EQ(lines[0].category, "tea");
  EXPECT_EQ(lines[0].brand, "b");
  EXPECT_EQ(lines[0].title, "Green");
  EXPECT_EQ(JsonOf(lines[0].properties, "coupon"), "\"c\"");
  EXPECT_EQ(lines[1].item_id, "s2");
  EXPECT_EQ(lines[1].price, 5.10);
  EXPECT_EQ(JsonOf(lines[1].properties, "coupon"), "absent");
  EXPECT_EQ(JsonOf(lines[1].properties, "variant"), "\"xl\"");
  EXPECT_EQ(lines[1].category, "");
  EXPECT_EQ(lines[2].item_id, "3");
  EXPECT_EQ(JsonOf(lines[2].properties, "sku"), "\"s3\"");
}

TEST_F(SegmentTest, AnOrderOfOneProductKeepsItsId) {
  const Event& event = Track("Order Completed", R"({"products":[{"product_id":"p"}]})");
  EXPECT_EQ(event.event_id, "m");
  EXPECT_EQ(event.type, EventType::kPurchase);
  EXPECT_EQ(event.item_id, "p");
}

TEST_F(SegmentTest, OrdersAndRefundsWithoutProducts) {
  const Event& order = Track("Order Completed", R"({"order_id":"o","revenue":25,"products":[]})");
  EXPECT_EQ(order.type, EventType::kCustom);
  EXPECT_EQ(order.custom_type, "Order Completed");
  EXPECT_EQ(order.amount, 25);
  const Event& refund = Track("Order Refunded", R"({"order_id":"o","total":25,"value":7})");
  EXPECT_EQ(refund.type, EventType::kRefund);
  EXPECT_EQ(refund.amount, 25);
  EXPECT_EQ(refund.order_id, "o");
  EXPECT_EQ(Track("Order Refunded", R"({"products":[{"product_id":"p"}]})").item_id, "p");
}

TEST_F(SegmentTest, EveryEventOfTheEcommerceSpecification) {
  const std::pair<const char*, EventType> cases[] = {
      {"Products Searched", EventType::kSearch},
      {"Promotion Viewed", EventType::kPromotion},
      {"Promotion Clicked", EventType::kPromotion},
      {"Product Clicked", EventType::kClick},
      {"Product Viewed", EventType::kView},
      {"product_viewed", EventType::kView},
      {"Product Added", EventType::kAddToCart},
      {"Product Removed", EventType::kRemoveFromCart},
      {"Cart Viewed", EventType::kCheckout},
      {"Checkout Started", EventType::kCheckout},
      {"Checkout Step Viewed", EventType::kCheckout},
      {"Checkout Step Completed", EventType::kCheckout},
      {"Payment Info Entered", EventType::kCheckout},
      {"Order Updated", EventType::kCustom},
      {"Order Cancelled", EventType::kRefund},
      {"Coupon Applied", EventType::kCustom},
      {"Product Added to Wishlist", EventType::kWishlist},
      {"Product Removed from Wishlist", EventType::kCustom},
      {"Wishlist Product Added to Cart", EventType::kAddToCart},
      {"Product Shared", EventType::kShare},
      {"Cart Shared", EventType::kShare},
      {"Product Reviewed", EventType::kRating},
      {"Delete", EventType::kCustom},
  };
  for (const auto& [name, type] : cases) {
    const Event& event = Track(name, R"({"product_id":"p","rating":4,"query":"q"})");
    EXPECT_EQ(event.type, type) << name;
    EXPECT_EQ(event.custom_type, type == EventType::kCustom ? name : "") << name;
    EXPECT_EQ(event.item_id, "p") << name;
    EXPECT_EQ(event.rating, 4) << name;
    EXPECT_EQ(event.query, "q") << name;
  }
  EXPECT_EQ(JsonOf(Track("Promotion Clicked", "{}").properties, "action"), "\"clicked\"");
  EXPECT_EQ(Track("Product Reviewed", R"({"product_id":"p"})").type, EventType::kCustom);
}

TEST_F(SegmentTest, ListsBecomeImpressions) {
  for (const char* name : {"Product List Viewed", "Product List Filtered"}) {
    const std::vector<Event>& events = All(absl::Substitute(
        R"({"type":"track","messageId":"m","event":"$0","properties":{"category":"tea",)"
        R"("products":[{"product_id":"1"},{"product_id":"2","category":"mugs"}]}})",
        name));
    ASSERT_THAT(events, SizeIs(2));
    EXPECT_EQ(events[0].type, EventType::kImpression);
    EXPECT_EQ(events[0].category, "tea");
    EXPECT_EQ(events[1].category, "mugs");
  }
  EXPECT_EQ(Track("Product List Viewed", R"({"category":"tea"})").type, EventType::kCustom);
}

TEST_F(SegmentTest, ClockSkewIsTakenOut) {
  const auto time = [&](absl::string_view fields) {
    return One(absl::StrCat(R"({"type":"track","event":"x",)", fields, "}")).event_time_ms;
  };
  // The device is an hour ahead and sent the event a minute after it happened.
  constexpr absl::string_view kDevice =
      R"("originalTimestamp":"2026-11-22T10:59:00Z","sentAt":"2026-11-22T11:00:00Z")";
  constexpr absl::string_view kReceived = R"("receivedAt":"2026-11-22T10:01:00Z")";
  EXPECT_EQ(time(absl::StrCat(kDevice, ",", kReceived)), kTime);
  EXPECT_EQ(time(absl::StrCat(kDevice, ",", kReceived, R"(,"timestamp":5)")), 5);
  EXPECT_EQ(time(kDevice), kTime + 59 * 60'000);
  EXPECT_EQ(time(kReceived), kTime + 60'000);
  EXPECT_EQ(time(R"("context":{})"), std::nullopt);
  EXPECT_EQ(time(R"("originalTimestamp":-9223372036854775808,"sentAt":9223372036854775807,)"
                 R"("receivedAt":0)"),
            INT64_MIN);
}

TEST_F(SegmentTest, CallsAboutPeople) {
  const Event& identify =
      One(R"({"type":"identify","messageId":"m","userId":"u","anonymousId":"a",)"
          R"("context":{"traits":{"plan":"free"}},"traits":{"email":"a@b.c","age":30}})");
  EXPECT_EQ(identify.type, EventType::kIdentify);
  EXPECT_THAT(identify.traits, SizeIs(3));
  EXPECT_EQ(JsonOf(identify.traits, "email"), "\"a@b.c\"");

  const Event& alias = One(R"({"type":"alias","sentAt":1,"userId":"u","previousId":"old"})");
  EXPECT_EQ(alias.type, EventType::kAlias);
  EXPECT_EQ(alias.previous_id, "old");

  const Event& group =
      One(R"({"type":"group","messageId":"m","userId":"u","groupId":"g","traits":{"size":5}})");
  EXPECT_EQ(group.type, EventType::kGroup);
  EXPECT_EQ(group.group_id, "g");
  EXPECT_TRUE(group.traits.empty());
  EXPECT_EQ(JsonOf(group.properties, "size"), "5");

  const Event& page = One(R"({"type":"page","messageId":"m","name":"Home","category":"Docs",)"
                          R"("properties":{"url":"https://a.b/","title":"Start"}})");
  EXPECT_EQ(page.type, EventType::kPage);
  EXPECT_EQ(page.title, "Start");
  EXPECT_EQ(page.category, "Docs");
  EXPECT_EQ(JsonOf(page.properties, "url"), "\"https://a.b/\"");
  EXPECT_EQ(One(R"({"type":"screen","messageId":"m","name":"Home"})").title, "Home");
}

TEST_F(SegmentTest, Context) {
  const Event& event = One(
      R"({"type":"track","event":"Product Viewed","context":{"ip":"10.0.0.1","locale":"de-DE",)"
      R"("device":{"type":"phone","id":"x"},"app":{"name":"shop"},"library":{"name":"analytics.js"},)"
      R"("location":{"country":"DE","region":"NW","city":"Bonn"},"sessionId":77,)"
      R"("campaign":{"source":"mail"},"userAgent":"x"},"properties":{"product_id":"p"}})");
  EXPECT_EQ(event.device, "phone");
  EXPECT_EQ(event.channel, "web");
  EXPECT_EQ(event.country, "DE");
  EXPECT_EQ(event.region, "NW");
  EXPECT_EQ(event.city, "Bonn");
  EXPECT_EQ(event.session_id, "77");
  EXPECT_EQ(JsonOf(event.properties, "locale"), "\"de-DE\"");
  EXPECT_EQ(JsonOf(event.properties, "campaign"), R"({"source":"mail"})");
  EXPECT_THAT(event.properties, SizeIs(2)) << "no ip, no user agent";

  const auto channel = [&](absl::string_view fields) {
    return std::string(One(absl::StrCat(R"({"type":"track","event":"x",)", fields, "}")).channel);
  };
  EXPECT_EQ(channel(R"("context":{"library":{"name":"analytics-ios"}})"), "app");
  EXPECT_EQ(channel(R"("context":{"library":{"name":"analytics-python"}})"), "");
  EXPECT_EQ(channel(R"("context":{"app":{}})"), "app");
  EXPECT_EQ(channel(R"("channel":"server")"), "api");
  EXPECT_EQ(channel(R"("channel":"store","context":{"app":{}})"), "store");
}

TEST_F(SegmentTest, Consent) {
  const Event& event =
      One(R"({"type":"track","event":"Segment Consent Preference Updated","messageId":"m",)"
          R"("context":{"consent":{"categoryPreferences":{"marketing":true,"ads":false}}}})");
  EXPECT_EQ(event.type, EventType::kConsent);
  ASSERT_THAT(event.consents, SizeIs(2));
  EXPECT_EQ(event.consents[1].purpose, "ads");
  EXPECT_FALSE(event.consents[1].granted);
}

TEST_F(SegmentTest, NativeEventsOfTheSameTypesStayNative) {
  // snake_case, and names that only native events have.
  EXPECT_EQ(One(R"({"type":"identify","user_id":"u","context":"x"})", Format::kJson).user_id, "u");
  EXPECT_EQ(One(R"({"type":"page","userId":"u","eventTime":1,"context":"x"})", Format::kJson)
                .event_time_ms,
            1);
  EXPECT_EQ(One(R"({"eventId":"e","type":"alias","userId":"u","previousId":"p"})", Format::kJson)
                .event_id,
            "e");
  // Neither kind of name: reads the same either way.
  EXPECT_EQ(One(R"({"type":"group","userId":"u","groupId":"g"})", Format::kJson).group_id, "g");
  // A type of the shop's own.
  EXPECT_EQ(One(R"({"type":"track","user_id":"u","event":"x"})", Format::kJson).custom_type,
            "track");
  // The keys that decide come last.
  EXPECT_EQ(One(R"({"userId":"u","type":"page","messageId":"m"})").event_id, "m");
}

TEST_F(SegmentTest, WrongTypesAndTooManyProducts) {
  const auto failure = [&](absl::string_view properties) {
    value_ =
        absl::StrCat(R"({"type":"track","event":"Order Completed","properties":)", properties, "}");
    const DecodeResult result = decoder_.Decode({.value = value_}, &events_);
    EXPECT_TRUE(events_.empty());
    return absl::StrCat(DecodeFailureName(result.failure), " ", result.detail);
  };
  EXPECT_THAT(failure(R"({"products":{}})"), HasSubstr("wrong_type products: expected an array"));
  EXPECT_THAT(failure(R"({"products":[1]})"), HasSubstr("wrong_type products: expected objects"));
  EXPECT_THAT(failure(R"({"products":[{"price":[]}]})"), HasSubstr("wrong_type price"));
  EXPECT_THAT(failure("5"), HasSubstr("wrong_type properties: expected an object"));
  std::string products = "{}";
  for (int i = 0; i < 1000; ++i) products += ",{}";
  EXPECT_THAT(failure(absl::Substitute(R"({"products":[$0]})", products)),
              HasSubstr("too_many_events products: 1001"));
}

}  // namespace
}  // namespace kindred::event
