#include "profile/behaviour.h"

#include <algorithm>

#include "profile/record_parts.h"

namespace kindred::profile {
namespace {

// Takes what began at `from_ms` and is old from `last_ms` on.
void Take(int64_t from_ms, int64_t last_ms, uint64_t count, int64_t within_ms, int64_t now_ms,
          BehaviourCount* out) {
  if (from_ms > now_ms) {
    out->until_ms = std::min(out->until_ms, from_ms);
    return;
  }
  if (within_ms > 0) {
    if (last_ms <= now_ms - within_ms) return;
    out->until_ms = std::min(out->until_ms, last_ms + within_ms);
  }
  out->count += count;
  out->last_ms = std::max(out->last_ms, last_ms);
}

}  // namespace

BehaviourCount CountBehaviour(const Profile& profile, const BehaviourFilter& filter,
                              int64_t now_ms) {
  BehaviourCount out;
  const bool any_category = filter.category.value() == 0;
  const bool any_brand = filter.brand.value() == 0;
  const bool any_item = filter.item.value() == 0;
  for (const RecentItem& entry : profile.recent_items()) {
    if (entry.type != filter.type || (!any_category && entry.category != filter.category) ||
        (!any_brand && entry.brand != filter.brand) || (!any_item && entry.item != filter.item)) {
      continue;
    }
    Take(entry.time_ms, entry.time_ms, 1, filter.within_ms, now_ms, &out);
  }
  if (!any_brand || !any_item) return out;
  for (const DayCount& entry : profile.day_counts()) {
    if (entry.type != filter.type || (!any_category && entry.category != filter.category)) continue;
    const int64_t start_ms = entry.day * kDayMs;
    Take(start_ms, start_ms + kDayMs - 1, entry.count, filter.within_ms, now_ms, &out);
  }
  return out;
}

}  // namespace kindred::profile
