// What the operator sees of an event source. Not for other libraries.
#ifndef KINDRED_STREAM_SOURCE_METRICS_H_
#define KINDRED_STREAM_SOURCE_METRICS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "telemetry/metrics.h"

namespace kindred::stream {

// Without a registry every call does nothing. Threads: the one that polls.
class SourceMetrics {
 public:
  SourceMetrics(telemetry::Registry* registry, const std::string& topic);

  // Of one batch.
  void Read(uint64_t records, uint64_t bytes, uint64_t refetched);
  // "assigned", "revoked" or "lost".
  void Rebalance(absl::string_view kind);
  // By the client library's name of the error.
  void Error(absl::string_view name);
  void Reachable(bool reachable);

 private:
  telemetry::Registry* const registry_;
  const std::string topic_;
  telemetry::Counter* records_ = nullptr;
  telemetry::Counter* bytes_ = nullptr;
  telemetry::Counter* refetched_ = nullptr;
  telemetry::Gauge* reachable_ = nullptr;
};

}  // namespace kindred::stream

#endif  // KINDRED_STREAM_SOURCE_METRICS_H_
