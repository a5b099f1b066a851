// Evaluations of an audience of five clauses, all of them evaluated; and compiling it.
#include "benchmark/benchmark.h"
#include "expression/program.h"
#include "expression/test_record.h"

namespace kindred::expression {
namespace {

constexpr absl::string_view kFiveClauses =
    "country in ['AT', 'CH', 'DE'] and purchases >= 3 and now - last_purchase < 30d and "
    "trait('plan') != 'basic' and not ('churned' in tags)";

void BM_FiveClauses(benchmark::State& state) {
  const auto program = Compile(kFiveClauses, TestSchema());
  const TestRecord record;
  int64_t members = 0;
  int64_t now_ms = kTestNowMs;
  for (auto _ : state) members += program->Test(record, ++now_ms).value;
  if (members != static_cast<int64_t>(state.iterations())) state.SkipWithError("wrong");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_FiveClauses);

void BM_Compile(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Compile(kFiveClauses, TestSchema()));
}
BENCHMARK(BM_Compile);

void BM_Explain(benchmark::State& state) {
  const auto program = Compile(kFiveClauses, TestSchema());
  const TestRecord record;
  for (auto _ : state) benchmark::DoNotOptimize(program->Explain(record, kTestNowMs));
}
BENCHMARK(BM_Explain);

}  // namespace
}  // namespace kindred::expression

BENCHMARK_MAIN();
