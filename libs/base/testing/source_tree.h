// Where this repository's sources lie, for tests that read golden files.
#ifndef KINDRED_BASE_TESTING_SOURCE_TREE_H_
#define KINDRED_BASE_TESTING_SOURCE_TREE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace kindred::base {

// The absolute path of a file or folder that is named from the repository's root.
std::string SourceTreePath(absl::string_view relative);

}  // namespace kindred::base

#endif  // KINDRED_BASE_TESTING_SOURCE_TREE_H_
