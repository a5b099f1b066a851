// CPU per event of Apply, of reading and writing a record, of the features, and of finding a
// customer. The customers follow a Zipf distribution (exponent 1), as on a shop.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "clean/cleaner.h"
#include "learn/random.h"
#include "profile/customer_map.h"
#include "profile/features.h"
#include "profile/profile.h"

namespace kindred::profile {
namespace {

constexpr size_t kCustomers = 150'000;
constexpr size_t kEvents = 2'000'000;
constexpr int64_t kStartMs = 1'750'000'000'000;

struct Step {
  uint32_t customer;
  ApplyContext context;
};

// A population, the events that make it, and its profiles.
class Population {
 public:
  static Population& Get() {
    static Population* const population = new Population;
    return *population;
  }

  void Apply(size_t i, Profile& profile) {
    const Step& step = steps_[i % kEvents];
    clean::CleanEvent& event = *events_[step.context.item.value() % events_.size()];
    event.event_time_ms = kStartMs + static_cast<int64_t>(i) * 3'000;
    profile.Apply(event, step.context);
  }
  uint32_t customer(size_t i) const { return steps_[i % kEvents].customer; }
  const std::string& id(size_t customer) const { return ids_[customer]; }
  std::vector<Profile> profiles;

 private:
  Population() {
    learn::Random random(1);
    for (int i = 0; i < 64; ++i) AddEvent(i);
    for (size_t i = 0; i < kCustomers; ++i) ids_.push_back(absl::StrCat("customer-", i));
    steps_.reserve(kEvents);
    for (size_t i = 0; i < kEvents; ++i) {
      Step step;
      // Inverse of the continuous Zipf distribution with exponent 1.
      step.customer = static_cast<uint32_t>(std::pow(kCustomers, random.Uniform())) - 1;
      step.context.affinity_decay = &decay_;
      step.context.outlier_rules = &rules_.outliers;
      step.context.default_currency = TermId(1);
      step.context.item = ItemId(1 + static_cast<uint32_t>(random.Below(50'000)));
      // A customer turns to 6 categories and 12 brands.
      step.context.category = TermId(10 + (step.customer * 7 + random.Below(6)) % 40);
      step.context.brand = TermId(60 + (step.customer * 13 + random.Below(12)) % 100);
      step.context.channel = TermId(2 + step.customer % 3);
      step.context.device = TermId(5 + step.customer % 3);
      step.context.country = TermId(8 + step.customer % 2);
      steps_.push_back(step);
    }
    profiles.resize(kCustomers);
    for (size_t i = 0; i < kEvents; ++i) Apply(i, profiles[customer(i)]);
  }

  // Of 64 events, 55 views, 6 carts, 3 purchases.
  void AddEvent(int i) {
    // Clean events look into the event they were made from.
    raw_.push_back(std::make_unique<event::Event>());
    event::Event& event = *raw_.back();
    event.event_id = "e";
    event.user_id = "u";
    event.item_id = "sku";
    event.type = i < 55   ? event::EventType::kView
                 : i < 61 ? event::EventType::kAddToCart
                          : event::EventType::kPurchase;
    event.event_time_ms = kStartMs;
    event.price = 9.95 + i;
    event.quantity = 1;
    cleaners_.push_back(std::make_unique<clean::Cleaner>(rules_));
    events_.push_back(cleaners_.back()->Clean(event, kStartMs).event);
  }

  clean::CleanRules rules_;
  learn::ForwardDecay decay_{30 * learn::ForwardDecay::kDayMs};
  std::vector<std::unique_ptr<event::Event>> raw_;
  std::vector<std::unique_ptr<clean::Cleaner>> cleaners_;
  std::vector<clean::CleanEvent*> events_;
  std::vector<std::string> ids_;
  std::vector<Step> steps_;
};

// Not a time: what customers weigh, for README.md.
void BM_Sizes(benchmark::State& state) {
  Population& population = Population::Get();
  double memory = 0;
  double record_bytes = 0;
  std::vector<size_t> sizes;
  for (const Profile& profile : population.profiles) {
    std::string record;
    profile.Encode(&record);
    sizes.push_back(record.size());
    record_bytes += static_cast<double>(record.size());
    memory += static_cast<double>(profile.memory_bytes());
  }
  std::nth_element(sizes.begin(), sizes.begin() + kCustomers / 2, sizes.end());
  for (auto _ : state) benchmark::ClobberMemory();
  state.counters["mean_memory"] = memory / kCustomers;
  state.counters["mean_record"] = record_bytes / kCustomers;
  state.counters["median_record"] = static_cast<double>(sizes[kCustomers / 2]);
}
BENCHMARK(BM_Sizes)->Iterations(1);

// One customer, all of it in the cache: the work itself.
void BM_ApplyHot(benchmark::State& state) {
  Population& population = Population::Get();
  std::vector<Profile> hot(64);
  size_t i = kEvents;
  for (auto _ : state) {
    population.Apply(i, hot[i % hot.size()]);
    ++i;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ApplyHot);

// All customers, as they come: memory included.
void BM_ApplyZipf(benchmark::State& state) {
  Population& population = Population::Get();
  size_t i = kEvents;
  for (auto _ : state) {
    population.Apply(i, population.profiles[population.customer(i)]);
    ++i;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ApplyZipf);

// The same with the customers of the coming events loaded ahead, as the node does for a batch.
void BM_ApplyZipfPrefetched(benchmark::State& state) {
  Population& population = Population::Get();
  size_t i = kEvents;
  for (auto _ : state) {
    const char* const coming =
        reinterpret_cast<const char*>(&population.profiles[population.customer(i + 16)]);
    for (size_t line = 0; line < sizeof(Profile); line += 64) __builtin_prefetch(coming + line);
    population.profiles[population.customer(i + 8)].Prefetch();
    population.Apply(i, population.profiles[population.customer(i)]);
    ++i;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ApplyZipfPrefetched);

void BM_Encode(benchmark::State& state) {
  Population& population = Population::Get();
  std::string out;
  size_t bytes = 0;
  size_t i = 0;
  for (auto _ : state) {
    out.clear();
    population.profiles[i++ % 1024 * 100].Encode(&out);
    bytes += out.size();
  }
  state.counters["bytes"] = static_cast<double>(bytes) / static_cast<double>(state.iterations());
}
BENCHMARK(BM_Encode);

void BM_Decode(benchmark::State& state) {
  Population& population = Population::Get();
  std::vector<std::string> records(1024);
  for (size_t i = 0; i < records.size(); ++i) population.profiles[i * 100].Encode(&records[i]);
  size_t i = 0;
  for (auto _ : state) {
    auto profile = Profile::Decode(records[i++ % records.size()]);
    benchmark::DoNotOptimize(profile);
  }
}
BENCHMARK(BM_Decode);

void BM_Features(benchmark::State& state) {
  Population& population = Population::Get();
  size_t i = 0;
  for (auto _ : state) {
    FeatureVector values = TransformedFeatures(population.profiles[i++ % 1024 * 100], kStartMs * 2);
    benchmark::DoNotOptimize(values);
  }
}
BENCHMARK(BM_Features);

void BM_Find(benchmark::State& state) {
  Population& population = Population::Get();
  CustomerMap map;
  for (size_t i = 0; i < kCustomers; ++i) {
    map.Insert(population.id(i), CustomerMap::Hash(population.id(i)), Profile());
  }
  size_t i = 0;
  for (auto _ : state) {
    const std::string& id = population.id(population.customer(i++));
    benchmark::DoNotOptimize(map.Find(id, CustomerMap::Hash(id)));
  }
}
BENCHMARK(BM_Find);

}  // namespace
}  // namespace kindred::profile

BENCHMARK_MAIN();
