#include "event/event_type.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "event/key_table.h"

namespace kindred::event {
namespace {

constexpr std::array<absl::string_view, kEventTypes> kNames = {
    "unspecified", "view",     "click",    "add_to_cart", "remove_from_cart",
    "wishlist",    "purchase", "refund",   "rating",      "search",
    "impression",  "page",     "identify", "alias",       "delete",
    "consent",     "share",    "checkout", "group",       "promotion",
    "custom",      "link",     "unlink",   "dislike"};

// Names in lower case without separators, and the usual spelling of those that have some.
const KeyTable<EventType>& Names() {
  static const auto* const table = new KeyTable<EventType>({
      {"unspecified", EventType::kUnspecified},
      {"view", EventType::kView},
      {"click", EventType::kClick},
      {"addtocart", EventType::kAddToCart},
      {"add_to_cart", EventType::kAddToCart},
      {"removefromcart", EventType::kRemoveFromCart},
      {"remove_from_cart", EventType::kRemoveFromCart},
      {"wishlist", EventType::kWishlist},
      {"purchase", EventType::kPurchase},
      {"refund", EventType::kRefund},
      {"rating", EventType::kRating},
      {"search", EventType::kSearch},
      {"impression", EventType::kImpression},
      {"page", EventType::kPage},
      {"identify", EventType::kIdentify},
      {"alias", EventType::kAlias},
      {"delete", EventType::kDelete},
      {"consent", EventType::kConsent},
      {"share", EventType::kShare},
      {"checkout", EventType::kCheckout},
      {"group", EventType::kGroup},
      {"promotion", EventType::kPromotion},
      {"custom", EventType::kCustom},
      {"link", EventType::kLink},
      {"unlink", EventType::kUnlink},
      {"dislike", EventType::kDislike},
  });
  return *table;
}

// Not in the caller, which would make room for the copy each time.
[[gnu::noinline]] EventType FromOtherSpelling(absl::string_view name) {
  constexpr absl::string_view kPrefix = "EVENT_TYPE_";
  if (absl::StartsWith(name, kPrefix)) name.remove_prefix(kPrefix.size());
  char canonical[24];
  size_t size = 0;
  for (const char c : name) {
    if (c == '_' || c == '-' || c == ' ') continue;
    if (size == sizeof(canonical)) return EventType::kCustom;
    canonical[size++] = absl::ascii_tolower(static_cast<unsigned char>(c));
  }
  const EventType* type = Names().Find(absl::string_view(canonical, size));
  return type == nullptr ? EventType::kCustom : *type;
}

}  // namespace

absl::string_view EventTypeName(EventType type) {
  const size_t index = static_cast<size_t>(type);
  return index < kNames.size() ? kNames[index] : "custom";
}

EventType EventTypeFromName(absl::string_view name) {
  if (name.empty()) return EventType::kUnspecified;
  // The usual spelling needs no copy.
  const EventType* type = Names().Find(name);
  return type != nullptr ? *type : FromOtherSpelling(name);
}

}  // namespace kindred::event
