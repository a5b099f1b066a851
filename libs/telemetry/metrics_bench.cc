// What a metric costs on the hot path, alone and with two threads on the same one.
#include <benchmark/benchmark.h>

#include "telemetry/metrics.h"

namespace kindred::telemetry {
namespace {

Registry& Metrics() {
  static Registry* const registry = new Registry;
  return *registry;
}

void BM_CounterIncrement(benchmark::State& state) {
  Counter& counter = Metrics().GetCounter("kindred_bench_total", "Increments.");
  for (auto _ : state) counter.Increment();
}
BENCHMARK(BM_CounterIncrement)->Threads(1)->Threads(2);

void BM_HistogramObserve(benchmark::State& state) {
  Histogram& histogram =
      Metrics().GetHistogram("kindred_bench_duration_seconds", "Observations.", CallBounds());
  double value = 0.0001;
  for (auto _ : state) histogram.Observe(value = value < 1 ? value * 1.1 : 0.0001);
}
BENCHMARK(BM_HistogramObserve)->Threads(1)->Threads(2);

void BM_GetCounter(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        &Metrics().GetCounter("kindred_bench_total", "Increments.", {{"partition", "3"}}));
  }
}
BENCHMARK(BM_GetCounter);

void BM_RenderThousandSeries(benchmark::State& state) {
  Registry registry;
  for (int i = 0; i < 1000; ++i) {
    registry.GetGauge("kindred_bench_records", "Values.", {{"partition", std::to_string(i)}});
  }
  for (auto _ : state) benchmark::DoNotOptimize(registry.RenderText());
}
BENCHMARK(BM_RenderThousandSeries)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace kindred::telemetry

BENCHMARK_MAIN();
