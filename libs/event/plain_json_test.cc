#include "event/plain_json.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/check.h"
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
  // Whether the text is plain; if so it must be what the parser for all of JSON makes of it. The
  // records before, whose order of fields is remembered, make no difference.
  bool Plain(const std::string& text) {
    // A copy of its own, so that a read past the end is found.
    const std::vector<char> bytes(text.begin(), text.end());
    Event event;
    context_.arena.Reset();
    const bool plain = DecodePlainJson(context_, {bytes.data(), bytes.size()}, &event);
    DecodeContext first;
    Event event_of_first;
    EXPECT_EQ(DecodePlainJson(first, text, &event_of_first), plain) << text;
    if (!plain) return false;
    EXPECT_EQ(Everything(event), Everything(event_of_first)) << text;
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

// Fields in any order, some of them twice, with and without spaces.
std::string RandomRecord(std::mt19937* random) {
  constexpr absl::string_view kFields[] = {
      R"("event_id"~:~"e-1")",
      R"("eventId"~:~7)",
      R"("user_id"~:~"u-1")",
      R"("userId"~:~null)",
      R"("type"~:~"view")",
      R"("type"~:~"add_to_cart")",
      R"("type"~:~"identify")",
      R"("event_time"~:~"2026-11-22T10:00:00.250Z")",
      R"("eventTime"~:~1795341600250)",
      R"("price"~:~12.34)",
      R"("price"~:~"")",
      R"("quantity"~:~-3)",
      R"("category"~:~"tea")",
      R"("title"~:~"绿茶")",
      R"("user_pseudo_id"~:~"p-1")",
      R"("device"~:~"mobile")",
      R"("geo"~:~{~"country"~:~"DE"~,~"city"~:~"Berlin"~})",
      R"("geo"~:~{~"title"~:~"not of it"~,~"region"~:~"B"~,~"country"~:~null~})",
      R"("geo"~:~{~})",
      R"("country"~:~"CN")",
      R"("session_id"~:~"s-123456")",
      R"("properties"~:~{~"price"~:~1.50~,~"group_id"~:~"g"~,~"n"~:~7~})",
      R"("traits"~:~{~"country"~:~"FR"~,~"age"~:~41~})",
      R"("unknown"~:~"to the table")",
      R"("item_i"~:~"one byte short")",
      R"("item_id"~:~"sku-000001")",
      R"("item_idx"~:~"one byte long")",
  };
  const char* const spaces = (*random)() % 2 == 0 ? "" : " \n";
  std::string text = "{~";
  const size_t count = (*random)() % 9;
  for (size_t i = 0; i < count; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : "~,~", kFields[(*random)() % std::size(kFields)]);
  }
  text += "~}~";
  return absl::StrReplaceAll(text, {{"~", spaces}});
}

TEST_F(PlainJsonTest, OrderOfFieldsIsOfNoAccount) {
  std::mt19937 random(3);
  int plain = 0;
  for (int i = 0; i < 100'000; ++i) plain += Plain(RandomRecord(&random)) ? 1 : 0;
  // The rest may be Segment calls.
  EXPECT_GT(plain, 80'000);
}

TEST_F(PlainJsonTest, GeoHasThreeNames) {
  DecodeContext context;
  // The second time all names but the first are guessed.
  for (int i = 0; i < 2; ++i) {
    Event event;
    ASSERT_TRUE(DecodePlainJson(
        context,
        R"({"title":"t","geo":{"title":"x","country":"DE","user_id":"x","city":"B"},"user_id":"u"})",
        &event));
    EXPECT_EQ(event.title, "t");
    EXPECT_EQ(event.country, "DE");
    EXPECT_EQ(event.city, "B");
    EXPECT_EQ(event.user_id, "u");
  }
}

TEST_F(PlainJsonTest, EveryByteAtEveryPlaceOfAText) {
  for (size_t size = 1; size <= 35; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string value(size, 'v');
        value[at] = static_cast<char>(byte);
        const bool ordinary = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
        EXPECT_EQ(Plain(absl::StrCat(R"({"title":")", value, R"("})")), ordinary) << value;
        if (size % 8 != 0) continue;  // fewer do for names
        EXPECT_EQ(Plain(absl::StrCat("{\"", value, R"(":1})")), ordinary) << value;
      }
    }
  }
}

TEST_F(PlainJsonTest, TextsOfEveryLengthAtEveryPlace) {
  for (size_t before = 0; before <= 17; ++before) {
    for (size_t size = 0; size <= 70; ++size) {
      for (const absl::string_view letter : {"v", "ü", "绿"}) {
        std::string value;
        while (value.size() < size) absl::StrAppend(&value, letter);
        for (const absl::string_view after : {"}", ",\"a\":1}", "}   ", "}                 "}) {
          EXPECT_TRUE(
              Plain(absl::StrCat(std::string(before, ' '), R"({"title":")", value, "\"", after)));
        }
      }
    }
  }
}

// Text with memory on both sides that nobody may touch, also without a sanitizer.
class Fenced {
 public:
  Fenced() {
    void* memory = mmap(nullptr, 3 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    KINDRED_CHECK(memory != MAP_FAILED);
    page_ = static_cast<char*>(memory) + kPage;
    KINDRED_CHECK(mprotect(page_, kPage, PROT_READ | PROT_WRITE) == 0);
  }
  ~Fenced() { munmap(page_ - kPage, 3 * kPage); }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;

  absl::string_view AtStart(absl::string_view text) { return At(page_, text); }
  absl::string_view AtEnd(absl::string_view text) { return At(page_ + kPage - text.size(), text); }

 private:
  static constexpr size_t kPage = 4096;

  static absl::string_view At(char* to, absl::string_view text) {
    std::copy(text.begin(), text.end(), to);
    return {to, text.size()};
  }

  char* page_ = nullptr;
};

TEST_F(PlainJsonTest, NothingAroundTheTextIsRead) {
  Fenced fenced;
  DecodeContext context;
  const auto decode = [&](const std::string& text) {
    for (const absl::string_view placed : {fenced.AtStart(text), fenced.AtEnd(text)}) {
      Event event;
      context.arena.Reset();
      DecodePlainJson(context, placed, &event);
    }
  };
  std::mt19937 random(5);
  for (int i = 0; i < 300; ++i) {
    const std::string text = i < 6 ? std::string(kSeeds[i]) : RandomRecord(&random);
    for (size_t size = 0; size <= text.size(); ++size) {
      const std::string begin = text.substr(0, size);
      for (const absl::string_view end :
           {"", "}", "}}", "\"}", "1}", "-}", ":}", ",}", " }", "{}"}) {
        decode(absl::StrCat(begin, end));
      }
    }
  }
}

TEST(EventTest, ClearLeavesNothing) {
  DecodeContext context;
  Event event;
  for (const char* const seed : kSeeds) {
    ASSERT_TRUE(DecodePlainJson(context, seed, &event));
  }
  event.consents.push_back({"marketing", true});
  event.line = 3;
  event.lines = 4;
  ASSERT_NE(Everything(event), Everything(Event()));
  const size_t capacity = event.properties.capacity();
  ASSERT_GT(capacity, 0u);
  event.Clear();
  EXPECT_EQ(Everything(event), Everything(Event()));
  EXPECT_EQ(event.line, 0u);
  EXPECT_EQ(event.lines, 1u);
  EXPECT_EQ(event.properties.capacity(), capacity);
}

}  // namespace
}  // namespace kindred::event
