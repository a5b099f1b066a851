#include "node/call_wait.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>

#include "absl/time/clock.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace kindred::node {
namespace {

constexpr absl::Duration kInterval = absl::Milliseconds(100);
constexpr absl::Duration kLongestWait = absl::Seconds(1);
// Fewer calls than these in an interval need no protection.
constexpr uint64_t kFewCalls = 20;

// The callback API of gRPC answers on half as many threads as there are cores.
int AnsweringThreads() {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::min(cores, std::clamp(cores / 2, 2, 16));
}

}  // namespace

CallWait::CallWait(const std::string& address, Admission* admission)
    : admission_(*admission), thread_([this, address] { Run(address); }) {}

CallWait::~CallWait() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void CallWait::Run(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto stub = grpc::health::v1::Health::NewStub(
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
  uint64_t seen = 0;
  absl::Time observed = absl::Now();
  absl::Duration last_wait = absl::ZeroDuration();
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kInterval)) return;
    }
    const uint64_t calls = admission_.answered() + admission_.refused();
    absl::Duration wait = absl::ZeroDuration();
    if (calls - seen >= kFewCalls) {
      grpc::ClientContext context;
      grpc::health::v1::HealthCheckResponse response;
      const absl::Time begin = absl::Now();
      context.set_deadline(absl::ToChronoTime(begin + kLongestWait));
      // What is answered does not matter, an error neither: it took its time.
      const grpc::Status ignored = stub->Check(&context, {}, &response);
      wait = absl::Now() - begin;
    }
    seen = calls;
    const absl::Time now = absl::Now();
    admission_.Observe(std::min(wait, last_wait), now - observed, AnsweringThreads());
    observed = now;
    last_wait = wait;
  }
}

}  // namespace kindred::node
