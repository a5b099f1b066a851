// Which HTTP calls are answered when more come than can be, and who has a thread.
#ifndef KINDRED_NODE_HTTP_GATE_H_
#define KINDRED_NODE_HTTP_GATE_H_

#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "node/admission.h"

namespace kindred::node {

// A call needs a turn: so many are answered at once, others wait a little, and what waits too long
// is refused, as is what the admission of all calls refuses. Health and metrics do not ask.
// Threads: any.
class HttpGate {
 public:
  // `admission` (null: none) must outlive it.
  HttpGate(Admission* admission, int at_once, absl::Duration longest_wait)
      : admission_(admission), at_once_(at_once), longest_wait_(longest_wait) {}

  // One call's turn; gives it back at its end.
  class Turn {
   public:
    explicit Turn(HttpGate* gate) : gate_(*gate), admitted_(gate->Enter()), begin_(absl::Now()) {
      if (admitted_ && gate_.admission_ != nullptr) sample_.emplace(gate_.admission_);
    }
    ~Turn() {
      sample_.reset();
      if (admitted_) gate_.Leave(absl::Now() - begin_);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    // False: refuse the call.
    bool admitted() const { return admitted_; }

   private:
    HttpGate& gate_;
    const bool admitted_;
    const absl::Time begin_;  // of the answer: waiting for the turn is no work
    std::optional<CpuSample> sample_;
  };

 private:
  bool Enter();
  void Leave(absl::Duration took);

  Admission* const admission_;
  const int at_once_;
  const absl::Duration longest_wait_;
  absl::Mutex mutex_;
  int answering_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_HTTP_GATE_H_
