#include "event/item_decoder.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kindred/event/v1/item.pb.h"

namespace kindred::event {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
namespace v1 = kindred::event::v1;

class ItemDecoderTest : public testing::Test {
 protected:
  const Item& One(absl::string_view value, absl::string_view key = "k") {
    const DecodeResult result = decoder_.Decode({.key = key, .value = value}, &item_);
    EXPECT_TRUE(result.ok()) << DecodeFailureName(result.failure) << ": " << result.detail;
    return item_;
  }
  std::string Failure(absl::string_view value, const std::vector<Header>& headers = {},
                      absl::string_view key = "k") {
    const DecodeResult result =
        decoder_.Decode({.key = key, .value = value, .headers = headers}, &item_);
    return absl::StrCat(DecodeFailureName(result.failure), " ", result.detail);
  }

  ItemDecoder decoder_;
  Item item_;
};

TEST_F(ItemDecoderTest, Json) {
  for (const char* value :
       {R"({"item_id":"i","title":"Green tea","category":"tea","brand":"b","price":"9.5",)"
        R"("currency":"EUR","available":false,"hidden":true,"attributes":{"colour":"green"},)"
        R"("embedding":[1,-0.5],"created_time":"1970-01-01T00:00:01Z","size":5.0,"new":true,)"
        R"("nested":{"a":1},"none":null})",
        R"({"itemId":"i","createdTime":1000,"title":"Green tea","category":"tea","brand":"b",)"
        R"("price":9.5,"currency":"EUR","available":"false","hidden":true,"colour":"green",)"
        R"("embedding":[1.0,-5e-1],"size":5,"attributes":{"new":true}})"}) {
    const Item& item = One(value);
    EXPECT_EQ(item.item_id, "i");
    EXPECT_EQ(item.title, "Green tea");
    EXPECT_EQ(item.category, "tea");
    EXPECT_EQ(item.brand, "b");
    EXPECT_EQ(item.price, 9.5);
    EXPECT_EQ(item.currency, "EUR");
    EXPECT_FALSE(item.available);
    EXPECT_TRUE(item.hidden);
    EXPECT_THAT(item.attributes, UnorderedElementsAre(Pair("colour", "green"), Pair("size", "5"),
                                                      Pair("new", "true")));
    EXPECT_THAT(item.embedding, ElementsAre(1.0f, -0.5f));
    EXPECT_EQ(item.created_time_ms, 1000);
  }
}

TEST_F(ItemDecoderTest, Protobuf) {
  v1::Item proto;
  proto.set_item_id("i");
  proto.set_title("Green tea");
  proto.set_category("tea");
  proto.set_brand("b");
  proto.set_price(9.5);
  proto.set_currency("EUR");
  proto.set_available(false);
  proto.set_hidden(true);
  (*proto.mutable_attributes())["colour"] = "green";
  proto.add_embedding(1);
  proto.add_embedding(-0.5);
  proto.mutable_created_time()->set_seconds(1);
  for (const std::string& prefix : {std::string(), std::string("\0\0\0\1\7\0", 6)}) {
    const Item& item = One(prefix + proto.SerializeAsString());
    EXPECT_EQ(item.item_id, "i");
    EXPECT_EQ(item.title, "Green tea");
    EXPECT_EQ(item.category, "tea");
    EXPECT_EQ(item.brand, "b");
    EXPECT_EQ(item.price, 9.5);
    EXPECT_EQ(item.currency, "EUR");
    EXPECT_FALSE(item.available);
    EXPECT_TRUE(item.hidden);
    EXPECT_THAT(item.attributes, ElementsAre(Pair("colour", "green")));
    EXPECT_THAT(item.embedding, ElementsAre(1.0f, -0.5f));
    EXPECT_EQ(item.created_time_ms, 1000);
  }
  const std::string whole = proto.SerializeAsString();
  for (size_t size = 1; size < whole.size(); ++size) {
    v1::Item reference;
    const bool readable = reference.ParseFromString(whole.substr(0, size));
    EXPECT_EQ(Failure(absl::string_view(whole).substr(0, size)) == "none ", readable) << size;
  }
}

TEST_F(ItemDecoderTest, TheKeyIsTheIdWhereTheRecordHasNone) {
  EXPECT_EQ(One(R"({"title":"t"})").item_id, "k");
  EXPECT_TRUE(One(R"({"title":"t"})").available);
  EXPECT_EQ(One(R"({"item_id":7})").item_id, "7");
  EXPECT_EQ(Failure(R"({"title":"t"})", {}, ""), "malformed an item without item_id and key");
  EXPECT_EQ(Failure(R"({"title":"t"})", {}, "\xff"), "invalid_utf8 the key: not UTF-8");
  EXPECT_EQ(Failure(R"({"title":"t"})", {}, std::string(257, 'k')),
            "too_large item_id: 257 bytes, at most 256");
}

TEST_F(ItemDecoderTest, Refused) {
  EXPECT_EQ(Failure(""), "empty no bytes");
  EXPECT_THAT(Failure("{"), HasSubstr("malformed"));
  EXPECT_THAT(Failure("hello"), HasSubstr("malformed"));
  EXPECT_THAT(Failure(std::string(2 << 20, ' ')), HasSubstr("too_large"));
  EXPECT_THAT(Failure(R"({"price":-1})"), HasSubstr("wrong_type price: expected a number of 0"));
  EXPECT_THAT(Failure(R"({"price":"NaN"})"), HasSubstr("wrong_type price"));
  EXPECT_THAT(Failure(R"({"available":"yes"})"), HasSubstr("wrong_type available"));
  EXPECT_THAT(Failure(R"({"embedding":[1,"2"]})"), HasSubstr("wrong_type embedding"));
  EXPECT_THAT(Failure(R"({"embedding":[1e300]})"), HasSubstr("wrong_type embedding"));
  EXPECT_THAT(Failure(R"({"embedding":{}})"), HasSubstr("wrong_type embedding"));
  EXPECT_THAT(Failure("{}", {{"content-type", "application/cloudevents+json"}}),
              HasSubstr("unsupported_format"));
  EXPECT_THAT(Failure("\x12\x01\xff"), HasSubstr("invalid_utf8 title"));
  v1::Item proto;
  proto.set_price(std::numeric_limits<double>::infinity());
  EXPECT_THAT(Failure(proto.SerializeAsString()), HasSubstr("wrong_type price"));
  std::string attributes = "\"a\":1";
  for (int i = 0; i < 300; ++i) absl::StrAppend(&attributes, ",\"a\":1");
  EXPECT_EQ(Failure(absl::StrCat("{", attributes, "}")), "too_large attributes: 301, at most 256");
  proto.Clear();
  for (int i = 0; i < 5000; ++i) proto.add_embedding(1);
  EXPECT_EQ(Failure(proto.SerializeAsString()), "too_large embedding: 5000, at most 4096");
}

}  // namespace
}  // namespace kindred::event
