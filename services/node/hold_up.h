// Whether the process could not run for a while: stopped, swapped out, on a machine that froze.
#ifndef KINDRED_NODE_HOLD_UP_H_
#define KINDRED_NODE_HOLD_UP_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

namespace kindred::node {

// A thread that does nothing long beats ten times a second; a beat that is late says that all
// threads were held up. What comes just after that may have come long ago.
// Threads: Beat() from one, Recent() from any.
class HoldUp {
 public:
  static constexpr absl::Duration kLate = absl::Milliseconds(300);
  // So long after a hold-up what comes may be old.
  static constexpr absl::Duration kAfter = absl::Milliseconds(300);

  void Beat(absl::Time now) {
    const int64_t ns = absl::ToUnixNanos(now);
    const int64_t last = last_ns_.exchange(ns, std::memory_order_relaxed);
    if (last != 0 && absl::Nanoseconds(ns - last) > kLate) {
      until_ns_.store(ns + absl::ToInt64Nanoseconds(kAfter), std::memory_order_relaxed);
    }
  }

  // A hold-up has just ended; also when the thread that beats has not noticed it yet.
  bool Recent(absl::Time now) const {
    const int64_t ns = absl::ToUnixNanos(now);
    const int64_t last = last_ns_.load(std::memory_order_relaxed);
    return ns < until_ns_.load(std::memory_order_relaxed) ||
           (last != 0 && absl::Nanoseconds(ns - last) > kLate);
  }

 private:
  std::atomic<int64_t> last_ns_{0};  // 0: never
  std::atomic<int64_t> until_ns_{0};
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_HOLD_UP_H_
