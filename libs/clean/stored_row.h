// Rows of a checkpoint as this library makes and reads them. The caller prefixes keys with the
// partition and the kind, and gives rows back without the prefix, in the order of their keys.
#ifndef KINDRED_CLEAN_STORED_ROW_H_
#define KINDRED_CLEAN_STORED_ROW_H_

#include <string>
#include <vector>

namespace kindred::clean {

struct StoredRow {
  std::string key;
  std::string value;
};

// What changed since the last call. Must be written (with the offsets, atomically) or the state
// must be restored from what was written before: it is not given out twice.
struct RowChanges {
  std::vector<StoredRow> puts;
  std::vector<std::string> deletes;
};

}  // namespace kindred::clean

#endif  // KINDRED_CLEAN_STORED_ROW_H_
