// Sends records to a topic at full speed, waiting where it must: for the client's queue, and for
// the reader of an embedded broker.
#ifndef KINDRED_CLI_FEEDER_H_
#define KINDRED_CLI_FEEDER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "stream/embedded_broker.h"
#include "stream/record_sink.h"

namespace kindred::cli {

struct FeedTarget {
  std::string topic;
  int32_t partitions = 0;            // only needed with a gate
  stream::FeedGate* gate = nullptr;  // of an embedded broker; null: a real one
};

// Threads: one.
class Feeder {
 public:
  Feeder(FeedTarget target, stream::RecordSink* sink);

  // An empty key sends without key. Waits while the queue is full.
  absl::Status Send(absl::string_view key, absl::string_view value,
                    absl::Span<const stream::Header> headers = {});
  // Waits until all is delivered; the first error of any record.
  absl::Status Finish();
  uint64_t sent() const { return sent_; }
  uint64_t failed() const { return failed_->load(); }

 private:
  const FeedTarget target_;
  stream::RecordSink& sink_;
  uint64_t sent_ = 0;
  std::shared_ptr<std::atomic<uint64_t>> failed_ = std::make_shared<std::atomic<uint64_t>>(0);
};

}  // namespace kindred::cli

#endif  // KINDRED_CLI_FEEDER_H_
