// Which calls are answered when more come than the node can answer.
#ifndef KINDRED_NODE_ADMISSION_H_
#define KINDRED_NODE_ADMISSION_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "node/hold_up.h"

namespace kindred::node {

struct AdmissionOptions {
  int max_calls = 1000;  // at once
  // A new call may wait this long for its turn; from there on a share of the calls is refused.
  absl::Duration target_wait = absl::Milliseconds(50);
  // Where answers take milliseconds each, a few of them ahead of a call are no overload: its bound
  // is eight times the work of an answer then, but not more than this.
  absl::Duration longest_target_wait = absl::Milliseconds(500);
  // Of the calls that could be answered if none were refused, at least this share is answered.
  double least_goodput = 0.85;
};

// A call that is refused costs its transport all the same: bytes read, decoded, an answer sent.
// With w the work of an answer and t the cost of the transport, answering a share x of all calls
// gives x (t + w) / (t + x w) of the goodput without refusals. So no more is refused than keeps
// that above `least_goodput`; what is still too much waits in its sender's connection, which flow
// control holds back.
// Threads: Observe() from one thread, the others from any.
class Admission {
 public:
  explicit Admission(const AdmissionOptions& options) : options_(options) {}

  // False: refuse the call. True: answer it, then Leave().
  bool Enter() {
    const uint32_t share = share_.load(std::memory_order_relaxed);
    if (share < kAll) {
      // Spread evenly: the n-th call is taken when the sum of the shares reaches a new whole.
      const uint64_t n = offered_.fetch_add(1, std::memory_order_relaxed);
      if ((n + 1) * share / kAll == n * share / kAll) return Refuse();
    }
    if (in_flight_.fetch_add(1, std::memory_order_relaxed) < options_.max_calls) return true;
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    return Refuse();
  }
  // `work`: what the answer took, without its transport.
  void Leave(absl::Duration work) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    worked_ns_.fetch_add(absl::ToInt64Nanoseconds(work), std::memory_order_relaxed);
    answered_.fetch_add(1, std::memory_order_relaxed);
  }
  // Of what an answer took, a part was the processor's work for it, the rest waiting for the
  // processor. To ask costs about a microsecond, so it is asked of some answers: of those that cost
  // much, and of one in eight.
  bool WantsCpuTime() const {
    return costly_.load(std::memory_order_relaxed) ||
           answered_.load(std::memory_order_relaxed) % 8 == 0;
  }
  void CpuTime(absl::Duration work, absl::Duration cpu) {
    sampled_ns_.fetch_add(absl::ToInt64Nanoseconds(work), std::memory_order_relaxed);
    sampled_cpu_ns_.fetch_add(absl::ToInt64Nanoseconds(cpu), std::memory_order_relaxed);
  }

  // Told several times a second: how long a new call waits for its answer now; how long ago it was
  // told before, and the processor's time that the process had since then; how many threads answer.
  void Observe(absl::Duration wait, absl::Duration since_last, absl::Duration cpu, int threads);

  HoldUp& hold_up() { return hold_up_; }
  // Calls answered and refused so far.
  uint64_t answered() const { return answered_.load(std::memory_order_relaxed); }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }
  // Of the calls that come now, the share that is answered.
  double share() const { return share_.load(std::memory_order_relaxed) / double{kAll}; }

 private:
  static constexpr uint32_t kAll = 1 << 16;
  bool Refuse() {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }

  const AdmissionOptions options_;
  HoldUp hold_up_;
  std::atomic<int> in_flight_{0};
  std::atomic<uint32_t> share_{kAll};  // of kAll
  std::atomic<uint64_t> offered_{0};
  std::atomic<uint64_t> answered_{0};
  std::atomic<uint64_t> refused_{0};
  std::atomic<int64_t> worked_ns_{0};
  std::atomic<int64_t> sampled_ns_{0};
  std::atomic<int64_t> sampled_cpu_ns_{0};
  std::atomic<bool> costly_{false};
  // Of the last Observe(), which one thread calls.
  double work_s_ = 0;  // of an answer, smoothed
  uint64_t seen_answered_ = 0;
  uint64_t seen_refused_ = 0;
  int64_t seen_worked_ns_ = 0;
  int64_t seen_sampled_ns_ = 0;
  int64_t seen_sampled_cpu_ns_ = 0;
  double cpu_share_ = 1;  // of what answers took, smoothed
};

// Measures an answer's processor time where the admission wants it; on one thread.
class CpuSample {
 public:
  explicit CpuSample(Admission* admission);
  ~CpuSample();
  CpuSample(const CpuSample&) = delete;
  CpuSample& operator=(const CpuSample&) = delete;

 private:
  Admission* const admission_;  // null: not wanted
  absl::Time begin_;
  absl::Duration cpu_begin_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_ADMISSION_H_
