// A thread for every HTTP connection, up to a bound: a connection that is idle or slow holds up
// nobody else, least of all whoever asks for health.
#ifndef KINDRED_NODE_CONNECTION_THREADS_H_
#define KINDRED_NODE_CONNECTION_THREADS_H_

#include <httplib.h>

#include <deque>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace kindred::node {

class ConnectionThreads final : public httplib::TaskQueue {
 public:
  explicit ConnectionThreads(size_t most) : most_(most) {}

  void enqueue(std::function<void()> serve) override {
    absl::MutexLock lock(&mutex_);
    waiting_.push_back(std::move(serve));
    if (waiting_.size() > idle_ && threads_.size() < most_) {
      threads_.emplace_back([this] { Run(); });
    }
  }

  void shutdown() override {
    std::vector<std::thread> threads;
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
      threads.swap(threads_);
    }
    for (std::thread& thread : threads) thread.join();
  }

 private:
  void Run() {
    while (true) {
      std::function<void()> serve;
      {
        absl::MutexLock lock(&mutex_);
        const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
          return stopping_ || !waiting_.empty();
        };
        ++idle_;
        mutex_.Await(absl::Condition(&ready));
        --idle_;
        if (waiting_.empty()) return;
        serve = std::move(waiting_.front());
        waiting_.pop_front();
      }
      serve();
    }
  }

  const size_t most_;
  absl::Mutex mutex_;
  size_t idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_CONNECTION_THREADS_H_
