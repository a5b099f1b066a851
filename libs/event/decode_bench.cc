// What decoding costs, by format. Goal: at most 0.4 µs for a native JSON record of 250 bytes, and
// no allocation in the steady state. Not measured: cleaning, the broker, cold caches.
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "event/decoder.h"
#include "event/encode.h"
#include "kindred/event/v1/event.pb.h"
#include "simdjson.h"

namespace {

std::atomic<uint64_t> allocations{0};

}  // namespace

__attribute__((noinline)) void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}
__attribute__((noinline)) void operator delete(void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace kindred::event {
namespace {

// 250 bytes of JSON.
Event Purchase() {
  Event event;
  event.event_id = "9b2f6c1e-77d0-4c58-9d0e-1f2a3b4c5d6e";
  event.user_id = "u-0000157645";
  event.type = EventType::kPurchase;
  event.event_time_ms = 1795341600250;
  event.item_id = "sku-0000347";
  event.quantity = 2;
  event.price = 9.95;
  event.currency = "EUR";
  event.order_id = "o-55";
  event.category = "tea";
  event.channel = "web";
  return event;
}

void DecodeAll(benchmark::State& state, const std::string& bytes) {
  Decoder decoder;
  std::vector<Event> events;
  const EncodedRecord record{.key = "u-0000157645", .value = bytes};
  for (int i = 0; i < 10; ++i) {
    if (!decoder.Decode(record, &events).ok()) return state.SkipWithError("not decoded");
  }
  const uint64_t before = allocations;
  for (auto _ : state) {
    benchmark::DoNotOptimize(decoder.Decode(record, &events));
    benchmark::DoNotOptimize(events.data());
  }
  state.counters["allocations"] = benchmark::Counter(static_cast<double>(allocations - before),
                                                     benchmark::Counter::kAvgIterations);
  state.counters["record_bytes"] = static_cast<double>(bytes.size());
  state.counters["events"] = static_cast<double>(events.size());
}

void BM_NativeJson(benchmark::State& state) { DecodeAll(state, EncodeJson(Purchase())); }
BENCHMARK(BM_NativeJson);

// The limit: the same bytes parsed, and every field looked at once, by simdjson alone.
void BM_SimdjsonAlone(benchmark::State& state) {
  const simdjson::padded_string text(EncodeJson(Purchase()));
  simdjson::dom::parser parser;
  size_t bytes = 0;
  for (auto _ : state) {
    simdjson::dom::object object;
    if (parser.parse(text).get(object) != simdjson::SUCCESS) {
      return state.SkipWithError("not parsed");
    }
    for (const simdjson::dom::key_value_pair field : object) bytes += field.key.size();
    benchmark::DoNotOptimize(bytes);
  }
}
BENCHMARK(BM_SimdjsonAlone);

void BM_NativeJsonWithProperties(benchmark::State& state) {
  Event event = Purchase();
  event.properties = {{"coupon", "\"none\""}, {"position", "3"}, {"gift", "false"}};
  DecodeAll(state, EncodeJson(event));
}
BENCHMARK(BM_NativeJsonWithProperties);

void BM_NativeProtobuf(benchmark::State& state) { DecodeAll(state, EncodeProto(Purchase())); }
BENCHMARK(BM_NativeProtobuf);

void BM_SegmentJson(benchmark::State& state) { DecodeAll(state, *EncodeSegmentJson(Purchase())); }
BENCHMARK(BM_SegmentJson);

void BM_SegmentOrderOfTen(benchmark::State& state) {
  std::string json =
      R"({"type":"track","messageId":"m-1","userId":"u","event":"Order Completed",)"
      R"("timestamp":"2026-11-22T10:00:00Z","properties":{"order_id":"o","currency":"EUR","products":[)";
  for (int i = 0; i < 10; ++i) {
    if (i > 0) json += ',';
    json += R"({"product_id":"sku-0000347","price":9.95,"quantity":2,"category":"tea"})";
  }
  DecodeAll(state, json + "]}}");
}
BENCHMARK(BM_SegmentOrderOfTen);

void BM_CloudEvent(benchmark::State& state) { DecodeAll(state, EncodeCloudEvent(Purchase())); }
BENCHMARK(BM_CloudEvent);

// What the generated code of libprotobuf needs for the same bytes, into a message that is used
// again; copying into an Event would come on top.
void BM_LibprotobufParse(benchmark::State& state) {
  const std::string bytes = EncodeProto(Purchase());
  kindred::event::v1::Event message;
  for (auto _ : state) {
    benchmark::DoNotOptimize(message.ParseFromString(bytes));
  }
}
BENCHMARK(BM_LibprotobufParse);

}  // namespace
}  // namespace kindred::event

BENCHMARK_MAIN();
