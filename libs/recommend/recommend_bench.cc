// What learning an event and answering a request cost, on made-up sessions: 50,000 items, Zipf 1.0,
// neighbouring items together. Not measured here: the service around it, real data (kindred
// evaluate).
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "benchmark/benchmark.h"
#include "recommend/pair_table.h"
#include "recommend/recommender.h"

namespace kindred::recommend {
namespace {

constexpr uint32_t kItems = 50'000;
constexpr uint32_t kCustomers = 20'000;
constexpr int64_t kStart = 1'700'000'000'000;

// Customers in turn, each with the newest 20 touches, as the profile keeps them.
class Shop {
 public:
  explicit Shop(int partitions) : customers_(kCustomers) {
    for (int p = 0; p < partitions; ++p) {
      tables_.push_back(
          std::make_shared<PairTable>(PartitionId(p), SharedOver({}, partitions), &index_));
      index_.Attach(tables_.back());
    }
    touches_.reserve(1 << 20);
    for (int i = 0; i < 1 << 20; ++i) {
      const double u = std::uniform_real_distribution<double>(0, 1)(random_);
      const uint32_t centre = static_cast<uint32_t>(std::exp(u * std::log(kItems)));
      touches_.push_back({random_() % kCustomers, 1 + (centre + random_() % 16) % kItems});
    }
  }
  void Step() {
    const auto [customer, item] = touches_[at_++ % touches_.size()];
    std::vector<Touch>& recent = customers_[customer];
    const Touch touch{.item = ItemId(item), .time_ms = kStart + static_cast<int64_t>(at_) / 100};
    tables_[customer % tables_.size()]->AddEvent(touch, recent);
    if (recent.size() == 20) recent.pop_back();
    recent.insert(recent.begin(), touch);
  }
  const std::vector<Touch>& recent(uint32_t customer) const { return customers_[customer]; }
  const ItemIndex& index() const { return index_; }

 private:
  std::mt19937 random_{1};
  ItemIndex index_;
  std::vector<std::shared_ptr<PairTable>> tables_;
  std::vector<std::vector<Touch>> customers_;
  std::vector<std::pair<uint32_t, uint32_t>> touches_;
  uint64_t at_ = 0;
};

void BM_AddEvent(benchmark::State& state) {
  Shop shop(1);
  for (int i = 0; i < 200'000; ++i) shop.Step();
  for (auto _ : state) shop.Step();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_AddEvent);

void BM_Recommend(benchmark::State& state) {
  Shop shop(static_cast<int>(state.range(0)));
  for (int i = 0; i < 400'000; ++i) shop.Step();
  const Recommender recommender;
  Answer answer;
  uint32_t customer = 0;
  uint64_t candidates = 0;
  for (auto _ : state) {
    recommender.Recommend({.now_ms = kStart + 10'000, .recent = shop.recent(customer)},
                          shop.index(), &answer);
    candidates += answer.candidates;
    customer = (customer + 1) % kCustomers;
  }
  state.counters["candidates"] =
      static_cast<double>(candidates) / static_cast<double>(state.iterations());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Recommend)->Arg(1)->Arg(4)->Arg(16);

}  // namespace
}  // namespace kindred::recommend

BENCHMARK_MAIN();
