#include "node/watch.h"

#include <utility>
#include <vector>

#include "base/thread_name.h"
#include "node/request_error.h"

namespace kindred::node {
namespace {

// How often changes are looked for: the delay of the first message after a quiet time.
constexpr absl::Duration kTick = absl::Milliseconds(20);

// A stream that ends at once with an error.
class FailedStream final : public WatchHub::Reactor {
 public:
  explicit FailedStream(const absl::Status& status) { Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

// Kept alive by the hub's list and, until gRPC is done with it, by itself.
class WatchHub::Stream final : public WatchHub::Reactor {
 public:
  Stream(std::string customer_id, v1::GetProfileRequest request)
      : customer_id_(std::move(customer_id)), request_(std::move(request)) {}

  void KeepAlive(std::shared_ptr<Stream> self) {
    absl::MutexLock lock(&mutex_);
    self_ = std::move(self);
  }

  // Writes the profile when it changed and the interval has passed. Called by the hub's thread.
  void Look(Serving& serving, absl::Time now, absl::Duration interval) {
    {
      absl::MutexLock lock(&mutex_);
      if (writing_ || finished_ || now < next_write_) return;
    }
    const absl::StatusOr<int64_t> version = serving.ProfileVersion(customer_id_);
    if (!version.ok() || *version == seen_version_) return;
    if (*version == 0) {
      // Deleted: whatever comes next is news, also at a number that was seen before.
      seen_version_ = 0;
      return;
    }
    v1::WatchProfileResponse response;
    const absl::Status status = serving.GetProfile(request_, response.mutable_profile());
    if (!status.ok()) return;
    seen_version_ = *version;
    absl::MutexLock lock(&mutex_);
    if (writing_ || finished_) return;
    response_ = std::move(response);
    writing_ = true;
    next_write_ = now + interval;
    StartWrite(&response_);
  }

  void End(const absl::Status& status) {
    absl::MutexLock lock(&mutex_);
    if (finished_) return;
    finished_ = true;
    Finish(ToGrpc(status));
  }

  bool done() {
    absl::MutexLock lock(&mutex_);
    return done_;
  }

  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
    }
    if (!ok) End(absl::CancelledError("the client is gone"));
  }
  void OnCancel() override { End(absl::CancelledError("cancelled")); }
  void OnDone() override {
    std::shared_ptr<Stream> self;
    absl::MutexLock lock(&mutex_);
    done_ = true;
    // Released after the lock: this may be the last reference.
    self = std::move(self_);
    released_.swap(self);
  }

  // The reference that OnDone() let go, to be dropped outside of every lock.
  std::shared_ptr<Stream> TakeReleased() {
    absl::MutexLock lock(&mutex_);
    return std::exchange(released_, nullptr);
  }

 private:
  const std::string customer_id_;
  const v1::GetProfileRequest request_;
  int64_t seen_version_ = 0;  // hub's thread only
  absl::Mutex mutex_;
  v1::WatchProfileResponse response_ ABSL_GUARDED_BY(mutex_);
  absl::Time next_write_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<Stream> self_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Stream> released_ ABSL_GUARDED_BY(mutex_);
};

WatchHub::WatchHub(Serving* serving, absl::Duration interval, int max_watches)
    : serving_(serving),
      interval_(interval),
      max_watches_(static_cast<size_t>(max_watches)),
      thread_([this] { Run(); }) {}

WatchHub::~WatchHub() {
  Stop();
  thread_.join();
}

WatchHub::Reactor* WatchHub::Watch(const v1::WatchProfileRequest& request) {
  RequestCheck check;
  const std::string customer_id(IdOfName(request.name(), "profiles", "name", &check));
  if (!check.status().ok()) return new FailedStream(check.status());
  v1::GetProfileRequest get;
  get.set_name(request.name());
  *get.mutable_read_mask() = request.read_mask();
  // A bad field mask must be told now, not when the customer first appears.
  v1::Profile first;
  const absl::Status status = serving_->GetProfile(get, &first);
  if (status.code() == absl::StatusCode::kInvalidArgument) return new FailedStream(status);

  absl::MutexLock lock(&mutex_);
  if (stopping_) return new FailedStream(absl::UnavailableError("the node is stopping"));
  if (streams_.size() >= max_watches_) {
    return new FailedStream(absl::ResourceExhaustedError("too many profiles are being watched"));
  }
  const auto stream = std::make_shared<Stream>(customer_id, std::move(get));
  stream->KeepAlive(stream);
  streams_.push_back(stream);
  return stream.get();
}

void WatchHub::Stop() {
  std::vector<std::shared_ptr<Stream>> streams;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    streams.assign(streams_.begin(), streams_.end());
  }
  for (const auto& stream : streams) stream->End(absl::UnavailableError("the node is stopping"));
}

void WatchHub::Run() {
  base::NameThread("watch-profiles");
  while (true) {
    std::vector<std::shared_ptr<Stream>> streams;
    std::vector<std::shared_ptr<Stream>> dropped;
    {
      absl::MutexLock lock(&mutex_);
      for (auto it = streams_.begin(); it != streams_.end();) {
        if ((*it)->done()) {
          dropped.push_back((*it)->TakeReleased());
          it = streams_.erase(it);
        } else {
          streams.push_back(*it++);
        }
      }
      if (stopping_ && streams_.empty()) return;
    }
    dropped.clear();
    const absl::Time now = absl::Now();
    for (const auto& stream : streams) stream->Look(*serving_, now, interval_);
    streams.clear();
    absl::SleepFor(kTick);
  }
}

}  // namespace kindred::node
