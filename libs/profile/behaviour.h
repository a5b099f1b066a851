// What a customer did in a window of time: "views of tea in 7 days".
//
// Known are acts that name an item. The newest 20 are known one by one; older ones by day (UTC),
// type and category, the newest 32 such counts. So counts are exact while there are at most 20 acts
// in the window; beyond that a day counts until its last instant has left the window, and is not
// asked for brands or items. What is older than that is forgotten here (totals are elsewhere).
#ifndef KINDRED_PROFILE_BEHAVIOUR_H_
#define KINDRED_PROFILE_BEHAVIOUR_H_

#include <cstdint>

#include "base/strong_int.h"
#include "event/event_type.h"
#include "profile/profile.h"

namespace kindred::profile {

// What is left out does not restrict.
struct BehaviourFilter {
  event::EventType type = event::EventType::kView;
  TermId category;
  TermId brand;
  ItemId item;
  int64_t within_ms = 0;  // 0: however long ago
};

struct BehaviourCount {
  uint64_t count = 0;
  int64_t last_ms = 0;  // of the newest that is counted; of a day its last instant; 0: none
  // The count stays the same until this instant if no event arrives; INT64_MAX: for good.
  int64_t until_ms = INT64_MAX;
};

// Of acts in (now - within, now].
BehaviourCount CountBehaviour(const Profile& profile, const BehaviourFilter& filter,
                              int64_t now_ms);

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_BEHAVIOUR_H_
