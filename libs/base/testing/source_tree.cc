#include "base/testing/source_tree.h"

#include "absl/strings/str_cat.h"

namespace kindred::base {

std::string SourceTreePath(absl::string_view relative) {
  return absl::StrCat(KINDRED_SOURCE_DIR, "/", relative);
}

}  // namespace kindred::base
