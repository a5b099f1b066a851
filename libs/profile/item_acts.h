// What a customer did with items: one by one while it is recent, by day when it is older.
#ifndef KINDRED_PROFILE_ITEM_ACTS_H_
#define KINDRED_PROFILE_ITEM_ACTS_H_

#include <cstdint>

#include "base/strong_int.h"
#include "event/event_type.h"

namespace kindred::profile {

struct RecentItem {
  int64_t time_ms;
  ItemId item;
  event::EventType type;
  TermId category{};  // 0: not named
  TermId brand{};     // 0: not named
  friend bool operator==(const RecentItem&, const RecentItem&) = default;
};

// What the customer did with items of a category on a day (UTC, days since 1970), of that which is
// no longer among the recent items. Ordered by day, type, category; beyond the bound the first
// leaves, which is of the oldest day.
struct DayCount {
  uint32_t day;
  event::EventType type;
  TermId category;
  uint32_t count;
  friend bool operator==(const DayCount&, const DayCount&) = default;
};

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_ITEM_ACTS_H_
