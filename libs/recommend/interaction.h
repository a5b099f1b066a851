// What the recommendation core knows of events: which item, what was done with it, when.
#ifndef KINDRED_RECOMMEND_INTERACTION_H_
#define KINDRED_RECOMMEND_INTERACTION_H_

#include <cstdint>

#include "base/strong_int.h"

namespace kindred::recommend {

// Ordered by intent. The numbers are stored (profiles, logs): never change them.
enum class Interaction : uint8_t {
  kView = 0,
  kClick = 1,
  kWishlist = 2,
  kCart = 3,
  kPurchase = 4,
  kRating = 5,
};
inline constexpr int kInteractionKinds = 6;

// One thing a customer did. Lists of touches are newest first everywhere in this library.
struct Touch {
  ItemId item = {};
  Interaction kind = Interaction::kView;
  int64_t time_ms = 0;  // event time, milliseconds since 1970 UTC
};

// An item a customer bought: how often (lines of orders) and when last.
struct OwnedItem {
  ItemId item = {};
  float orders = 0;
  int64_t last_ms = 0;
};

// Do two neighbouring touches belong to one visit? Late events make times run backwards, so the
// distance counts, not the sign.
inline bool SameSession(int64_t a_ms, int64_t b_ms, int64_t gap_ms) {
  const int64_t distance = a_ms > b_ms ? a_ms - b_ms : b_ms - a_ms;
  return distance <= gap_ms;
}

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_INTERACTION_H_
