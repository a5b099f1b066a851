// The kinds of events. Values equal those of kindred.event.v1.EventType and are stored: never
// change them.
#ifndef KINDRED_EVENT_EVENT_TYPE_H_
#define KINDRED_EVENT_EVENT_TYPE_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace kindred::event {

enum class EventType : uint8_t {
  kUnspecified = 0,
  kView = 1,
  kClick = 2,
  kAddToCart = 3,
  kRemoveFromCart = 4,
  kWishlist = 5,
  kPurchase = 6,
  kRefund = 7,
  kRating = 8,
  kSearch = 9,
  kImpression = 10,
  kPage = 11,
  kIdentify = 12,
  kAlias = 13,
  kDelete = 14,
  kConsent = 15,
  kShare = 16,
  kCheckout = 17,
  kGroup = 18,
  kPromotion = 19,
  kCustom = 20,
  kLink = 21,    // what a partition knows of a link, told to the other id's: properties hold it
  kUnlink = 22,  // two ids are not one customer
  kDislike = 23,
};
inline constexpr int kEventTypes = 24;

// "view", "add_to_cart" …; "unspecified" for kUnspecified.
absl::string_view EventTypeName(EventType type);

// The type of a native name ("add_to_cart", also "add-to-cart", "addToCart", "ADD_TO_CART",
// "EVENT_TYPE_ADD_TO_CART"); kCustom for any other name, kUnspecified for an empty one.
EventType EventTypeFromName(absl::string_view name);

}  // namespace kindred::event

#endif  // KINDRED_EVENT_EVENT_TYPE_H_
