#include "cli/output_file.h"

#include <cstdio>

#include "absl/strings/str_cat.h"

namespace kindred::cli {

absl::Status WriteFile(const std::string& path, absl::string_view bytes) {
  std::FILE* file = path == "-" ? stdout : std::fopen(path.c_str(), "w");
  if (file == nullptr) return absl::PermissionDeniedError(absl::StrCat("cannot write to ", path));
  const bool whole = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  const bool closed = (file == stdout ? std::fflush(file) : std::fclose(file)) == 0;
  if (!whole || !closed) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, " could not be written: is the disk full?"));
  }
  return absl::OkStatus();
}

}  // namespace kindred::cli
