// How long a call waits for its answer now, asked from outside: a call to the server itself.
#ifndef KINDRED_NODE_CALL_WAIT_H_
#define KINDRED_NODE_CALL_WAIT_H_

#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "node/admission.h"

namespace kindred::node {

// Inside the server nobody sees what waits: calls that were not read yet are bytes in sockets. So a
// thread asks for the health of `address` ten times a second while calls come, and tells the
// admission what the shorter of two waits was: one long wait alone is chance.
class CallWait {
 public:
  // `admission` must outlive it.
  CallWait(const std::string& address, Admission* admission);
  ~CallWait();

 private:
  void Run(const std::string& address);

  Admission& admission_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_CALL_WAIT_H_
