// The events of bench/run as records of a log, in memory, and a store to apply them over.
#ifndef KINDRED_BENCH_MADE_LOG_H_
#define KINDRED_BENCH_MADE_LOG_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "cli/load_generator.h"
#include "node/shared_state.h"
#include "store/store.h"
#include "stream/record.h"

namespace kindred::bench {

// Deterministic; by default a hundred events in a second of event time.
class MadeLog {
 public:
  static constexpr int64_t kEventGapMs = 10;
  MadeLog(const cli::LoadOptions& load, int32_t partitions, int64_t event_gap_ms = kEventGapMs);
  // The next record, of the partition that its key belongs to.
  stream::RawRecord Next();

 private:
  cli::LoadGenerator generator_;
  const int32_t partitions_;
  const int64_t event_gap_ms_;
  std::vector<int64_t> offsets_;  // by partition
  int64_t made_ = 0;
};

// A node's defaults over so many partitions.
node::SharedOptions SharedOptionsOf(int32_t partitions);

// Runs `work` over an empty store in a directory of its own, which is removed afterwards. The exit
// code; an error is printed after `name`.
int WithStore(const char* name, int32_t partitions,
              const std::function<absl::Status(std::unique_ptr<store::Store>)>& work);

}  // namespace kindred::bench

#endif  // KINDRED_BENCH_MADE_LOG_H_
