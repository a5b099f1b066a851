#include "base/log.h"

#include <cmath>
#include <cstdio>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"

namespace kindred::base {
namespace {

std::atomic<LogLevel> min_level{LogLevel::kInfo};

struct Sink {
  absl::Mutex mutex;
  std::function<void(absl::string_view)> write ABSL_GUARDED_BY(mutex);
};

Sink& GlobalSink() {
  static Sink* const sink = new Sink;
  return *sink;
}

absl::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "unknown";
}

// The length of the well-formed UTF-8 sequence at the front of `text`, or 0.
size_t Utf8Length(absl::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;
  if (lead == 0xed && byte(1) > 0x9f) return 0;
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

}  // namespace

std::string JsonQuote(absl::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    const char c = text.front();
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (length == 1 && static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", c);
    } else {
      out.append(text.data(), length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
  return out;
}

LogField::LogField(absl::string_view name, absl::string_view value)
    : name_(name), json_(JsonQuote(value)) {}

LogField::LogField(absl::string_view name, double value)
    : name_(name), json_(std::isfinite(value) ? absl::StrCat(value) : "null") {}

void Log(LogLevel level, absl::string_view component, absl::string_view message, LogFields fields) {
  if (level < min_level.load(std::memory_order_relaxed)) return;
  std::string line = absl::StrCat(
      "{\"ts\":\"", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone()),
      "\",\"level\":\"", LevelName(level), "\",\"component\":", JsonQuote(component),
      ",\"msg\":", JsonQuote(message));
  for (const LogField& field : fields) {
    absl::StrAppend(&line, ",", JsonQuote(field.name()), ":", field.json());
  }
  line += "}\n";
  Sink& sink = GlobalSink();
  absl::MutexLock lock(&sink.mutex);
  if (sink.write) {
    sink.write(absl::string_view(line).substr(0, line.size() - 1));
  } else {
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
}

void SetLogLevel(LogLevel level) { min_level.store(level, std::memory_order_relaxed); }

void SetLogSink(std::function<void(absl::string_view line)> sink) {
  Sink& global = GlobalSink();
  absl::MutexLock lock(&global.mutex);
  global.write = std::move(sink);
}

bool LogLimiter::Allow(absl::Time now) {
  const int64_t nanos = absl::ToUnixNanos(now);
  int64_t next = next_nanos_.load(std::memory_order_relaxed);
  if (nanos < next || !next_nanos_.compare_exchange_strong(next, nanos + every_nanos_)) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  reported_.store(refused_.exchange(0), std::memory_order_relaxed);
  return true;
}

}  // namespace kindred::base
