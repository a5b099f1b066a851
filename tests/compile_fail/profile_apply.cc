// expect: cannot convert .*Event
// A profile takes no event that was not cleaned.

#include "clean/clean_event.h"
#include "event/event.h"
#include "profile/profile.h"

namespace kindred::profile {

#ifdef MISUSE
using Applied = event::Event;
#else
using Applied = clean::CleanEvent;
#endif
void ApplyTo(Profile& profile, const Applied& event, const ApplyContext& context) {
  profile.Apply(event, context);
}

}  // namespace kindred::profile
