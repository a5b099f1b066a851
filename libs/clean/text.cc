#include "clean/text.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "absl/strings/match.h"

namespace kindred::clean {
namespace {

constexpr int kLetters = 26;

// "AAAABAC…ZZ": all codes of `N` letters, one after the other.
template <int N, int Size>
constexpr std::array<char, Size * N> AllCodes() {
  std::array<char, Size * N> codes{};
  for (int i = 0; i < Size; ++i) {
    int rest = i;
    for (int k = N - 1; k >= 0; --k) {
      codes[static_cast<size_t>(i * N + k)] = static_cast<char>('A' + rest % kLetters);
      rest /= kLetters;
    }
  }
  return codes;
}
constexpr auto kCodes2 = AllCodes<2, kLetters * kLetters>();
constexpr auto kCodes3 = AllCodes<3, kLetters * kLetters * kLetters>();

// 0 to 25, or -1.
int LetterOf(char c) {
  const int lower = c | 0x20;
  return lower >= 'a' && lower <= 'z' ? lower - 'a' : -1;
}

template <int N, size_t Size>
absl::string_view Capitals(absl::string_view text, const std::array<char, Size>& codes) {
  if (text.size() != N) return {};
  int code = 0;
  for (const char c : text) {
    const int letter = LetterOf(c);
    if (letter < 0) return {};
    code = code * kLetters + letter;
  }
  return absl::string_view(codes.data() + code * N, N);
}

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

constexpr absl::string_view kNoBreakSpace = "\xC2\xA0";
constexpr absl::string_view kIdeographicSpace = "\xE3\x80\x80";
constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";

size_t SpaceAtStart(absl::string_view text) {
  if (IsSpace(text.front())) return 1;
  if (absl::StartsWith(text, kNoBreakSpace)) return kNoBreakSpace.size();
  if (absl::StartsWith(text, kIdeographicSpace)) return kIdeographicSpace.size();
  if (absl::StartsWith(text, kByteOrderMark)) return kByteOrderMark.size();
  return 0;
}

size_t SpaceAtEnd(absl::string_view text) {
  if (IsSpace(text.back())) return 1;
  if (absl::EndsWith(text, kNoBreakSpace)) return kNoBreakSpace.size();
  if (absl::EndsWith(text, kIdeographicSpace)) return kIdeographicSpace.size();
  if (absl::EndsWith(text, kByteOrderMark)) return kByteOrderMark.size();
  return 0;
}

bool IsPlain(char c) { return c > ' ' && c <= '~'; }

}  // namespace

bool IsVisibleAscii(absl::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = 0x8080808080808080;
  // Sets the highest bit of a byte that is not visible; bytes above one such may err too.
  const auto invisible = [](uint64_t word) {
    return (word | (word + kOnes) | (word - kOnes * 0x21)) & kHighs;
  };
  const char* const begin = text.data();
  const size_t size = text.size();
  uint64_t word = kOnes * 'x';
  if (size < sizeof(word)) {
    if (size >= 4) {
      // The two halves overlap.
      uint32_t first;
      uint32_t last;
      std::memcpy(&first, begin, sizeof(first));
      std::memcpy(&last, begin + size - sizeof(last), sizeof(last));
      word = uint64_t{last} << 32 | first;
    } else {
      for (size_t i = 0; i < size; ++i) word = word << 8 | static_cast<uint8_t>(begin[i]);
    }
    return invisible(word) == 0;
  }
  uint64_t found = 0;
  for (size_t i = 0; i + sizeof(word) <= size; i += sizeof(word)) {
    std::memcpy(&word, begin + i, sizeof(word));
    found |= invisible(word);
  }
  std::memcpy(&word, begin + size - sizeof(word), sizeof(word));
  return (found | invisible(word)) == 0;
}

absl::string_view Trim(absl::string_view text) {
  if (text.empty() || (IsPlain(text.front()) && IsPlain(text.back()))) return text;
  while (!text.empty()) {
    const size_t space = SpaceAtStart(text);
    if (space == 0) break;
    text.remove_prefix(space);
  }
  while (!text.empty()) {
    const size_t space = SpaceAtEnd(text);
    if (space == 0) break;
    text.remove_suffix(space);
  }
  return text;
}

bool HasControl(absl::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = 0x8080808080808080;
  const auto has_control = [](uint64_t word) {
    const uint64_t below = (word - kOnes * 0x20) & ~word & kHighs;
    const uint64_t flipped = word ^ (kOnes * 0x7F);
    const uint64_t del = (flipped - kOnes) & ~flipped & kHighs;
    return (below | del) != 0;
  };
  uint64_t word;
  while (text.size() >= sizeof(word)) {
    std::memcpy(&word, text.data(), sizeof(word));
    if (has_control(word)) return true;
    text.remove_prefix(sizeof(word));
  }
  word = kOnes * 'x';
  std::memcpy(&word, text.data(), text.size());
  return has_control(word);
}

absl::string_view CutUtf8(absl::string_view text, size_t limit) {
  if (text.size() <= limit) return text;
  size_t end = limit;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

absl::string_view CapitalLetters2(absl::string_view text) { return Capitals<2>(text, kCodes2); }
absl::string_view CapitalLetters3(absl::string_view text) { return Capitals<3>(text, kCodes3); }

}  // namespace kindred::clean
