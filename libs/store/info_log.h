// RocksDB's own log, warnings and worse, as lines of ours: no log files that grow beside the data.
#ifndef KINDRED_STORE_INFO_LOG_H_
#define KINDRED_STORE_INFO_LOG_H_

#include <cstdarg>

#include "base/log.h"
#include "rocksdb/env.h"

namespace kindred::store {

// At most five lines a second pass; the next one says how many did not.
class InfoLog final : public rocksdb::Logger {
 public:
  InfoLog() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override;
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override;
  void LogHeader(const char* format, va_list arguments) override;

 private:
  base::LogLimiter limiter_{absl::Milliseconds(200)};
};

}  // namespace kindred::store

#endif  // KINDRED_STORE_INFO_LOG_H_
