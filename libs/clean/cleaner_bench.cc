// Cost of cleaning, judging and counting one event.
#include <cstdint>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "clean/cleaner.h"
#include "clean/quality.h"

namespace kindred::clean {
namespace {

constexpr int64_t kNow = 1763805600000;

event::Event Purchase() {
  event::Event event;
  event.event_id = "7f9c24e8-3b12-4fef-91e1-8a1f6c0b2d55";
  event.user_id = "customer-123456";
  event.type = event::EventType::kPurchase;
  event.event_time_ms = kNow - 1000;
  event.item_id = "sku-98765";
  event.quantity = 2;
  event.price = 9.95;
  event.currency = "EUR";
  event.order_id = "order-5551234";
  event.category = "tea";
  event.brand = "Camellia";
  event.channel = "web";
  event.device = "phone";
  event.country = "DE";
  event.session_id = "session-4711";
  return event;
}

void BM_Clean(benchmark::State& state) {
  event::Event event = Purchase();
  if (state.range(0) == 0) event.event_id = "";
  Cleaner cleaner;
  for (auto _ : state) benchmark::DoNotOptimize(cleaner.Clean(event, kNow));
}
BENCHMARK(BM_Clean)->ArgName("with_id")->Arg(1)->Arg(0);

void BM_CleanView(benchmark::State& state) {
  event::Event event = Purchase();
  event.type = event::EventType::kView;
  event.quantity.reset();
  event.order_id = "";
  Cleaner cleaner;
  for (auto _ : state) benchmark::DoNotOptimize(cleaner.Clean(event, kNow));
}
BENCHMARK(BM_CleanView);

void BM_Reject(benchmark::State& state) {
  event::Event event = Purchase();
  event.price = -1;
  Cleaner cleaner;
  for (auto _ : state) benchmark::DoNotOptimize(cleaner.Clean(event, kNow));
}
BENCHMARK(BM_Reject);

void BM_FlagOutliers(benchmark::State& state) {
  Cleaner cleaner;
  PriceBook book;
  AmountHistory amounts;
  RateHistory rate;
  for (int i = 0; i < 50; ++i) amounts.Update(5 + i);
  std::vector<std::string> items;
  for (int i = 0; i < 100000; ++i) items.push_back("sku-" + std::to_string(i));
  event::Event event = Purchase();
  CleanEvent clean = *cleaner.Clean(event, kNow).event;
  size_t next = 0;
  for (auto _ : state) {
    clean.item_id = items[next];
    next = (next + 7919) % items.size();
    benchmark::DoNotOptimize(cleaner.FlagOutliers(amounts, rate, &book, &clean));
  }
}
BENCHMARK(BM_FlagOutliers);

void BM_CountAccepted(benchmark::State& state) {
  Cleaner cleaner;
  event::Event event = Purchase();
  const CleanEvent& clean = *cleaner.Clean(event, kNow).event;
  QualityCounts counts;
  for (auto _ : state) {
    counts.CountAccepted(clean);
    benchmark::DoNotOptimize(counts);
  }
}
BENCHMARK(BM_CountAccepted);

}  // namespace
}  // namespace kindred::clean

BENCHMARK_MAIN();
