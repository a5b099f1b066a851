#include "event/field_order.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "event/native_field.h"
#include "event/quoted_name.h"
#include "gtest/gtest.h"

namespace kindred::event {
namespace {

// With enough behind it to be compared.
std::string Padded(absl::string_view text, char with = ' ') {
  return absl::StrCat(text, std::string(QuotedName::kBytes, with));
}

std::string Quoted(absl::string_view name) { return absl::StrCat("\"", name, "\":"); }

TEST(QuotedNameTest, IsWhereItsBytesAre) {
  for (size_t size = 0; size <= 13; ++size) {
    const std::string name(size, 'n');
    const QuotedName quoted(name);
    ASSERT_EQ(quoted.size(), size + 3);
    std::string text = Padded(Quoted(name));
    EXPECT_TRUE(quoted.IsAt(text.data())) << text;
    for (size_t at = 0; at < text.size(); ++at) {
      const char was = text[at];
      text[at] = '#';
      EXPECT_EQ(quoted.IsAt(text.data()), at >= quoted.size()) << text;
      text[at] = was;
    }
    EXPECT_FALSE(quoted.IsAt(Padded(Quoted(name + "n")).data()));
    EXPECT_FALSE(quoted.IsAt(Padded(absl::StrCat("\"", name, "\" :")).data()));
  }
}

TEST(QuotedNameTest, NoTextIsNone) {
  const QuotedName none;
  const std::string name(14, 'n');
  const QuotedName too_long(name);
  EXPECT_EQ(too_long.size(), 0u);
  for (const QuotedName& quoted : {none, too_long}) {
    EXPECT_FALSE(quoted.IsAt(std::string(QuotedName::kBytes, '\0').data()));
    EXPECT_FALSE(quoted.IsAt(Padded(Quoted(name)).data()));
    EXPECT_FALSE(quoted.IsAt(Padded("").data()));
  }
}

class FieldOrderTest : public ::testing::Test {
 protected:
  const NativeField& Field(absl::string_view name) {
    const NativeField* field = fields_.Find(name);
    EXPECT_NE(field, nullptr) << name;
    return *field;
  }
  // What is guessed for a text of that name; `before` is left as it is.
  const NativeField* Guess(uint8_t before, absl::string_view name) {
    uint8_t at = before;
    const NativeField* field = order_.Guess(fields_, &at, Padded(Quoted(name)).data());
    EXPECT_EQ(at, field == nullptr ? before : field->index) << name;
    return field;
  }

  const NativeFieldTable& fields_ = NativeFields();
  FieldOrder order_;
};

TEST_F(FieldOrderTest, NothingIsGuessedBeforeItWasSeen) {
  for (const char* const name : {"event_id", "user_id", "type", "geo", "", "none"}) {
    EXPECT_EQ(Guess(FieldOrder::kRecord, name), nullptr) << name;
    EXPECT_EQ(Guess(FieldOrder::kGeo, name), nullptr) << name;
    EXPECT_EQ(Guess(Field("type").index, name), nullptr) << name;
  }
}

TEST_F(FieldOrderTest, GuessesTheLastTwoThatFollowed) {
  const uint8_t price = Field("price").index;
  const auto learn = [&](absl::string_view name) { order_.Learn(price, Field(name)); };
  learn("quantity");
  EXPECT_EQ(Guess(price, "quantity"), &Field("quantity"));
  EXPECT_EQ(Guess(price, "category"), nullptr);
  learn("category");
  EXPECT_EQ(Guess(price, "quantity"), &Field("quantity"));
  EXPECT_EQ(Guess(price, "category"), &Field("category"));
  // The one that was seen longest ago makes room.
  learn("currency");
  EXPECT_EQ(Guess(price, "quantity"), nullptr);
  EXPECT_EQ(Guess(price, "category"), &Field("category"));
  EXPECT_EQ(Guess(price, "currency"), &Field("currency"));
  EXPECT_EQ(Guess(Field("quantity").index, "currency"), nullptr) << "followed another";
  EXPECT_EQ(Guess(FieldOrder::kRecord, "currency"), nullptr) << "followed another";
}

TEST_F(FieldOrderTest, WhatIsLearnedTwiceLeavesTheOther) {
  const uint8_t type = Field("type").index;
  order_.Learn(type, Field("item_id"));
  order_.Learn(type, Field("title"));
  order_.Learn(type, Field("title"));
  EXPECT_EQ(Guess(type, "item_id"), &Field("item_id"));
  EXPECT_EQ(Guess(type, "title"), &Field("title"));
}

TEST_F(FieldOrderTest, NamesThatAreTooLongAreNotGuessed) {
  const NativeField& field = Field("user_pseudo_id");
  EXPECT_EQ(field.quoted.size(), 0u);
  order_.Learn(FieldOrder::kRecord, field);
  EXPECT_EQ(Guess(FieldOrder::kRecord, "user_pseudo_id"), nullptr);
}

TEST_F(FieldOrderTest, FieldsHaveTheirIndex) {
  for (uint8_t index = 0; index < NativeFieldTable::kMaxFields; ++index) {
    const NativeField& field = fields_.At(index);
    if (field.index == 0) continue;
    EXPECT_EQ(field.index, index);
    EXPECT_GE(index, NativeFieldTable::kFirstIndex);
  }
  for (const char* const name : {"event_id", "type", "specversion", "user_pseudo_id", "city"}) {
    EXPECT_EQ(&fields_.At(Field(name).index), &Field(name)) << name;
  }
  EXPECT_EQ(fields_.Find("city_"), nullptr);
  EXPECT_EQ(fields_.Find(""), nullptr);
}

}  // namespace
}  // namespace kindred::event
