// expect: CleanEvent::CleanEvent\(\).* is private
// Only the Cleaner makes a CleanEvent.

#include "clean/clean_event.h"

namespace kindred::clean {

bool IsLate(const CleanEvent& event) { return event.Has(Flag::kLate); }
#ifdef MISUSE
bool FromNowhere() { return IsLate(CleanEvent{}); }
#endif

}  // namespace kindred::clean
