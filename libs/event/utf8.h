// Whether bytes are UTF-8. Most short text is ASCII, which is told here eight bytes at a time;
// simdjson, whose validation costs about 10 ns even for a few bytes, is asked for the rest.
#ifndef KINDRED_EVENT_UTF8_H_
#define KINDRED_EVENT_UTF8_H_

#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"
#include "simdjson.h"

namespace kindred::event {

inline bool IsUtf8(absl::string_view text) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  uint64_t bits = 0;
  size_t i = 0;
  for (; i + sizeof(uint64_t) <= text.size(); i += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, sizeof(word));
    bits |= word;
  }
  for (; i < text.size(); ++i) bits |= static_cast<uint64_t>(text[i] & 0x80);
  return (bits & kHighBits) == 0 || simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace kindred::event

#endif  // KINDRED_EVENT_UTF8_H_
