#include "telemetry/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <sstream>
#include <type_traits>

#include "absl/base/thread_annotations.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "base/check.h"

namespace kindred::telemetry {
namespace {

constexpr size_t kMaxBounds = 64;
constexpr absl::string_view kWrongUnits[] = {
    "ms", "millis",      "milliseconds", "us",     "micros", "microseconds",
    "ns", "nanoseconds", "minutes",      "hours",  "days",   "kilobytes",
    "kb", "mb",          "megabytes",    "percent"};

bool IsName(absl::string_view name) {
  return !name.empty() && absl::ascii_islower(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
         });
}

void CheckName(absl::string_view name, absl::string_view help, bool is_counter) {
  KINDRED_CHECK(IsName(name) && absl::StartsWith(name, "kindred_")) << "metric name " << name;
  KINDRED_CHECK(!help.empty()) << "metric without help " << name;
  KINDRED_CHECK(absl::EndsWith(name, "_total") == is_counter)
      << "counters, and only counters, end in _total: " << name;
  for (absl::string_view suffix : {"_count", "_sum", "_bucket"}) {
    KINDRED_CHECK(!absl::EndsWith(name, suffix)) << "reserved for histograms: " << name;
  }
  for (absl::string_view word : absl::StrSplit(name, '_')) {
    for (absl::string_view unit : kWrongUnits) {
      KINDRED_CHECK(word != unit) << "base units are seconds, bytes and ratio: " << name;
    }
  }
}

void CheckLabels(absl::string_view name, const Labels& labels) {
  for (const auto& [label, value] : labels) {
    KINDRED_CHECK(IsName(label) && label != "le") << "label " << label << " of " << name;
  }
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {
  KINDRED_CHECK(!bounds_.empty() && bounds_.size() <= kMaxBounds) << "histogram bounds";
  KINDRED_CHECK(std::adjacent_find(bounds_.begin(), bounds_.end(), std::greater_equal<>()) ==
                bounds_.end())
      << "histogram bounds must ascend";
}

void Histogram::Observe(double value, uint64_t times) {
  if (std::isnan(value) || times == 0) return;
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[bucket].fetch_add(times, std::memory_order_relaxed);
  sum_.fetch_add(value * static_cast<double>(times), std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::Read() const {
  Snapshot snapshot;
  snapshot.counts.reserve(counts_.size());
  for (const std::atomic<uint64_t>& count : counts_) {
    snapshot.counts.push_back(count.load(std::memory_order_relaxed));
    snapshot.count += snapshot.counts.back();
  }
  snapshot.sum = sum_.load(std::memory_order_relaxed);
  return snapshot;
}

double Histogram::Quantile(double quantile) const {
  const Snapshot snapshot = Read();
  if (snapshot.count == 0) return 0;
  const double rank = std::clamp(quantile, 0.0, 1.0) * static_cast<double>(snapshot.count);
  double below = 0;
  for (size_t i = 0; i < bounds_.size(); ++i) {
    const double here = static_cast<double>(snapshot.counts[i]);
    if (here > 0 && below + here >= rank) {
      const double low = i == 0 ? std::min(0.0, bounds_[0]) : bounds_[i - 1];
      return low + (bounds_[i] - low) * ((rank - below) / here);
    }
    below += here;
  }
  return bounds_.back();
}

std::vector<double> ExponentialBounds(double start, double factor, int count) {
  KINDRED_CHECK(start > 0 && factor > 1 && count > 0) << "exponential bounds";
  std::vector<double> bounds;
  for (double bound = start; count > 0; --count, bound *= factor) bounds.push_back(bound);
  return bounds;
}

std::vector<double> CallBounds() { return ExponentialBounds(0.00025, 2, 14); }
std::vector<double> FreshnessBounds() { return ExponentialBounds(0.0005, 2, 21); }

// A family holds all label sets of one name. Metrics never move and are never removed.
struct Registry::Impl {
  enum class Type { kCounter, kGauge, kHistogram };
  struct Series {
    Labels labels;
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Gauge> gauge;
    std::unique_ptr<Histogram> histogram;
  };
  struct Family {
    std::string help;
    Type type;
    std::map<Labels, Series> series;  // by sorted labels
  };
  struct Callback {
    std::string name;
    CollectFn collect;
  };

  Family& FamilyOf(absl::string_view name, absl::string_view help, Type type)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    auto found = families.find(name);
    if (found == families.end()) {
      CheckName(name, help, type == Type::kCounter);
      found = families.emplace(name, Family{std::string(help), type, {}}).first;
    }
    KINDRED_CHECK(found->second.type == type) << "one kind per metric name: " << name;
    return found->second;
  }

  Series& SeriesOf(Family& family, absl::string_view name, Labels labels)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    CheckLabels(name, labels);
    std::sort(labels.begin(), labels.end());
    if (family.series.size() >= kMaxSeries && family.series.count(labels) == 0) {
      for (auto& [label, value] : labels) value = "other";
    }
    Series& series = family.series[labels];
    series.labels = std::move(labels);
    return series;
  }

  mutable absl::Mutex mutex;
  std::map<std::string, Family, std::less<>> families ABSL_GUARDED_BY(mutex);
  std::map<uint64_t, Callback> callbacks ABSL_GUARDED_BY(mutex);
  uint64_t next_id ABSL_GUARDED_BY(mutex) = 0;
};

Registry::Registry() : impl_(std::make_shared<Impl>()) {}
Registry::~Registry() = default;

Counter& Registry::GetCounter(absl::string_view name, absl::string_view help, Labels labels) {
  absl::MutexLock lock(&impl_->mutex);
  Impl::Family& family = impl_->FamilyOf(name, help, Impl::Type::kCounter);
  Impl::Series& series = impl_->SeriesOf(family, name, std::move(labels));
  if (series.counter == nullptr) series.counter = std::make_unique<Counter>();
  return *series.counter;
}

Gauge& Registry::GetGauge(absl::string_view name, absl::string_view help, Labels labels) {
  absl::MutexLock lock(&impl_->mutex);
  Impl::Family& family = impl_->FamilyOf(name, help, Impl::Type::kGauge);
  Impl::Series& series = impl_->SeriesOf(family, name, std::move(labels));
  if (series.gauge == nullptr) series.gauge = std::make_unique<Gauge>();
  return *series.gauge;
}

Histogram& Registry::GetHistogram(absl::string_view name, absl::string_view help,
                                  std::vector<double> bounds, Labels labels) {
  absl::MutexLock lock(&impl_->mutex);
  Impl::Family& family = impl_->FamilyOf(name, help, Impl::Type::kHistogram);
  Impl::Series& series = impl_->SeriesOf(family, name, std::move(labels));
  if (series.histogram == nullptr) {
    series.histogram = std::make_unique<Histogram>(std::move(bounds));
  }
  return *series.histogram;
}

std::unique_ptr<Registry::Collector> Registry::AddCollector(MetricKind kind, absl::string_view name,
                                                            absl::string_view help,
                                                            CollectFn collect) {
  absl::MutexLock lock(&impl_->mutex);
  impl_->FamilyOf(name, help,
                  kind == MetricKind::kCounter ? Impl::Type::kCounter : Impl::Type::kGauge);
  const uint64_t id = ++impl_->next_id;
  impl_->callbacks.emplace(id, Impl::Callback{std::string(name), std::move(collect)});
  return std::unique_ptr<Collector>(new Collector(impl_, id));
}

Registry::Collector::~Collector() {
  absl::MutexLock lock(&impl_->mutex);
  impl_->callbacks.erase(id_);
}

namespace {

prometheus::ClientMetric MetricWith(const Labels& labels) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : labels) metric.label.push_back({name, value});
  return metric;
}

void Fill(const Histogram& histogram, prometheus::ClientMetric::Histogram& out) {
  const Histogram::Snapshot snapshot = histogram.Read();
  out.sample_count = snapshot.count;
  out.sample_sum = snapshot.sum;
  uint64_t cumulative = 0;
  for (size_t i = 0; i < snapshot.counts.size(); ++i) {
    cumulative += snapshot.counts[i];
    const bool last = i == histogram.bounds().size();
    out.bucket.push_back(
        {cumulative, last ? std::numeric_limits<double>::infinity() : histogram.bounds()[i]});
  }
}

}  // namespace

std::string Registry::RenderText() const {
  std::vector<prometheus::MetricFamily> page;
  {
    absl::MutexLock lock(&impl_->mutex);
    std::map<absl::string_view, std::vector<Sample>> collected;
    for (const auto& [id, callback] : impl_->callbacks) {
      std::vector<Sample>& samples = collected[callback.name];
      for (Sample& sample : callback.collect()) {
        CheckLabels(callback.name, sample.labels);
        if (samples.size() < kMaxSeries) samples.push_back(std::move(sample));
      }
    }
    for (const auto& [name, family] : impl_->families) {
      prometheus::MetricFamily out;
      out.name = name;
      out.help = family.help;
      out.type = family.type == Impl::Type::kCounter ? prometheus::MetricType::Counter
                 : family.type == Impl::Type::kGauge ? prometheus::MetricType::Gauge
                                                     : prometheus::MetricType::Histogram;
      for (const auto& [labels, series] : family.series) {
        prometheus::ClientMetric metric = MetricWith(labels);
        if (series.counter) metric.counter.value = static_cast<double>(series.counter->value());
        if (series.gauge) metric.gauge.value = series.gauge->value();
        if (series.histogram) Fill(*series.histogram, metric.histogram);
        out.metric.push_back(std::move(metric));
      }
      for (const Sample& sample : collected[name]) {
        prometheus::ClientMetric metric = MetricWith(sample.labels);
        metric.counter.value = sample.value;
        metric.gauge.value = sample.value;
        out.metric.push_back(std::move(metric));
      }
      if (!out.metric.empty()) page.push_back(std::move(out));
    }
  }
  return prometheus::TextSerializer().Serialize(page);
}

}  // namespace kindred::telemetry
