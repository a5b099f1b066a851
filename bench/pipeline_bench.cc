// What the node does to a record after it was fetched, without Kafka: the same made-up events as
// bench/run, in memory, through partitions that share a store, with a checkpoint of each partition
// every so many records. Prints CPU time by part, of the whole process: what RocksDB's threads do
// meanwhile counts where it falls.
//
//   pipeline_bench --events 2000000 --checkpoint-every 400000
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "cli/load_generator.h"
#include "made_log.h"
#include "node/partition.h"
#include "node/partition_set.h"
#include "node/shared_state.h"
#include "node/store_cold_reader.h"
#include "store/store.h"

namespace kindred::bench {
namespace {

struct Options {
  uint64_t events = 2'000'000;
  uint64_t checkpoint_every = 0;
  uint64_t poll_records = 2000;
  int32_t partitions = 8;
  uint64_t days = 0;
  size_t sampled_customers = node::SharedOptions().sampled_customers;
  cli::LoadOptions load;

  int64_t event_gap_ms() const {
    return days == 0 ? MadeLog::kEventGapMs : static_cast<int64_t>(days * 86'400'000 / events);
  }
  node::SharedOptions shared() const {
    node::SharedOptions shared = SharedOptionsOf(partitions);
    shared.sampled_customers = sampled_customers;
    return shared;
  }
};

// CPU time of the whole process, seconds.
double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class Pipeline {
 public:
  Pipeline(const Options& options, std::unique_ptr<store::Store> store)
      : options_(options),
        store_(std::move(store)),
        shared_(options.shared()),
        partitions_(&shared_),
        bench_(&shared_),
        cold_(store_.get()),
        log_(options.load, options.partitions, options.event_gap_ms()) {}

  absl::Status Run() {
    uint64_t since_checkpoint = 0;
    while (made_ < options_.events) {
      const Runs runs = Poll();
      const double start = CpuSeconds();
      for (int32_t p = 0; p < options_.partitions; ++p) {
        const auto& run = runs[static_cast<size_t>(p)];
        if (run.empty()) continue;
        since_checkpoint += run.size();
        KINDRED_RETURN_IF_ERROR(partitions_.Ensure(PartitionId(p)).Apply(run, cold_, &bench_));
      }
      apply_ += CpuSeconds() - start;
      if (options_.checkpoint_every == 0 ||
          (since_checkpoint < options_.checkpoint_every && made_ < options_.events)) {
        continue;
      }
      since_checkpoint = 0;
      for (int32_t p = 0; p < options_.partitions; ++p) {
        KINDRED_RETURN_IF_ERROR(Checkpoint(&partitions_.Ensure(PartitionId(p))));
      }
    }
    const double n = static_cast<double>(options_.events) * 1e-6;
    std::printf("apply %.3f us, encode %.3f us, write %.3f us, together %.3f us an event\n",
                apply_ / n, encode_ / n, write_ / n, (apply_ + encode_ + write_) / n);
    PrintProfileBytes();
    return absl::OkStatus();
  }

 private:
  using Runs = std::vector<std::vector<stream::RawRecord>>;

  // What a fetch of every partition brings.
  Runs Poll() {
    Runs runs(static_cast<size_t>(options_.partitions));
    const uint64_t wanted = options_.poll_records * static_cast<uint64_t>(options_.partitions);
    for (uint64_t i = 0; i < wanted && made_ < options_.events; ++i, ++made_) {
      stream::RawRecord record = log_.Next();
      runs[static_cast<size_t>(record.partition().value())].push_back(std::move(record));
    }
    return runs;
  }

  absl::Status Checkpoint(node::Partition* partition) {
    double start = CpuSeconds();
    std::optional<node::PendingCheckpoint> pending = partition->TakeCheckpoint(*store_);
    encode_ += CpuSeconds() - start;
    if (!pending.has_value()) return absl::OkStatus();
    start = CpuSeconds();
    KINDRED_RETURN_IF_ERROR(store_->Write(std::move(pending->checkpoint)));
    partition->CheckpointDone(*pending);
    write_ += CpuSeconds() - start;
    return absl::OkStatus();
  }

  // What customers take at rest and in memory.
  void PrintProfileBytes() {
    std::vector<size_t> bytes;
    size_t in_memory = 0;
    std::string value;
    partitions_.ForEach([&](const node::PartitionSlot& slot) {
      in_memory += slot.state->profile_bytes();
      uint64_t cursor = 0;
      do {
        cursor = slot.state->Walk(cursor, 1000, [&](const profile::Customer& customer) {
          value.clear();
          customer.profile.Encode(&value);
          bytes.push_back(value.size() + customer.id().size());
        });
      } while (cursor != 0);
    });
    if (bytes.empty()) return;
    std::sort(bytes.begin(), bytes.end());
    const double sum = std::accumulate(bytes.begin(), bytes.end(), 0.0);
    const double count = static_cast<double>(bytes.size());
    std::printf(
        "%zu customers; at rest, with the id: median %zu, mean %.0f, p99 %zu bytes; in "
        "memory %.0f each\n",
        bytes.size(), bytes[bytes.size() / 2], sum / count, bytes[bytes.size() * 99 / 100],
        static_cast<double>(in_memory) / count);
  }

  const Options options_;
  const std::unique_ptr<store::Store> store_;
  node::SharedState shared_;
  node::PartitionSet partitions_;
  node::Workbench bench_;
  const node::StoreColdReader cold_;
  MadeLog log_;
  uint64_t made_ = 0;
  double apply_ = 0, encode_ = 0, write_ = 0;
};

int Main(int argc, char** argv) {
  CLI::App app("What the node does to a record after it was fetched");
  Options options;
  app.add_option("--events", options.events, "Records")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--checkpoint-every", options.checkpoint_every,
                 "Records between the checkpoints of all partitions; 0: none")
      ->capture_default_str();
  app.add_option("--poll-records", options.poll_records, "Records of a run")->capture_default_str();
  app.add_option("--customers", options.load.customers)->capture_default_str();
  app.add_option("--items", options.load.items)->capture_default_str();
  app.add_option("--partitions", options.partitions)->capture_default_str();
  app.add_option("--days", options.days,
                 "Of event time that the records span; 0: a hundred of them in a second")
      ->capture_default_str();
  app.add_option("--sampled-customers", options.sampled_customers,
                 "Of each partition, that predictions are trained on; 0: none")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return WithStore("pipeline_bench", options.partitions,
                   [&options](auto store) { return Pipeline(options, std::move(store)).Run(); });
}

}  // namespace
}  // namespace kindred::bench

int main(int argc, char** argv) { return kindred::bench::Main(argc, argv); }
