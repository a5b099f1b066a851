// How long a call waits for its answer now, asked from outside: a call to the server itself.
#ifndef KINDRED_NODE_CALL_WAIT_H_
#define KINDRED_NODE_CALL_WAIT_H_

#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "node/admission.h"

namespace kindred::node {

// Inside the server nobody sees what waits: calls that were not read yet are bytes in sockets. So
// while calls come, the health of `address` is asked for again and again, and ten times a second
// the admission is told how long that takes: the answer's wait, or what has passed without one, so
// that it need not wait itself to learn that everybody does. Of two such waits in a row the shorter
// counts: one alone is chance.
// It also beats for the admission's HoldUp.
class CallWait {
 public:
  // `admission` must outlive it.
  CallWait(const std::string& address, Admission* admission);
  ~CallWait();

 private:
  struct Probe;

  void Run(const std::string& address);
  // How long the newest probe waited, or has waited so far; begins one when `wanted` and none is
  // under way.
  absl::Duration Ask(bool wanted);

  Admission& admission_;
  std::unique_ptr<Probe> probe_;  // the thread's
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool answered_ ABSL_GUARDED_BY(mutex_) = true;
  absl::Time answer_time_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_CALL_WAIT_H_
