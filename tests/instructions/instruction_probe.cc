// Fixed inputs for tests/instructions/check: what is counted lies in the functions Measured…(), and
// everything else prepares it. Prints how many times each does its work.
//
//   instruction_probe [--slow-decode]      decodes every fourth record twice: proof that the check
//                                          would notice
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "cli/load_generator.h"
#include "event/decoder.h"
#include "node/partition.h"
#include "node/partition_set.h"
#include "node/shared_state.h"
#include "recommend/recommender.h"

namespace kindred {
namespace {

constexpr int32_t kPartitions = 2;
constexpr size_t kWarmUpRecords = 6000;
constexpr size_t kMeasuredRecords = 2000;
constexpr size_t kMeasuredCustomers = 50;
constexpr int64_t kBeginMs = 1'760'000'000'000;

std::vector<cli::LoadRecord> MakeRecords() {
  cli::LoadOptions options;
  options.customers = 500;
  options.items = 1000;
  options.categories = 20;
  options.brands = 50;
  options.sessions = 100;
  cli::LoadGenerator generator(options);
  std::vector<cli::LoadRecord> records;
  for (size_t i = 0; i < kWarmUpRecords + kMeasuredRecords; ++i) {
    records.push_back(generator.Next(kBeginMs + static_cast<int64_t>(i) * 100));
  }
  return records;
}

// Records of each partition, ready to be applied.
using Runs = std::vector<std::vector<stream::RawRecord>>;

Runs Split(const std::vector<cli::LoadRecord>& records, size_t begin, size_t end,
           std::vector<int64_t>* offsets) {
  Runs runs(kPartitions);
  for (size_t i = begin; i < end; ++i) {
    const auto partition = static_cast<size_t>(base::PartitionOf(records[i].key, kPartitions));
    stream::RecordParts parts;
    parts.topic = "events";
    parts.partition = PartitionId(static_cast<int32_t>(partition));
    parts.offset = Offset((*offsets)[partition]++);
    parts.key = records[i].key;
    parts.value = records[i].value;
    parts.timestamp_ms = kBeginMs + static_cast<int64_t>(i) * 100;
    runs[partition].emplace_back(std::move(parts));
  }
  return runs;
}

class NothingCold final : public node::ColdReader {
 public:
  absl::StatusOr<std::vector<std::optional<std::string>>> Read(
      PartitionId, absl::Span<const absl::string_view> ids) const override {
    return std::vector<std::optional<std::string>>(ids.size());
  }
};

}  // namespace

// Outside of the unnamed namespace and never inlined: the counter is told their names.
[[gnu::noinline]] size_t MeasuredDecode(const std::vector<cli::LoadRecord>& records, bool slow) {
  event::Decoder decoder{event::DecoderOptions{}};
  std::vector<event::Event> events;
  size_t decoded = 0;
  for (size_t i = kWarmUpRecords; i < records.size(); ++i) {
    event::EncodedRecord record;
    record.key = records[i].key;
    record.value = records[i].value;
    record.arrival_ms = kBeginMs;
    decoded += decoder.Decode(record, &events).ok() ? events.size() : 0;
    if (slow && i % 4 == 0) decoded += decoder.Decode(record, &events).ok() ? 0 : 1;
  }
  return decoded;
}

[[gnu::noinline]] void MeasuredApply(const Runs& runs, node::PartitionSet* partitions,
                                     node::Workbench* bench) {
  const NothingCold cold;
  for (size_t p = 0; p < runs.size(); ++p) {
    const absl::Status status =
        partitions->Ensure(PartitionId(static_cast<int32_t>(p))).Apply(runs[p], cold, bench);
    KINDRED_CHECK(status.ok()) << status;
  }
}

[[gnu::noinline]] size_t MeasuredRecommend(const std::vector<std::vector<recommend::Touch>>& recent,
                                           const recommend::ItemIndex& index) {
  const recommend::Recommender recommender;
  recommend::Answer answer;
  size_t items = 0;
  for (const std::vector<recommend::Touch>& touches : recent) {
    recommend::Request request;
    request.now_ms = kBeginMs + 1'000'000;
    request.recent = touches;
    recommender.Recommend(request, index, &answer);
    items += answer.items.size();
  }
  return items;
}

namespace {

int Main(bool slow) {
  const std::vector<cli::LoadRecord> records = MakeRecords();
  std::printf("decode %zu\n", kMeasuredRecords);
  KINDRED_CHECK(MeasuredDecode(records, slow) > kMeasuredRecords * 9 / 10);

  node::SharedOptions options;
  options.partition_count = kPartitions;
  node::SharedState shared(options);
  node::PartitionSet partitions(&shared);
  node::Workbench bench(&shared);
  const NothingCold cold;
  std::vector<int64_t> offsets(kPartitions, 0);
  const Runs before = Split(records, 0, kWarmUpRecords, &offsets);
  for (size_t p = 0; p < before.size(); ++p) {
    const absl::Status status =
        partitions.Ensure(PartitionId(static_cast<int32_t>(p))).Apply(before[p], cold, &bench);
    KINDRED_CHECK(status.ok()) << status;
  }
  const Runs measured = Split(records, kWarmUpRecords, records.size(), &offsets);
  std::printf("apply %zu\n", kMeasuredRecords);
  MeasuredApply(measured, &partitions, &bench);

  std::vector<std::vector<recommend::Touch>> recent;
  for (size_t i = records.size(); i-- > 0 && recent.size() < kMeasuredCustomers;) {
    const std::string& id = records[i].key;
    const PartitionId home(base::PartitionOf(id, kPartitions));
    std::vector<recommend::Touch> touches;
    const auto found = partitions.Ensure(home).Visit(
        id, profile::CustomerMap::Hash(id), cold,
        [&touches](const profile::Profile& profile) { node::TouchesOf(profile, &touches); });
    if (found.ok() && *found && !touches.empty()) recent.push_back(std::move(touches));
  }
  std::printf("recommend %zu\n", recent.size());
  KINDRED_CHECK(MeasuredRecommend(recent, shared.index) > 0);
  return 0;
}

}  // namespace
}  // namespace kindred

int main(int argc, char** argv) {
  return kindred::Main(argc > 1 && std::strcmp(argv[1], "--slow-decode") == 0);
}
