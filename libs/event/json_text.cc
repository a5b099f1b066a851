#include "event/json_text.h"

#include <charconv>
#include <cmath>

namespace kindred::event {
namespace {

template <typename T>
void AppendChars(T value, std::string* out) {
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), value);
  out->append(buffer, result.ptr);
}

}  // namespace

void AppendJsonNumber(double value, std::string* out) {
  constexpr double kWholeLimit = 9223372036854775808.0;  // 2^63
  if (!std::isfinite(value)) {
    out->append("null");
  } else if (std::abs(value) < kWholeLimit && value == std::trunc(value)) {
    AppendChars(static_cast<int64_t>(value), out);
  } else if (std::abs(value) < kWholeLimit) {
    AppendChars(value, out);
  } else {
    // Not as digits alone: readers take those for an integer, which does not fit them.
    char buffer[32];
    const auto result =
        std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
    out->append(buffer, result.ptr);
  }
}

void AppendJsonInteger(int64_t value, std::string* out) { AppendChars(value, out); }
void AppendJsonUnsigned(uint64_t value, std::string* out) { AppendChars(value, out); }

void AppendJsonString(absl::string_view text, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  size_t plain = 0;  // start of what has not been copied yet
  for (size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out->append(text.data() + plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"':
      case '\\':
        out->push_back('\\');
        out->push_back(static_cast<char>(c));
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\t':
        out->append("\\t");
        break;
      default:
        out->append("\\u00");
        out->push_back(kHex[c >> 4]);
        out->push_back(kHex[c & 15]);
    }
  }
  out->append(text.data() + plain, text.size() - plain);
  out->push_back('"');
}

}  // namespace kindred::event
