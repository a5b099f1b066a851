// expect: (could not convert|conversion from) .*Partition
// A partition is not an offset, and a bare number is neither.

#include "base/strong_int.h"

namespace kindred {

int64_t Seek(Offset offset) { return offset.value(); }

#ifdef MISUSE
int64_t Wrong(PartitionId partition) { return Seek(partition); }
#else
int64_t Right(PartitionId partition) { return Seek(Offset(partition.value())); }
#endif

}  // namespace kindred
