// What counting an event into its series costs.
#include <benchmark/benchmark.h>

#include <vector>

#include "learn/random.h"
#include "series/series_book.h"

namespace kindred::series {
namespace {

// Events of one hour after the other; a tail of items and categories.
std::vector<SeriesEvent> Events() {
  learn::Random random(1);
  std::vector<SeriesEvent> events;
  for (int i = 0; i < 200'000; ++i) {
    SeriesEvent event;
    event.time_ms = 20'000LL * 24 * kHourMs + i * 10'000LL;
    event.customer_hash = 0x9E3779B97F4A7C15 * (1 + random.Below(20'000));
    event.type = 1 + static_cast<uint32_t>(random.Below(5));
    event.category = 1 + static_cast<uint32_t>(random.Below(1 + random.Below(200)));
    event.item = 1 + static_cast<uint32_t>(random.Below(1 + random.Below(20'000)));
    event.amount_micros = event.type == 1 ? 9'950'000 : 0;
    events.push_back(event);
  }
  return events;
}

void BM_Add(benchmark::State& state) {
  const std::vector<SeriesEvent> events = Events();
  SeriesBook book;
  size_t i = 0;
  for (auto _ : state) {
    if (i == events.size()) {
      state.PauseTiming();
      i = 0;
      book = SeriesBook();
      state.ResumeTiming();
    }
    book.Add(events[i++]);
  }
  state.counters["book_bytes"] = static_cast<double>(book.memory_bytes());
}
BENCHMARK(BM_Add);

void BM_TakeChanges(benchmark::State& state) {
  const std::vector<SeriesEvent> events = Events();
  SeriesBook book;
  for (const SeriesEvent& event : events) book.Add(event);
  size_t bytes = 0;
  size_t rows = 0;
  const auto put = [&](absl::string_view key, absl::string_view row) {
    bytes += key.size() + row.size();
    ++rows;
  };
  const auto erase = [](absl::string_view) {};
  book.TakeChanges(put, erase);
  bytes = rows = 0;
  size_t i = 0;
  for (auto _ : state) {
    state.PauseTiming();
    // What a second brings.
    for (int n = 0; n < 5000; ++n) {
      SeriesEvent event = events[i++ % events.size()];
      event.time_ms = book.newest_ms();
      book.Add(event);
    }
    state.ResumeTiming();
    book.TakeChanges(put, erase);
  }
  state.counters["bytes"] =
      benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kAvgIterations);
  state.counters["rows"] =
      benchmark::Counter(static_cast<double>(rows), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_TakeChanges)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace kindred::series

BENCHMARK_MAIN();
