#include "event/event_time.h"

#include <emmintrin.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "absl/strings/str_format.h"

namespace kindred::event {
namespace {

constexpr int64_t kMsPerDay = 86'400'000;

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
  const auto digit = [text](size_t at) { return static_cast<unsigned>(text[at] - '0'); };
  const auto is_digit = [digit](size_t at) { return digit(at) <= 9; };
  if (text[16] != ':' || !is_digit(17) || !is_digit(18) || text.back() != 'Z') return std::nullopt;
  unsigned ms = 0;
  if (text.size() == kMillis) {
    if (text[19] != '.' || !is_digit(20) || !is_digit(21) || !is_digit(22)) return std::nullopt;
    ms = digit(20) * 100 + digit(21) * 10 + digit(22);
  }
  const auto two = [digit](size_t at) { return digit(at) * 10 + digit(at + 1); };
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(two(0) * 100 + two(2))),
                                         std::chrono::month(two(5)), std::chrono::day(two(8))};
  const unsigned hour = two(11);
  const unsigned minute = two(14);
  const unsigned second = two(17);
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const int64_t day_ms = std::chrono::sys_days(date).time_since_epoch().count() * kMsPerDay;
  return day_ms + ((hour * 60 + minute) * int64_t{60} + second) * 1000 + ms;
}

}  // namespace

std::optional<int64_t> ParseTime(absl::string_view text) {
  if (const std::optional<int64_t> usual = ParseUsual(text)) return usual;
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
