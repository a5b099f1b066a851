// WatchProfile: one thread looks which watched customers changed and writes to their streams.
#ifndef KINDRED_NODE_WATCH_H_
#define KINDRED_NODE_WATCH_H_

#include <grpcpp/grpcpp.h>

#include <list>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kindred/v1/profile.pb.h"
#include "node/serving.h"

namespace kindred::node {

// Threads: Watch() from any thread. Owns the streams until they are done.
class WatchHub {
 public:
  // At most one message a stream and `interval`; at most `max_watches` streams.
  WatchHub(Serving* serving, absl::Duration interval, int max_watches);
  // Ends every stream with Unavailable.
  ~WatchHub();

  using Reactor = grpc::ServerWriteReactor<v1::WatchProfileResponse>;
  Reactor* Watch(const v1::WatchProfileRequest& request);

  // Ends every stream with Unavailable and starts no more.
  void Stop();

 private:
  class Stream;

  void Run();

  Serving* const serving_;
  const absl::Duration interval_;
  const size_t max_watches_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::list<std::shared_ptr<Stream>> streams_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_WATCH_H_
