// One JSON object a line on stderr: {"ts":…,"level":…,"component":…,"msg":…, fields…}.
// The message is static text; what varies goes into fields, so that lines group in a log store.
//
//   base::LogInfo("store", "checkpoint written", {{"partition", 3}, {"bytes", 12345}});
#ifndef KINDRED_BASE_LOG_H_
#define KINDRED_BASE_LOG_H_

#include <atomic>
#include <concepts>
#include <functional>
#include <initializer_list>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace kindred::base {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// A named value: numbers and booleans are written bare, strings quoted and escaped.
class LogField {
 public:
  LogField(absl::string_view name, absl::string_view value);
  LogField(absl::string_view name, const char* value) : LogField(name, absl::string_view(value)) {}
  LogField(absl::string_view name, const std::string& value)
      : LogField(name, absl::string_view(value)) {}
  LogField(absl::string_view name, const absl::Status& value) : LogField(name, value.ToString()) {}
  LogField(absl::string_view name, bool value) : name_(name), json_(value ? "true" : "false") {}
  template <typename T>
  requires(std::integral<T> && !std::same_as<T, bool>) LogField(absl::string_view name, T value)
      : name_(name), json_(absl::StrCat(value)) {}
  LogField(absl::string_view name, double value);

  absl::string_view name() const { return name_; }
  absl::string_view json() const { return json_; }

 private:
  absl::string_view name_;
  std::string json_;
};

using LogFields = std::initializer_list<LogField>;

void Log(LogLevel level, absl::string_view component, absl::string_view message,
         LogFields fields = {});
inline void LogInfo(absl::string_view component, absl::string_view message, LogFields fields = {}) {
  Log(LogLevel::kInfo, component, message, fields);
}
inline void LogWarning(absl::string_view component, absl::string_view message,
                       LogFields fields = {}) {
  Log(LogLevel::kWarning, component, message, fields);
}
inline void LogError(absl::string_view component, absl::string_view message,
                     LogFields fields = {}) {
  Log(LogLevel::kError, component, message, fields);
}

// Lines below `level` are dropped. Default: info.
void SetLogLevel(LogLevel level);
// Where whole lines go instead of stderr; for tests and for the console program. Empty = stderr.
void SetLogSink(std::function<void(absl::string_view line)> sink);

// `text` as a quoted JSON string; bytes that are not UTF-8 become U+FFFD.
std::string JsonQuote(absl::string_view text);

// Lets one call in `every` pass, so that a fault that repeats does not fill the disk.
//   static base::LogLimiter limiter(absl::Seconds(10));
//   if (limiter.Allow(clock.Now())) LogWarning(…, {{"suppressed", limiter.suppressed()}});
// Threads: any.
class LogLimiter {
 public:
  explicit LogLimiter(absl::Duration every) : every_nanos_(absl::ToInt64Nanoseconds(every)) {}
  bool Allow(absl::Time now);
  // Calls refused before the last one that passed.
  int64_t suppressed() const { return reported_.load(std::memory_order_relaxed); }

 private:
  const int64_t every_nanos_;
  std::atomic<int64_t> next_nanos_{0};
  std::atomic<int64_t> refused_{0};
  std::atomic<int64_t> reported_{0};
};

}  // namespace kindred::base

#endif  // KINDRED_BASE_LOG_H_
