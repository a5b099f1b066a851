#include "made_log.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/status/statusor.h"
#include "base/hash.h"

namespace kindred::bench {
namespace {

constexpr int64_t kBeginMs = 1'760'000'000'000;

}  // namespace

MadeLog::MadeLog(const cli::LoadOptions& load, int32_t partitions, int64_t event_gap_ms)
    : generator_(load),
      partitions_(partitions),
      event_gap_ms_(event_gap_ms),
      offsets_(static_cast<size_t>(partitions), 0) {}

stream::RawRecord MadeLog::Next() {
  const int64_t time_ms = kBeginMs + made_++ * event_gap_ms_;
  const cli::LoadRecord& load = generator_.Next(time_ms);
  const int32_t partition = base::PartitionOf(load.key, partitions_);
  stream::RecordParts parts;
  parts.topic = "events";
  parts.partition = PartitionId(partition);
  parts.offset = Offset(offsets_[static_cast<size_t>(partition)]++);
  parts.key = load.key;
  parts.value = load.value;
  parts.timestamp_ms = time_ms;
  return stream::RawRecord(std::move(parts));
}

node::SharedOptions SharedOptionsOf(int32_t partitions) {
  node::SharedOptions shared;
  shared.partition_count = partitions;
  shared.pairs = recommend::SharedOver(recommend::PairOptions(), partitions);
  return shared;
}

int WithStore(const char* name, int32_t partitions,
              const std::function<absl::Status(std::unique_ptr<store::Store>)>& work) {
  std::error_code failed;
  std::string directory = std::filesystem::temp_directory_path(failed) / "kindred-bench-XXXXXX";
  if (failed || mkdtemp(directory.data()) == nullptr) {
    std::fprintf(stderr, "%s: no directory can be made for the store\n", name);
    return 1;
  }
  store::StoreOptions options;
  options.data_dir = directory;
  options.cluster_id = "bench";
  options.topic = "events";
  options.partition_count = partitions;
  absl::StatusOr<std::unique_ptr<store::Store>> store = store::Store::Open(options);
  const absl::Status status = store.ok() ? work(*std::move(store)) : store.status();
  std::filesystem::remove_all(directory, failed);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s: %s\n", name, status.ToString().c_str());
  return 1;
}

}  // namespace kindred::bench
