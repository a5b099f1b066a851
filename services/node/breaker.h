// Stops a partition whose log is nearly all poison, before all of it has gone to the dead letters.
#ifndef KINDRED_NODE_BREAKER_H_
#define KINDRED_NODE_BREAKER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kindred::node {

struct BreakerOptions {
  uint32_t window_records = 5000;
  // Of a window's records, the share of rejected ones that trips it, above 0 to 1. 0: never.
  double share = 0.9;
};

// Counts in records of the log, never in time: it trips at the same offset however often the
// process was restarted meanwhile. Windows follow each other, so a log that turns bad is stopped
// after at most 1 + share windows.
// Threads: one at a time.
class Breaker {
 public:
  explicit Breaker(const BreakerOptions& options);

  // One more record; `rejected` when nothing of it could be used.
  void Count(bool rejected) {
    if (records_ >= options_.window_records) records_ = rejected_ = 0;
    ++records_;
    rejected_ += rejected ? 1 : 0;
  }
  // No further record may be applied.
  bool tripped() const { return rejected_ >= limit_; }
  // Begins a new window: the operator wants to go on.
  void Reset() { records_ = rejected_ = 0; }

  uint32_t records() const { return records_; }    // of this window
  uint32_t rejected() const { return rejected_; }  // of them

  std::string Encode() const;
  // DataLoss for bytes that Encode() cannot have made.
  absl::Status Restore(absl::string_view bytes);

 private:
  const BreakerOptions options_;
  const uint32_t limit_;  // rejected records of a window that trip it
  uint32_t records_ = 0;
  uint32_t rejected_ = 0;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_BREAKER_H_
