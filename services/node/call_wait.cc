#include "node/call_wait.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "absl/time/clock.h"
#include "base/thread_name.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace kindred::node {
namespace {

constexpr absl::Duration kInterval = absl::Milliseconds(100);
constexpr absl::Duration kLongestWait = absl::Seconds(5);

// The callback API of gRPC answers on half as many threads as there are cores.
int AnsweringThreads() {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::min(cores, std::clamp(cores / 2, 2, 16));
}

absl::Duration ProcessCpu() {
  timespec time;
  return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 ? absl::DurationFromTimespec(time)
                                                             : absl::ZeroDuration();
}

std::shared_ptr<grpc::Channel> OwnConnection(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

struct CallWait::Probe {
  std::unique_ptr<grpc::health::v1::Health::Stub> stub;
  std::unique_ptr<grpc::ClientContext> context;
  grpc::health::v1::HealthCheckRequest request;
  grpc::health::v1::HealthCheckResponse response;
  absl::Time begin;
};

CallWait::CallWait(const std::string& address, Admission* admission)
    : admission_(*admission), thread_([this, address] { Run(address); }) {}

CallWait::~CallWait() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

absl::Duration CallWait::Ask(bool wanted) {
  const absl::Time now = absl::Now();
  absl::Duration wait = absl::ZeroDuration();
  {
    absl::MutexLock lock(&mutex_);
    if (!answered_) return now - probe_->begin;
    if (probe_->context != nullptr) wait = answer_time_ - probe_->begin;
    if (wanted) answered_ = false;
  }
  probe_->context.reset();
  if (!wanted) return wait;
  probe_->context = std::make_unique<grpc::ClientContext>();
  probe_->begin = now;
  probe_->context->set_deadline(absl::ToChronoTime(now + kLongestWait));
  // What is answered does not matter, an error neither: it took its time.
  probe_->stub->async()->Check(probe_->context.get(), &probe_->request, &probe_->response,
                               [this](const grpc::Status&) {
                                 absl::MutexLock lock(&mutex_);
                                 answer_time_ = absl::Now();
                                 answered_ = true;
                               });
  return wait;
}

void CallWait::Run(const std::string& address) {
  base::NameThread("call-wait");
  probe_ = std::make_unique<Probe>();
  probe_->stub = grpc::health::v1::Health::NewStub(OwnConnection(address));
  uint64_t seen = 0;
  absl::Time observed = absl::Now();
  absl::Duration cpu_observed = ProcessCpu();
  absl::Duration last_wait = absl::ZeroDuration();
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kInterval)) break;
    }
    admission_.hold_up().Beat(absl::Now());
    const uint64_t calls = admission_.answered() + admission_.refused();
    const absl::Duration wait = Ask(calls != seen);
    seen = calls;
    const absl::Time now = absl::Now();
    const absl::Duration cpu = ProcessCpu();
    admission_.Observe(std::min(wait, last_wait), now - observed, cpu - cpu_observed,
                       AnsweringThreads());
    observed = now;
    cpu_observed = cpu;
    last_wait = wait;
  }
  absl::MutexLock lock(&mutex_);
  if (!answered_) probe_->context->TryCancel();
  mutex_.Await(absl::Condition(&answered_));
}

}  // namespace kindred::node
