#include "node/admission.h"

#include <algorithm>
#include <ctime>

#include "absl/time/clock.h"

namespace kindred::node {
namespace {

// Near the target the share is moved gently. A wait far above it halves the share; one that is a
// small part of it says that there is room: then the share comes back from a tenth to all in eight
// steps, under a second at ten observations a second. Too high a share costs calls their time, too
// low a share costs answers.
constexpr double kDown = 0.85;
constexpr double kDownFast = 0.5;
constexpr double kUp = 0.03;
constexpr double kUpFast = 1.25;
constexpr int kRoom = 4;
// What takes long may wait long: so many times the work of an answer, between the two bounds.
constexpr double kWaitInWork = 8;
constexpr double kWeightOfNewest = 0.2;
// Between two observations.
constexpr double kFewCalls = 20;
// To ask for the processor's time costs at most some hundredths of such an answer.
constexpr double kCostlyS = 50e-6;

absl::Duration ThreadCpu() {
  timespec time;
  return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 ? absl::DurationFromTimespec(time)
                                                            : absl::ZeroDuration();
}

}  // namespace

CpuSample::CpuSample(Admission* admission)
    : admission_(admission->WantsCpuTime() ? admission : nullptr) {
  if (admission_ == nullptr) return;
  begin_ = absl::Now();
  cpu_begin_ = ThreadCpu();
}

CpuSample::~CpuSample() {
  if (admission_ == nullptr) return;
  const absl::Duration cpu = ThreadCpu() - cpu_begin_;
  admission_->CpuTime(absl::Now() - begin_, cpu);
}

void Admission::Observe(absl::Duration wait, absl::Duration since_last, absl::Duration cpu,
                        int threads) {
  const uint64_t answered = answered_.load(std::memory_order_relaxed);
  const uint64_t refused = refused_.load(std::memory_order_relaxed);
  const int64_t worked_ns = worked_ns_.load(std::memory_order_relaxed);
  const double new_answered = static_cast<double>(answered - seen_answered_);
  const double new_refused = static_cast<double>(refused - seen_refused_);
  const double new_work = static_cast<double>(worked_ns - seen_worked_ns_) * 1e-9;
  seen_answered_ = answered;
  seen_refused_ = refused;
  seen_worked_ns_ = worked_ns;
  if (new_answered > 0) {
    const double newest = new_work / new_answered;
    work_s_ += (work_s_ == 0 ? 1 : kWeightOfNewest) * (newest - work_s_);
    costly_.store(work_s_ > kCostlyS, std::memory_order_relaxed);
  }
  const int64_t sampled_ns = sampled_ns_.load(std::memory_order_relaxed);
  const int64_t sampled_cpu_ns = sampled_cpu_ns_.load(std::memory_order_relaxed);
  if (sampled_ns > seen_sampled_ns_) {
    const double newest = static_cast<double>(sampled_cpu_ns - seen_sampled_cpu_ns_) /
                          static_cast<double>(sampled_ns - seen_sampled_ns_);
    cpu_share_ += kWeightOfNewest * (std::clamp(newest, 0.0, 1.0) - cpu_share_);
  }
  seen_sampled_ns_ = sampled_ns;
  seen_sampled_cpu_ns_ = sampled_cpu_ns;
  const absl::Duration target =
      std::max(options_.target_wait,
               std::min(absl::Seconds(kWaitInWork * work_s_), options_.longest_target_wait));
  double share = this->share();
  const double busy = absl::ToDoubleSeconds(since_last) * threads;
  // A few calls that wait do not wait for each other as long as a thread is free: to refuse some
  // would help nobody. One caller whose calls stand still, because others have the processor, takes
  // one thread at a time.
  const bool many = new_answered + new_refused >= kFewCalls ||
                    in_flight_.load(std::memory_order_relaxed) >= threads;
  if (wait > target && new_answered > 0 && many) {
    // What is not work is transport. Both are the processor's time: of time that passes others have
    // their part, other threads that answer and other processes.
    const double work = cpu_share_ * new_work / new_answered;
    const double rest = std::min(absl::ToDoubleSeconds(cpu), busy) - cpu_share_ * new_work;
    const double transport = std::max(rest / (new_answered + new_refused), work * 1e-3);
    const double least = options_.least_goodput;
    const double floor = least / (1 + (1 - least) * work / transport);
    const double down = std::clamp(absl::FDivDuration(target, wait), kDownFast, kDown);
    share = std::max(share * down, std::min(floor, 1.0));
  } else if (wait <= target / kRoom) {
    share = std::min(share * kUpFast + kUp, 1.0);
  } else if (wait <= target) {
    share = std::min(share + kUp, 1.0);
  }
  share_.store(static_cast<uint32_t>(share * kAll), std::memory_order_relaxed);
}

}  // namespace kindred::node
