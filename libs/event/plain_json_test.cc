#include "event/plain_json.h"

#include <bit>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "event/encode.h"
#include "event/json_parser.h"
#include "event/native_json.h"
#include "gtest/gtest.h"

namespace kindred::event {
namespace {

std::string NumberText(const std::optional<double>& number) {
  // By its bits: a zero has a sign.
  return number.has_value() ? absl::StrCat(std::bit_cast<uint64_t>(*number)) : "none";
}

std::string FieldsText(const std::vector<JsonField>& fields) {
  std::string text;
  for (const JsonField& field : fields) absl::StrAppend(&text, field.name, "=", field.json, "\n");
  return text;
}

// All that an event says; unlike EncodeJson() also what it would leave out or join.
std::string Everything(const Event& event) {
  std::string text = absl::StrCat(EventTypeName(event.type), "\n");
  for (const absl::string_view field :
       {event.event_id,     event.user_id,     event.anonymous_id, event.custom_type,
        event.item_id,      event.currency,    event.order_id,     event.category,
        event.brand,        event.title,       event.query,        event.channel,
        event.device,       event.country,     event.region,       event.city,
        event.session_id,   event.previous_id, event.group_id,     event.device_id,
        event.email_sha256, event.external_id}) {
    absl::StrAppend(&text, "[", field, "]\n");
  }
  for (const std::optional<double>& number :
       {event.quantity, event.price, event.amount, event.rating}) {
    absl::StrAppend(&text, NumberText(number), "\n");
  }
  absl::StrAppend(&text, event.event_time_ms.has_value() ? absl::StrCat(*event.event_time_ms) : "-",
                  "\n", FieldsText(event.traits), FieldsText(event.properties));
  for (const ConsentChange& consent : event.consents) {
    absl::StrAppend(&text, consent.purpose, consent.granted);
  }
  return text;
}

class PlainJsonTest : public ::testing::Test {
 protected:
  // Whether the text is plain; if so it must be what the parser for all of JSON makes of it.
  bool Plain(const std::string& text) {
    // A copy of its own, so that a read past the end is found.
    const std::vector<char> bytes(text.begin(), text.end());
    Event event;
    context_.arena.Reset();
    if (!DecodePlainJson(context_, {bytes.data(), bytes.size()}, &event)) return false;
    dom::object object;
    Event expected;
    EXPECT_TRUE(parser_.Parse(other_context_, text, &object)) << text;
    other_context_.arena.Reset();
    EXPECT_EQ(DecodeNativeJson(other_context_, object, false, &expected), NativeOutcome::kDone)
        << text;
    EXPECT_EQ(Everything(event), Everything(expected)) << text;
    return true;
  }

 private:
  JsonParser parser_{64};
  DecodeContext context_;
  DecodeContext other_context_;
};

const char* const kSeeds[] = {
    R"({"event_id":"9b2f6c1e-77d0","user_id":"u-1","type":"purchase","event_time":)"
    R"("2026-11-22T10:00:00.250Z","item_id":"sku-7","quantity":2,"price":9.95,"currency":"EUR",)"
    R"("order_id":"o-55","category":"tea","channel":"web","geo":{"country":"DE","city":"Köln"}})",
    R"({ "userId" : 7, "type":"view", "eventTime": 1795341600250, "itemId":"sku-0000347",
        "properties":{"utm":"mail","n":1.50,"big":123456789012345678,"on":true,"off":null}})",
    R"({"anonymous_id":"a","type":"search","query":"grüner tee 绿茶","traits":{"age":41,"vip":false},)"
    R"("extra":"a text that is longer than sixteen bytes","rating":4.5,"amount":-0.07,"x":-0.0})",
    R"({"user_id":"","type":"somethingElse","custom_type":"mine","price":"","event_time":"",)"
    R"("geo":null,"title":null,"group_id":"g","properties":{"group_id":"h","groupId":3}})",
    "{}",
    " {\n} ",
};

TEST_F(PlainJsonTest, WhatProducersSendIsPlain) {
  for (const char* const seed : kSeeds) EXPECT_TRUE(Plain(seed)) << seed;
  Event event;
  event.event_id = "e";
  event.user_id = "u";
  event.type = EventType::kAddToCart;
  event.event_time_ms = 1'795'341'600'250;
  event.item_id = "i";
  event.price = 12.3456;
  event.country = "CN";
  EXPECT_TRUE(Plain(EncodeJson(event)));
}

TEST_F(PlainJsonTest, NumbersAreTheNearestDoubles) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const int digits = static_cast<int>(random() % 14) + 1;
    uint64_t limit = 1;
    for (int d = 0; d < digits; ++d) limit *= 10;
    const std::string whole = absl::StrCat(random() % 2 == 0 ? "-" : "", random() % limit);
    const std::string number =
        random() % 4 == 0 ? whole : absl::StrCat(whole, ".", random() % 10, random() % 10'000);
    Plain(absl::StrCat(R"({"price":)", number, R"(,"p":)", number, "}"));
  }
  for (const char* const number : {"0", "0.1", "-1", "999999999999999", "0.00000000000001",
                                   "123456789012345678", "-123456789012345678", "-0.0"}) {
    EXPECT_TRUE(Plain(absl::StrCat(R"({"price":)", number, R"(,"p":)", number, "}"))) << number;
  }
}

TEST_F(PlainJsonTest, AllElseIsLeftToTheParser) {
  for (const char* const text : {
           "",
           " ",
           "{",
           "}",
           "[]",
           "{}x",
           "{} {}",
           "{,}",
           R"({"a"})",
           R"({"a":})",
           R"({"a":1,})",
           R"({"a":1 "b":2})",
           R"({a:1})",
           R"({"a":"b)",
           R"({"a":"b\n"})",
           "{\"a\":\"b\nc\"}",
           R"({"a\u0062":1})",
           R"({"ä":1})",
           "{\"a\":\"\xff\"}",
           R"({"a":[1]})",
           R"({"a":{"b":1}})",
           R"({"a":01})",
           R"({"a":-})",
           R"({"a":1.})",
           R"({"a":.5})",
           R"({"a":+1})",
           R"({"a":1e3})",
           R"({"a":-0})",
           R"({"a":1234567890123456789})",
           R"({"a":1234567890.1234567})",
           R"({"a":tru})",
           R"({"a":nul})",
           R"({"a":truex})",
           R"({"a":nan})",
           R"({"a":1x})",
           R"({"user_id":1.5})",
           R"({"user_id":true})",
           R"({"price":"9.95"})",
           R"({"price":true})",
           R"({"event_time":"yesterday"})",
           R"({"event_time":1.5})",
           R"({"type":1})",
           R"({"type":"track","event":"Product Viewed"})",
           R"({"type":"alias"})",
           R"({"specversion":"1.0"})",
           R"({"specversion":null})",
           R"({"consent":{"m":true}})",
           R"({"userInfo":{"userId":"u"}})",
           R"({"geo":{"country":{"a":1}}})",
           R"({"geo":"DE"})",
           R"({"properties":{"a":{"b":1}}})",
           R"({"traits":[]})",
           R"({"geo":{"country":1}})",
       }) {
    EXPECT_FALSE(Plain(text)) << text;
  }
}

TEST_F(PlainJsonTest, WhateverIsPlainIsReadAsTheParserReadsIt) {
  std::mt19937 random(7);
  constexpr absl::string_view kBytes = "{}[]\",:\\ 0123456789.-eEtruefalsn\n\x01\x7f\x80\xc3\xa4";
  int plain = 0;
  for (int i = 0; i < 300'000; ++i) {
    std::string text = kSeeds[random() % std::size(kSeeds)];
    const unsigned edits = random() % 3 + 1;
    for (unsigned e = 0; e < edits && !text.empty(); ++e) {
      const size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = kBytes[random() % kBytes.size()];
          break;
        case 1:
          text.erase(at, random() % 8 + 1);
          break;
        case 2:
          text.insert(at, 1, kBytes[random() % kBytes.size()]);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 24));
      }
    }
    plain += Plain(text) ? 1 : 0;
  }
  EXPECT_GT(plain, 30'000) << "edits leave too little to compare";
}

}  // namespace
}  // namespace kindred::event
