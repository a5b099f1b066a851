// What a put costs, over everything: encoding, log, memory, flushes, compactions. Each line is one
// way to run the store; CPU is that of all threads of the process.
//
//   store_bench [--puts=2000000] [--customers=1000000] [--batch=4000] [--value=400] [--dir=/tmp]
//               [--way=0]   (only that line; default all)
//
// It does not measure: a slow disk (files mostly stay in the page cache), a machine that loses
// power.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "base/hash.h"
#include "store/store.h"

namespace kindred::store {
namespace {

struct Load {
  int64_t puts = 2'000'000;
  int64_t customers = 1'000'000;
  int64_t batch = 4'000;
  int64_t value = 400;
  int64_t way = -1;
  std::string dir = std::filesystem::temp_directory_path().string();
};

struct Way {
  const char* name;
  Durability durability;
  int64_t puts_between_flushes;  // 0: only when memory is full
};

// A second of a busy node is about 60,000 customers changed; of a quiet one, 4,000.
constexpr Way kWays[] = {
    {"write-ahead log", Durability::kWriteAheadLog, 0},
    {"no log, flushed when memory is full", Durability::kFlushOnly, 0},
    {"no log, flushed every 60,000 puts", Durability::kFlushOnly, 60'000},
    {"no log, flushed every 4,000 puts", Durability::kFlushOnly, 4'000},
};

double CpuSeconds() {
  rusage usage;
  KINDRED_CHECK(::getrusage(RUSAGE_SELF, &usage) == 0);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::string CustomerId(uint64_t number) { return absl::StrCat("customer-", number * 7919); }

// About half of it compresses away, as of a profile.
void FillValue(std::minstd_rand& random, std::string* value) {
  for (size_t i = 0; i < value->size(); i += 8) {
    const uint32_t noise = static_cast<uint32_t>(random());
    for (size_t j = 0; j < 4 && i + j < value->size(); ++j) {
      (*value)[i + j] = static_cast<char>(noise >> (8 * j));
    }
  }
}

void MeasureReads(const Store& store, const Load& load) {
  std::minstd_rand random(11);
  constexpr int kIds = 500;
  constexpr int kRounds = 400;
  uint64_t digest = 0;
  const double before = CpuSeconds();
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::string> names(kIds);
    for (std::string& name : names) name = CustomerId(random() % load.customers);
    const std::vector<absl::string_view> ids(names.begin(), names.end());
    const auto found = store.MultiGet(Table::kProfile, PartitionId(0), ids);
    KINDRED_CHECK(found.ok()) << found.status();
    for (const auto& value : *found) {
      if (value.has_value()) digest ^= base::Fingerprint64(*value);
    }
  }
  std::printf("    read with MultiGet %.2f us a key (digest %016llx)\n",
              (CpuSeconds() - before) * 1e6 / (kIds * kRounds),
              static_cast<unsigned long long>(digest));
}

void Measure(const Way& way, const Load& load) {
  const std::string dir = absl::StrCat(load.dir, "/kindred-store-bench-", ::getpid());
  StoreOptions options;
  options.data_dir = dir;
  options.cluster_id = "bench";
  options.topic = "events";
  options.partition_count = 1;
  options.durability = way.durability;
  auto opened = Store::Open(options);
  KINDRED_CHECK(opened.ok()) << opened.status();
  Store& store = **opened;

  std::minstd_rand random(7);
  std::string value(static_cast<size_t>(load.value), 'x');
  double own_cpu = 0;  // of making the values
  const double cpu_before = CpuSeconds();
  const absl::Time began = absl::Now();
  int64_t since_flush = 0;
  for (int64_t put = 0; put < load.puts; put += load.batch) {
    Checkpoint checkpoint = store.NewCheckpoint(PartitionId(0));
    for (int64_t i = 0; i < load.batch; ++i) {
      FillValue(random, &value);
      checkpoint.Put(Table::kProfile, CustomerId(random() % load.customers), value);
    }
    checkpoint.SetNextOffset(Offset(put + load.batch));
    const absl::Status written = store.Write(std::move(checkpoint));
    KINDRED_CHECK(written.ok()) << written;
    since_flush += load.batch;
    if (way.puts_between_flushes > 0 && since_flush >= way.puts_between_flushes) {
      KINDRED_CHECK(store.Flush().ok());
      since_flush = 0;
    }
  }
  const double seconds = absl::ToDoubleSeconds(absl::Now() - began);
  // Compactions that are still owed belong to the price.
  while (true) {
    const StoreStats stats = store.Stats();
    if (stats.running_compactions + stats.running_flushes == 0) break;
    absl::SleepFor(absl::Milliseconds(20));
  }
  const double cpu = CpuSeconds() - cpu_before;
  {
    std::minstd_rand again(7);
    const double before = CpuSeconds();
    uint64_t digest = 0;
    for (int64_t put = 0; put < load.puts; ++put) {
      FillValue(again, &value);
      digest += CustomerId(again() % load.customers).size();
    }
    own_cpu = CpuSeconds() - before;
    KINDRED_CHECK(digest > 0u);
  }
  const StoreStats stats = store.Stats();
  std::printf("%-38s %6.2f us CPU a put, %7.0f puts/s, %5.0f MB of files\n", way.name,
              (cpu - own_cpu) * 1e6 / static_cast<double>(load.puts),
              static_cast<double>(load.puts) / seconds,
              static_cast<double>(stats.file_bytes) / 1e6);
  MeasureReads(store, load);
  KINDRED_CHECK(store.Close().ok());
  const absl::Time reopening = absl::Now();
  opened = Store::Open(options);
  KINDRED_CHECK(opened.ok()) << opened.status();
  std::printf("    open again %.0f ms\n", absl::ToDoubleMilliseconds(absl::Now() - reopening));
  opened->reset();
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace kindred::store

int main(int argc, char** argv) {
  kindred::store::Load load;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    const bool ok =
        (absl::ConsumePrefix(&argument, "--puts=") && absl::SimpleAtoi(argument, &load.puts)) ||
        (absl::ConsumePrefix(&argument, "--customers=") &&
         absl::SimpleAtoi(argument, &load.customers)) ||
        (absl::ConsumePrefix(&argument, "--batch=") && absl::SimpleAtoi(argument, &load.batch)) ||
        (absl::ConsumePrefix(&argument, "--value=") && absl::SimpleAtoi(argument, &load.value)) ||
        (absl::ConsumePrefix(&argument, "--way=") && absl::SimpleAtoi(argument, &load.way));
    if (ok) continue;
    if (absl::ConsumePrefix(&argument, "--dir=")) {
      load.dir = std::string(argument);
      continue;
    }
    std::fprintf(stderr, "unknown argument: %s\n", argv[i]);
    return 2;
  }
  int64_t number = 0;
  for (const auto& way : kindred::store::kWays) {
    if (load.way < 0 || load.way == number) kindred::store::Measure(way, load);
    ++number;
  }
  return 0;
}
