// What a record costs to read, in CPU time of the whole process (the client's threads included):
//   batch   the client library's batch call, which loses records around pause, seek and rebalance
//   single  its call for one message
//   source  EventSource::PollBatch, as the node reads
// in turns over the same topic, and the ratio between them. Not measured: latency, the broker's
// cost.
//
//   tests/kafka/kafka run -- build/release/bin/consume_bench [records] [rounds] [queue MB] [topic]
//
// A topic that is named must hold the records already, in 8 partitions.
#include <librdkafka/rdkafka.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "base/log.h"
#include "stream/kafka_event_source.h"
#include "stream/record_sink.h"
#include "stream/test_cluster.h"

namespace kindred::stream {
namespace {

constexpr int kPartitions = 8;
constexpr size_t kValueBytes = 247;
constexpr size_t kBatch = 1000;
constexpr absl::Duration kPatience = absl::Seconds(120);

class FromTheBeginning : public RebalanceListener {
 public:
  std::vector<PartitionStart> OnAssigned(absl::Span<const PartitionId>) override { return {}; }
  void OnRevoked(absl::Span<const PartitionId>) override {}
  void OnLost(absl::Span<const PartitionId>) override {}
  std::optional<Offset> OnOutOfRange(PartitionId, Offset, Watermarks) override {
    return std::nullopt;
  }
};

struct Cost {
  double cpu_us = 0;   // a record
  double wall_us = 0;  // a record
  uint64_t hash = 0;   // of what was read, so that all three are seen to read the same
};

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

void Fill(const std::string& topic, size_t records) {
  KafkaSinkOptions options;
  options.connection = TestConnection();
  auto sink = OpenKafkaRecordSink(options);
  KINDRED_CHECK(sink.ok()) << sink.status();
  std::string value(kValueBytes, 'v');
  uint32_t noise = 1;
  for (size_t i = 0; i < records; ++i) {
    for (char& c : value) c = static_cast<char>(' ' + (noise = noise * 1664525 + 1013904223) % 90);
    const std::string key = absl::StrCat("customer-", i % 200'000);
    while (true) {
      const absl::Status status = (*sink)->Produce(
          {topic, PartitionId(static_cast<int32_t>(i % kPartitions)), key, value, {}, 0});
      if (status.ok()) break;
      KINDRED_CHECK(absl::IsResourceExhausted(status)) << status;
      absl::SleepFor(absl::Milliseconds(5));
    }
  }
  KINDRED_CHECK((*sink)->Flush(kPatience).ok());
}

// Counts from the first record on, so that connecting is left out.
class Meter {
 public:
  void Saw(absl::string_view value) {
    if (++seen_ == 1) {
      cpu_ = CpuSeconds();
      wall_ = absl::Now();
    }
    if (!value.empty()) hash_ += static_cast<unsigned char>(value.back());
  }
  size_t seen() const { return seen_; }
  Cost Result() const {
    return {1e6 * (CpuSeconds() - cpu_) / static_cast<double>(seen_),
            absl::ToDoubleMicroseconds(absl::Now() - wall_) / static_cast<double>(seen_), hash_};
  }

 private:
  size_t seen_ = 0;
  double cpu_ = 0;
  absl::Time wall_;
  uint64_t hash_ = 0;
};

Cost ReadSource(const std::string& topic, size_t records, size_t queue_bytes) {
  FromTheBeginning listener;
  KafkaSourceOptions options;
  options.connection = TestConnection();
  options.topic = topic;
  options.queue_bytes = queue_bytes;
  auto source = OpenKafkaEventSource(options, &listener);
  KINDRED_CHECK(source.ok()) << source.status();
  Meter meter;
  std::vector<RawRecord> batch;
  while (meter.seen() < records) {
    batch.clear();
    KINDRED_CHECK((*source)->PollBatch(kBatch, absl::Milliseconds(100), batch).ok());
    for (const RawRecord& record : batch) meter.Saw(record.value());
  }
  const Cost cost = meter.Result();
  batch.clear();
  return cost;
}

// The library by itself, with the settings of KafkaEventSource.
Cost ReadBare(const std::string& topic, size_t records, size_t queue_bytes, bool in_batches) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char error[256];
  const KafkaSourceOptions defaults;
  const std::pair<const char*, std::string> settings[] = {
      {"bootstrap.servers", TestConnection().brokers},
      {"group.id", "bench"},
      {"check.crcs", "true"},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"fetch.wait.max.ms", "100"},
      {"queued.min.messages", absl::StrCat(defaults.queue_records)},
      {"queued.max.messages.kbytes", absl::StrCat(queue_bytes >> 10)}};
  for (const auto& [name, value] : settings) {
    KINDRED_CHECK(rd_kafka_conf_set(conf, name, value.c_str(), error, sizeof(error)) ==
                  RD_KAFKA_CONF_OK)
        << error;
  }
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
  KINDRED_CHECK(client != nullptr) << error;
  rd_kafka_poll_set_consumer(client);
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(kPartitions);
  for (int p = 0; p < kPartitions; ++p) {
    rd_kafka_topic_partition_list_add(list, topic.c_str(), p)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_assign(client, list);
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(client);
  Meter meter;
  std::vector<rd_kafka_message_t*> batch(in_batches ? kBatch : 1);
  while (meter.seen() < records) {
    ssize_t got = 0;
    if (in_batches) {
      got = rd_kafka_consume_batch_queue(queue, 100, batch.data(), batch.size());
    } else {
      batch[0] = rd_kafka_consumer_poll(client, 100);
      got = batch[0] != nullptr;
    }
    for (ssize_t i = 0; i < got; ++i) {
      KINDRED_CHECK(batch[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR)
          << rd_kafka_message_errstr(batch[i]);
      meter.Saw({static_cast<const char*>(batch[i]->payload), batch[i]->len});
      rd_kafka_message_destroy(batch[i]);
    }
  }
  const Cost cost = meter.Result();
  rd_kafka_queue_destroy(queue);
  rd_kafka_consumer_close(client);
  rd_kafka_destroy(client);
  return cost;
}

int Main(size_t records, int rounds, size_t queue_bytes, std::string topic) {
  base::SetLogLevel(base::LogLevel::kWarning);
  if (topic.empty()) {
    topic = MakeTopic("consume-bench", kPartitions);
    Fill(topic, records);
  }
  const std::pair<const char*, std::function<Cost()>> ways[] = {
      {"batch", [&] { return ReadBare(topic, records, queue_bytes, true); }},
      {"single", [&] { return ReadBare(topic, records, queue_bytes, false); }},
      {"source", [&] { return ReadSource(topic, records, queue_bytes); }}};
  double best[3] = {1e9, 1e9, 1e9};
  std::printf("%zu records of %s\n", records, topic.c_str());
  for (int round = 0; round < rounds; ++round) {
    for (size_t way = 0; way < 3; ++way) {
      const Cost cost = ways[way].second();
      best[way] = std::min(best[way], cost.cpu_us);
      std::printf("%-6s  %.3f us CPU, %.3f us wall a record (hash %llu)\n", ways[way].first,
                  cost.cpu_us, cost.wall_us, static_cast<unsigned long long>(cost.hash));
    }
  }
  std::printf("best CPU: single / batch = %.2f, source / batch = %.2f, source / single = %.2f\n",
              best[1] / best[0], best[2] / best[0], best[2] / best[1]);
  return 0;
}

}  // namespace
}  // namespace kindred::stream

int main(int argc, char** argv) {
  const long records = argc > 1 ? std::atol(argv[1]) : 2'000'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 3;
  const size_t queue_mb =
      argc > 3 ? std::atol(argv[3]) : kindred::stream::KafkaSourceOptions().queue_bytes >> 20;
  if (records < 1 || rounds < 1 || queue_mb < 1) {
    std::fprintf(stderr, "usage: consume_bench [records] [rounds] [queue MB] [topic]\n");
    return 2;
  }
  return kindred::stream::Main(static_cast<size_t>(records), rounds, queue_mb << 20,
                               argc > 4 ? argv[4] : "");
}
