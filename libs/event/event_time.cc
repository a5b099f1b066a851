#include "event/event_time.h"

#include <emmintrin.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstring>

#include "absl/strings/str_format.h"

namespace kindred::event {
namespace {

constexpr int64_t kMsPerDay = 86'400'000;

static_assert(std::endian::native == std::endian::little);
template <typename Integer>
Integer Word(const char* bytes) {
  Integer word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// Reads text from the left; after a failure everything fails.
class TimeReader {
 public:
  explicit TimeReader(absl::string_view text) : text_(text) {}

  int Digits(size_t count) {
    int value = 0;
    if (text_.size() < count) ok_ = false;
    for (size_t i = 0; i < count && ok_; ++i) {
      if (text_[i] < '0' || text_[i] > '9') ok_ = false;
      value = value * 10 + (text_[i] - '0');
    }
    if (ok_) text_.remove_prefix(count);
    return value;
  }

  // Takes the next character when it is one of `any`; 0 when not.
  char Take(absl::string_view any) {
    if (!ok_ || text_.empty() || any.find(text_.front()) == absl::string_view::npos) return 0;
    const char taken = text_.front();
    text_.remove_prefix(1);
    return taken;
  }

  void Need(absl::string_view any) { ok_ = Take(any) != 0; }
  bool ok() const { return ok_; }
  bool Done() const { return ok_ && text_.empty(); }

 private:
  absl::string_view text_;
  bool ok_ = true;
};

// The fraction's first three digits; the rest is read and dropped.
int FractionMs(TimeReader* reader) {
  int value = 0;
  int scale = 100;
  value += reader->Digits(1) * scale;
  constexpr absl::string_view kDigits = "0123456789";
  while (const char digit = reader->Take(kDigits)) {
    scale /= 10;
    value += (digit - '0') * scale;
  }
  return value;
}

// Minutes east of UTC; false when there is no valid zone.
bool ZoneMinutes(TimeReader* reader, int* minutes) {
  *minutes = 0;
  if (reader->Take("Zz") != 0 || reader->Done()) return true;
  const char sign = reader->Take("+-");
  if (sign == 0) return false;
  const int hour = reader->Digits(2);
  reader->Take(":");
  const int minute = reader->Digits(2);
  if (!reader->ok() || hour > 23 || minute > 59) return false;
  *minutes = (hour * 60 + minute) * (sign == '-' ? -1 : 1);
  return true;
}

std::optional<int64_t> ParseMillis(absl::string_view text) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// Whole days since 1970-01-01 of a date that exists.
int64_t DaysOf(unsigned year, unsigned month, unsigned day) {
  // Years begin in March, so that a leap day is the last; 400 more of them are never negative.
  constexpr int64_t kFrom0400To1970 = 719'468 + 146'097;
  const unsigned before_march = month <= 2 ? 1 : 0;
  const unsigned y = year + 400 - before_march;
  const unsigned m = month + 12 * before_march - 3;
  const unsigned century = y / 100;
  return int64_t{365} * y + y / 4 - century + century / 4 + (153 * m + 2) / 5 + day - 1 -
         kFrom0400To1970;
}

bool IsDate(unsigned year, unsigned month, unsigned day) {
  // Every month has 28.
  if (month - 1 < 12 && day - 1 < 28) return true;
  return std::chrono::year_month_day(std::chrono::year(static_cast<int>(year)),
                                     std::chrono::month(month), std::chrono::day(day))
      .ok();
}

// "2026-11-22T10:00:00Z" or "2026-11-22T10:00:00.123Z", which nearly all times are; none for
// anything else, right or wrong.
std::optional<int64_t> ParseUsual(absl::string_view text) {
  constexpr size_t kSeconds = 20;
  constexpr size_t kMillis = 24;
  if (text.size() != kSeconds && text.size() != kMillis) return std::nullopt;
  // The first 16 characters at once: each between its least and its greatest.
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data()));
  const __m128i least = _mm_loadu_si128(reinterpret_cast<const __m128i*>("0000-00-00T00:00"));
  const __m128i most = _mm_loadu_si128(reinterpret_cast<const __m128i*>("9999-99-99T99:99"));
  const __m128i within = _mm_and_si128(_mm_cmpeq_epi8(_mm_max_epu8(bytes, least), bytes),
                                       _mm_cmpeq_epi8(_mm_min_epu8(bytes, most), bytes));
  if (_mm_movemask_epi8(within) != 0xffff) return std::nullopt;
  // The others: zero where a sign stands as it should, and the value of a digit.
  uint64_t rest = 0;
  if (text.size() == kMillis) {
    rest = Word<uint64_t>(text.data() + 16) ^ Word<uint64_t>(":00.000Z");
  } else {
    rest = Word<uint32_t>(text.data() + 16) ^ Word<uint32_t>(":00Z");
  }
  // A digit's high half is zero, also after 6 is added: it is at most 9.
  if (((rest | (rest + 0x0006'0606'0006'0600)) & 0xfff0'f0f0'fff0'f0ff) != 0) return std::nullopt;
  const auto digit = [rest](int at) { return static_cast<unsigned>(rest >> (8 * at)) & 0xf; };
  const unsigned second = digit(1) * 10 + digit(2);
  const unsigned ms = digit(4) * 100 + digit(5) * 10 + digit(6);
  // Each byte becomes the number of two digits that begins there.
  const __m128i values = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
  const __m128i twice = _mm_add_epi8(values, values);
  const __m128i four = _mm_add_epi8(twice, twice);
  const __m128i tens = _mm_add_epi8(_mm_add_epi8(four, four), twice);
  const __m128i pairs = _mm_add_epi8(tens, _mm_srli_si128(values, 1));
  const auto two = [pairs](int at) {
    const __m128i half = at < 8 ? pairs : _mm_unpackhi_epi64(pairs, pairs);
    return static_cast<unsigned>(_mm_cvtsi128_si64(half) >> (8 * (at % 8))) & 0xff;
  };
  const unsigned year = two(0) * 100 + two(2);
  const unsigned month = two(5);
  const unsigned day = two(8);
  const unsigned hour = two(11);
  const unsigned minute = two(14);
  if (!IsDate(year, month, day) || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return DaysOf(year, month, day) * kMsPerDay +
         ((hour * 60 + minute) * int64_t{60} + second) * 1000 + ms;
}

// Not in the caller, which needs fewer registers.
[[gnu::noinline]] std::optional<int64_t> ParseAny(absl::string_view text) {
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return ParseMillis(text);
  TimeReader reader(text);
  const int year = reader.Digits(4);
  reader.Need("-");
  const unsigned month = reader.Digits(2);
  reader.Need("-");
  const unsigned day = reader.Digits(2);
  if (!reader.ok()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  const int64_t day_ms = std::chrono::sys_days(date).time_since_epoch().count() * kMsPerDay;
  if (reader.Done()) return day_ms;

  reader.Need("Tt ");
  const int hour = reader.Digits(2);
  reader.Need(":");
  const int minute = reader.Digits(2);
  int second = 0;
  int ms = 0;
  if (reader.Take(":") != 0) {
    second = reader.Digits(2);
    if (reader.Take(".,") != 0) ms = FractionMs(&reader);
  }
  int zone = 0;
  // 60 is a leap second: the first of the next minute.
  if (!reader.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  if (!ZoneMinutes(&reader, &zone) || !reader.Done()) return std::nullopt;
  return day_ms + ((hour * 60 + minute - zone) * int64_t{60} + second) * 1000 + ms;
}

}  // namespace

std::optional<int64_t> ParseTime(absl::string_view text) {
  const std::optional<int64_t> usual = ParseUsual(text);
  return usual.has_value() ? usual : ParseAny(text);
}

std::string FormatTime(int64_t time_ms) {
  constexpr int64_t kFirst = -62'167'219'200'000;  // 0000-01-01
  constexpr int64_t kLast = 253'402'300'799'999;   // 9999-12-31 23:59:59.999
  time_ms = std::clamp(time_ms, kFirst, kLast);
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(time_ms)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::string text =
      absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d", static_cast<int>(date.year()),
                      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                      clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (clock.subseconds().count() != 0) {
    absl::StrAppendFormat(&text, ".%03d", clock.subseconds().count());
  }
  text += 'Z';
  return text;
}

}  // namespace kindred::event
