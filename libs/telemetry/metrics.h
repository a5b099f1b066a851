// Counters, gauges and histograms for Prometheus, cheap enough for the hot path: an increment is
// one relaxed atomic addition.
//
//   telemetry::Counter& accepted = registry.GetCounter(
//       "kindred_events_total", "Events by outcome.", {{"outcome", "accepted"}});
//   accepted.Increment();
//   std::string page = registry.RenderText();
#ifndef KINDRED_TELEMETRY_METRICS_H_
#define KINDRED_TELEMETRY_METRICS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace kindred::telemetry {

// Threads: the methods of a metric may be called from any thread. Each metric has a cache line of
// its own, so that workers do not slow each other down.
class alignas(64) Counter {
 public:
  void Increment(uint64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class alignas(64) Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  void Add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Fixed upper bounds, ascending; what lies above the last one is counted in +Inf.
class alignas(64) Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);
  // Values that are not numbers are dropped.
  void Observe(double value) { Observe(value, 1); }
  // As `times` observations of the same value.
  void Observe(double value, uint64_t times);
  void Observe(absl::Duration value) { Observe(absl::ToDoubleSeconds(value)); }

  struct Snapshot {
    std::vector<uint64_t> counts;  // per bucket, not cumulated; the last is +Inf
    uint64_t count = 0;
    double sum = 0;
  };
  Snapshot Read() const;
  // The value below which a share of `quantile` (0 to 1) of the observations lies, interpolated
  // within its bucket; 0 without observations, the last bound for what lies above it.
  double Quantile(double quantile) const;
  const std::vector<double>& bounds() const { return bounds_; }

 private:
  const std::vector<double> bounds_;
  std::vector<std::atomic<uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

// `count` bounds: start, start·factor, start·factor² …
std::vector<double> ExponentialBounds(double start, double factor, int count);
// Seconds, 0.25 ms to 2 s: for calls.
std::vector<double> CallBounds();
// Seconds, 0.5 ms to 524 s: from event produced to visible.
std::vector<double> FreshnessBounds();

using Labels = std::vector<std::pair<std::string, std::string>>;

enum class MetricKind { kCounter, kGauge };

// One value that a callback reports when the page is rendered.
struct Sample {
  Labels labels;
  double value = 0;
};

// Owns every metric. References stay valid as long as the registry.
//
// Asking again for the same name and labels gives the same metric. Names are programmer's text and
// are checked when first used; a wrong one ends the process: `kindred_` prefix, lower case,
// counters end in _total and nothing else does, no unit but seconds, bytes and ratio, a help text,
// one kind per name. Label values may be anything. A name holds at most kMaxSeries label sets: what
// comes later is counted together under the label value "other", so that input never makes memory
// grow.
//
// Threads: all methods from any thread; keep the reference instead of asking on a hot path (Get
// takes a lock and a map look-up).
class Registry {
 public:
  static constexpr size_t kMaxSeries = 1000;

  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Counter& GetCounter(absl::string_view name, absl::string_view help, Labels labels = {});
  Gauge& GetGauge(absl::string_view name, absl::string_view help, Labels labels = {});
  Histogram& GetHistogram(absl::string_view name, absl::string_view help,
                          std::vector<double> bounds, Labels labels = {});

  // Metrics that are computed when the page is rendered. `collect` runs on the rendering thread,
  // must not use the registry, and is never called again once the returned handle is gone.
  class Collector;
  using CollectFn = std::function<std::vector<Sample>()>;
  [[nodiscard]] std::unique_ptr<Collector> AddCollector(MetricKind kind, absl::string_view name,
                                                        absl::string_view help, CollectFn collect);

  // The page in Prometheus' text format, version 0.0.4.
  std::string RenderText() const;
  static constexpr absl::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

class Registry::Collector {
 public:
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

 private:
  friend class Registry;
  Collector(std::shared_ptr<Impl> impl, uint64_t id) : impl_(std::move(impl)), id_(id) {}
  std::shared_ptr<Impl> impl_;
  const uint64_t id_;
};

}  // namespace kindred::telemetry

#endif  // KINDRED_TELEMETRY_METRICS_H_
