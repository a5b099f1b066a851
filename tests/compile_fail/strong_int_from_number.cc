// expect: (could not convert|conversion from) .*int.* to .*Offset
// A bare number does not become an offset by itself.

#include "base/strong_int.h"

namespace kindred {

int64_t Seek(Offset offset) { return offset.value(); }

#ifdef MISUSE
int64_t Begin() { return Seek(0); }
#else
int64_t Begin() { return Seek(Offset(0)); }
#endif

}  // namespace kindred
