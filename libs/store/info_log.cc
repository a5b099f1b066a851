#include "store/info_log.h"

#include <cstdio>

#include "absl/strings/ascii.h"
#include "base/clock.h"

namespace kindred::store {

void InfoLog::LogHeader(const char* /*format*/, va_list /*arguments*/) {}

void InfoLog::Logv(const char* format, va_list arguments) {
  Logv(rocksdb::InfoLogLevel::WARN_LEVEL, format, arguments);
}

void InfoLog::Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) {
  if (level < rocksdb::InfoLogLevel::WARN_LEVEL || level == rocksdb::InfoLogLevel::HEADER_LEVEL) {
    return;
  }
  if (!limiter_.Allow(base::Clock::Real().Now())) return;
  char text[1024];
  std::vsnprintf(text, sizeof(text), format, arguments);
  base::Log(level == rocksdb::InfoLogLevel::WARN_LEVEL ? base::LogLevel::kWarning
                                                       : base::LogLevel::kError,
            "store", "rocksdb says",
            {{"text", absl::StripAsciiWhitespace(text)}, {"suppressed", limiter_.suppressed()}});
}

}  // namespace kindred::store
