#include "node/http_gate.h"

namespace kindred::node {

bool HttpGate::Enter() {
  {
    absl::MutexLock lock(&mutex_);
    const auto free = [this]()
                          ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return answering_ < at_once_; };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&free), longest_wait_)) return false;
    ++answering_;
  }
  if (admission_ == nullptr || admission_->Enter()) return true;
  absl::MutexLock lock(&mutex_);
  --answering_;
  return false;
}

void HttpGate::Leave(absl::Duration took) {
  if (admission_ != nullptr) admission_->Leave(took);
  absl::MutexLock lock(&mutex_);
  --answering_;
}

}  // namespace kindred::node
