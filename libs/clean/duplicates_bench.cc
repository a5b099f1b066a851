// Cost of finding copies, bytes for each fingerprint, and the slowest single insert.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "benchmark/benchmark.h"
#include "clean/duplicates.h"

namespace kindred::clean {
namespace {

constexpr int64_t kStart = 1763805600000;
constexpr uint64_t kSpread = 0x9E3779B97F4A7C15;

DuplicateOptions Roomy() {
  DuplicateOptions options;
  options.memory_bytes = size_t{1} << 30;
  return options;
}

// From empty to as many as told, with the fingerprints of a batch loaded ahead or not. Checkpoints
// every 100,000 events.
void BM_Fill(benchmark::State& state) {
  const auto count = static_cast<uint64_t>(state.range(0));
  const uint64_t batch = static_cast<uint64_t>(state.range(1));
  size_t bytes = 0;
  for (auto _ : state) {
    DuplicateWindow window(Roomy());
    for (uint64_t i = 0; i < count; i += batch) {
      if (batch > 1) {
        for (uint64_t k = i; k < i + batch; ++k) window.Prefetch(k * kSpread);
      }
      for (uint64_t k = i; k < i + batch; ++k) {
        benchmark::DoNotOptimize(
            window.Insert(k * kSpread, kStart + static_cast<int64_t>(k) / 150));
      }
      if (i % 100000 < batch) window.TakeChanges();
    }
    window.TakeChanges();
    bytes = window.memory_bytes();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(count));
  state.counters["bytes_each"] = static_cast<double>(bytes) / static_cast<double>(count);
}
BENCHMARK(BM_Fill)
    ->Args({1000000, 1})
    ->Args({10000000, 1})
    ->Args({10000000, 16})
    ->Unit(benchmark::kMillisecond);

// Ten million in the window, of which the oldest expire as new ones come; one in twenty is a copy.
void BM_Steady(benchmark::State& state) {
  constexpr uint64_t kCount = 10000000;
  constexpr int64_t kPerMs =
      kCount / (24 * 3600 * 1000);  // integer: about one in nine microseconds
  static_assert(kPerMs == 0);
  const auto arrival = [](uint64_t i) {
    return kStart + static_cast<int64_t>(i * (24 * 3600 * 1000.0 / kCount));
  };
  const uint64_t batch = static_cast<uint64_t>(state.range(0));
  DuplicateWindow window(Roomy());
  uint64_t next = 0;
  for (; next < kCount + kCount / 2; ++next) {
    window.Insert(next * kSpread, arrival(next));
    if (next % 100000 == 0) window.TakeChanges();
  }
  std::mt19937_64 random(1);
  std::vector<uint64_t> fingerprints(batch);
  for (auto _ : state) {
    for (uint64_t& fingerprint : fingerprints) {
      fingerprint = (random() % 20 == 0 ? next - random() % kCount : next++) * kSpread;
    }
    if (batch > 1) {
      for (const uint64_t fingerprint : fingerprints) window.Prefetch(fingerprint);
    }
    for (const uint64_t fingerprint : fingerprints) {
      benchmark::DoNotOptimize(window.Insert(fingerprint, arrival(next)));
    }
    if (next % 100000 < batch) window.TakeChanges();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(batch));
  state.counters["bytes_each"] =
      static_cast<double>(window.memory_bytes()) / static_cast<double>(window.size());
}
BENCHMARK(BM_Steady)->Arg(1)->Arg(16);

// The slowest of ten million inserts, microseconds: growth must not stall.
void BM_SlowestInsert(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> micros;
  for (auto _ : state) {
    DuplicateWindow window(Roomy());
    for (uint64_t i = 0; i < 10000000; ++i) {
      const Clock::time_point begin = Clock::now();
      window.Insert(i * kSpread, kStart + static_cast<int64_t>(i) / 150);
      const std::chrono::duration<double, std::micro> took = Clock::now() - begin;
      if (took.count() > 20) micros.push_back(took.count());
      if (i % 100000 == 0) window.TakeChanges();
    }
  }
  std::sort(micros.begin(), micros.end());
  state.counters["above_20us"] = static_cast<double>(micros.size());
  state.counters["max_us"] = micros.empty() ? 0 : micros.back();
  state.counters["p99_of_those_us"] = micros.empty() ? 0 : micros[micros.size() * 99 / 100];
}
BENCHMARK(BM_SlowestInsert)->Iterations(1)->Unit(benchmark::kMillisecond);

void BM_Restore(benchmark::State& state) {
  DuplicateWindow window(Roomy());
  for (uint64_t i = 0; i < 10000000; ++i) window.Insert(i * kSpread, kStart);
  std::vector<StoredRow> rows = window.TakeChanges().puts;
  std::sort(rows.begin(), rows.end(),
            [](const StoredRow& a, const StoredRow& b) { return a.key < b.key; });
  for (auto _ : state) {
    DuplicateWindow restored(Roomy());
    for (const StoredRow& row : rows) {
      if (!restored.RestoreRow(row.key, row.value).ok()) state.SkipWithError("refused");
    }
    if (!restored.FinishRestore().ok()) state.SkipWithError("incomplete");
  }
  state.SetItemsProcessed(state.iterations() * 10000000);
}
BENCHMARK(BM_Restore)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kindred::clean

BENCHMARK_MAIN();
