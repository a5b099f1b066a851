// expect: ignoring return(ed)? value
// An error that nobody looks at.

#include "absl/status/status.h"

namespace kindred {

absl::Status Write() { return absl::UnavailableError("disk"); }

#ifdef MISUSE
void Go() { Write(); }
#else
bool Go() { return Write().ok(); }
#endif

}  // namespace kindred
