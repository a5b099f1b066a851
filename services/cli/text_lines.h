// Lines of a file, plain or gzip, one at a time.
#ifndef KINDRED_CLI_TEXT_LINES_H_
#define KINDRED_CLI_TEXT_LINES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kindred::cli {

// Threads: one.
class TextLines {
 public:
  // NotFound or PermissionDenied with the path.
  static absl::StatusOr<TextLines> Open(const std::string& path);
  TextLines(TextLines&&) noexcept;
  TextLines& operator=(TextLines&&) noexcept;
  ~TextLines();

  // False at the end and on a fault; status() tells which. The line has no line break.
  bool Next(std::string* line);
  absl::Status status() const;
  uint64_t line_number() const;  // of the last line read, from 1

  static constexpr size_t kMaxLineBytes = 16 << 20;

 private:
  struct State;
  explicit TextLines(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Fields of a line of delimited text; a field in double quotes may hold the delimiter, and "" for a
// quote. A quote that is not closed ends with the line.
void SplitDelimited(absl::string_view line, char delimiter, std::vector<std::string>* fields);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_TEXT_LINES_H_
