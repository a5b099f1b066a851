#include "event/event_type.h"

#include "gtest/gtest.h"
#include "kindred/event/v1/event.pb.h"

namespace kindred::event {
namespace {

TEST(EventTypeTest, EveryNameLeadsBackToItsType) {
  for (int i = 0; i < kEventTypes; ++i) {
    const EventType type = static_cast<EventType>(i);
    EXPECT_EQ(EventTypeFromName(EventTypeName(type)), type) << i;
  }
}

TEST(EventTypeTest, ValuesAndNamesAreThoseOfTheProtocol) {
  ASSERT_EQ(kindred::event::v1::EventType_ARRAYSIZE, kEventTypes);
  for (int i = 0; i < kEventTypes; ++i) {
    const std::string name =
        kindred::event::v1::EventType_Name(static_cast<kindred::event::v1::EventType>(i));
    EXPECT_EQ(EventTypeFromName(name), static_cast<EventType>(i)) << name;
  }
}

TEST(EventTypeTest, AcceptsTheUsualSpellings) {
  for (const char* name : {"add_to_cart", "add-to-cart", "addToCart", "ADD_TO_CART", "AddToCart",
                           "add to cart", "EVENT_TYPE_ADD_TO_CART"}) {
    EXPECT_EQ(EventTypeFromName(name), EventType::kAddToCart) << name;
  }
}

TEST(EventTypeTest, UnknownNamesAreCustom) {
  for (const char* name : {"played", "views", "add_to", "_", "EVENT_TYPE_",
                           "a_name_that_is_longer_than_any_name_of_a_type"}) {
    EXPECT_EQ(EventTypeFromName(name), EventType::kCustom) << name;
  }
  EXPECT_EQ(EventTypeFromName(""), EventType::kUnspecified);
}

}  // namespace
}  // namespace kindred::event
