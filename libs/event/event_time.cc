#include "event/event_time.h"

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
  constexpr absl::string_view kShape = "dddd-dd-ddTdd:dd:dd.dddZ";
  const bool has_ms = text.size() == kShape.size();
  if (!has_ms && text.size() != 20) return std::nullopt;
  for (size_t i = 0; i < 19; ++i) {
    const char c = text[i];
    if (kShape[i] == 'd' ? c < '0' || c > '9' : c != kShape[i]) return std::nullopt;
  }
  if (text.back() != 'Z') return std::nullopt;
  const auto two = [text](size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
  int ms = 0;
  if (has_ms) {
    if (text[19] != '.') return std::nullopt;
    for (size_t i = 20; i < 23; ++i) {
      if (text[i] < '0' || text[i] > '9') return std::nullopt;
      ms = ms * 10 + (text[i] - '0');
    }
  }
  const std::chrono::year_month_day date{std::chrono::year(two(0) * 100 + two(2)),
                                         std::chrono::month(static_cast<unsigned>(two(5))),
                                         std::chrono::day(static_cast<unsigned>(two(8)))};
  const int hour = two(11);
  const int minute = two(14);
  const int second = two(17);
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
