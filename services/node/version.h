// The program's version, as released.
#ifndef KINDRED_NODE_VERSION_H_
#define KINDRED_NODE_VERSION_H_

#include "absl/strings/string_view.h"

namespace kindred::node {

inline constexpr absl::string_view kVersion = "0.1.0";

}  // namespace kindred::node

#endif  // KINDRED_NODE_VERSION_H_
