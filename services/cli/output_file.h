// Files that commands write.
#ifndef KINDRED_CLI_OUTPUT_FILE_H_
#define KINDRED_CLI_OUTPUT_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kindred::cli {

// Replaces what is there. "-" is standard output. PermissionDenied or ResourceExhausted with the
// path.
absl::Status WriteFile(const std::string& path, absl::string_view bytes);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_OUTPUT_FILE_H_
