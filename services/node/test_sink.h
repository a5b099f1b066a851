// A sink for tests: keeps what it is given until the test says what became of it.
#ifndef KINDRED_NODE_TEST_SINK_H_
#define KINDRED_NODE_TEST_SINK_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "stream/record_sink.h"

namespace kindred::node {

class TestSink final : public stream::RecordSink {
 public:
  struct Taken {
    std::string key;
    std::string value;
    stream::OnDelivered done;
  };

  absl::Status Prepare(const std::string&, absl::Duration) override { return absl::OkStatus(); }
  absl::Status Produce(const stream::OutRecord& record, stream::OnDelivered done) override {
    absl::MutexLock lock(&mutex_);
    if (!refusal.ok()) return refusal;
    taken_.push_back({std::string(record.key.value_or("")), std::string(record.value.value_or("")),
                      std::move(done)});
    return absl::OkStatus();
  }
  absl::Status Flush(absl::Duration) override { return absl::OkStatus(); }
  size_t pending() const override {
    absl::MutexLock lock(&mutex_);
    return taken_.size();
  }

  // Everything since the last time.
  std::vector<Taken> Take() {
    absl::MutexLock lock(&mutex_);
    return std::exchange(taken_, {});
  }

  absl::Status refusal;  // of what comes; set before there are threads

 private:
  mutable absl::Mutex mutex_;
  std::vector<Taken> taken_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_TEST_SINK_H_
