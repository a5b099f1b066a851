#include "cli/text_lines.h"

#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kindred::cli {

struct TextLines::State {
  ~State() {
    if (file != nullptr) gzclose(file);
  }
  std::string path;
  gzFile file = nullptr;  // reads plain files too
  std::array<char, 1 << 16> buffer;
  size_t at = 0, end = 0;
  uint64_t line_number = 0;
  absl::Status status;
};

TextLines::TextLines(std::unique_ptr<State> state) : state_(std::move(state)) {}
TextLines::TextLines(TextLines&&) noexcept = default;
TextLines& TextLines::operator=(TextLines&&) noexcept = default;
TextLines::~TextLines() = default;

absl::StatusOr<TextLines> TextLines::Open(const std::string& path) {
  auto state = std::make_unique<State>();
  state->path = path;
  errno = 0;
  state->file = gzopen(path.c_str(), "rb");
  if (state->file == nullptr) {
    const int error = errno;
    return absl::ErrnoToStatus(error == 0 ? ENOMEM : error, absl::StrCat("cannot open ", path));
  }
  return TextLines(std::move(state));
}

bool TextLines::Next(std::string* line) {
  line->clear();
  State& s = *state_;
  bool any = false;
  while (true) {
    if (s.at == s.end) {
      const int got = gzread(s.file, s.buffer.data(), s.buffer.size());
      if (got < 0) {
        s.status = absl::DataLossError(absl::StrCat("cannot read ", s.path, ": damaged gzip?"));
        return false;
      }
      if (got == 0) break;
      s.at = 0;
      s.end = static_cast<size_t>(got);
    }
    any = true;
    const char* begin = s.buffer.data() + s.at;
    const char* newline = static_cast<const char*>(std::memchr(begin, '\n', s.end - s.at));
    const size_t length = newline == nullptr ? s.end - s.at : newline - begin;
    if (line->size() + length > kMaxLineBytes) {
      s.status = absl::InvalidArgumentError(
          absl::StrCat(s.path, ":", s.line_number + 1, ": line is longer than 16 MiB"));
      return false;
    }
    line->append(begin, length);
    s.at += length;
    if (newline == nullptr) continue;
    ++s.at;
    break;
  }
  if (!any) return false;
  ++s.line_number;
  if (!line->empty() && line->back() == '\r') line->pop_back();
  return true;
}

absl::Status TextLines::status() const { return state_->status; }
uint64_t TextLines::line_number() const { return state_->line_number; }

void SplitDelimited(absl::string_view line, char delimiter, std::vector<std::string>* fields) {
  fields->clear();
  size_t i = 0;
  while (true) {
    std::string& field = fields->emplace_back();
    if (i < line.size() && line[i] == '"') {
      for (++i; i < line.size(); ++i) {
        if (line[i] != '"') {
          field.push_back(line[i]);
        } else if (i + 1 < line.size() && line[i + 1] == '"') {
          field.push_back('"');
          ++i;
        } else {
          ++i;
          break;
        }
      }
    }
    while (i < line.size() && line[i] != delimiter) field.push_back(line[i++]);
    if (i >= line.size()) return;
    ++i;
  }
}

}  // namespace kindred::cli
