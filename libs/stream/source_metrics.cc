#include "stream/source_metrics.h"

namespace kindred::stream {

SourceMetrics::SourceMetrics(telemetry::Registry* registry, const std::string& topic)
    : registry_(registry), topic_(topic) {
  if (registry == nullptr) return;
  const telemetry::Labels labels = {{"topic", topic}};
  records_ =
      &registry->GetCounter("kindred_stream_records_total", "Records read from Kafka.", labels);
  bytes_ = &registry->GetCounter("kindred_stream_read_bytes_total",
                                 "Bytes of keys and values read from Kafka.", labels);
  refetched_ = &registry->GetCounter(
      "kindred_stream_refetched_records_total",
      "Records that the client fetched again and that were dropped by their offset.", labels);
  reachable_ = &registry->GetGauge("kindred_stream_brokers_reachable",
                                   "1 while a broker can be reached.", labels);
}

void SourceMetrics::Read(uint64_t records, uint64_t bytes, uint64_t refetched) {
  if (registry_ == nullptr) return;
  if (records > 0) records_->Increment(records);
  if (bytes > 0) bytes_->Increment(bytes);
  if (refetched > 0) refetched_->Increment(refetched);
}

void SourceMetrics::Rebalance(absl::string_view kind) {
  if (registry_ == nullptr) return;
  registry_
      ->GetCounter("kindred_stream_rebalances_total", "Changes of the assignment by kind.",
                   {{"topic", topic_}, {"kind", std::string(kind)}})
      .Increment();
}

void SourceMetrics::Error(absl::string_view name) {
  if (registry_ == nullptr) return;
  registry_
      ->GetCounter("kindred_stream_errors_total", "Errors that the Kafka client reported.",
                   {{"topic", topic_}, {"error", std::string(name)}})
      .Increment();
}

void SourceMetrics::Reachable(bool reachable) {
  if (registry_ != nullptr) reachable_->Set(reachable ? 1 : 0);
}

}  // namespace kindred::stream
