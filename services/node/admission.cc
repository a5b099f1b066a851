#include "node/admission.h"

#include <algorithm>

namespace kindred::node {
namespace {

// The share falls fast and comes back slowly: from a tenth to all in two to three seconds at ten
// observations a second.
constexpr double kDown = 0.85;
constexpr double kUp = 0.03;

}  // namespace

void Admission::Observe(absl::Duration wait, absl::Duration since_last, int threads) {
  const uint64_t answered = answered_.load(std::memory_order_relaxed);
  const uint64_t refused = refused_.load(std::memory_order_relaxed);
  const int64_t worked_ns = worked_ns_.load(std::memory_order_relaxed);
  const double new_answered = static_cast<double>(answered - seen_answered_);
  const double new_refused = static_cast<double>(refused - seen_refused_);
  const double new_work = static_cast<double>(worked_ns - seen_worked_ns_) * 1e-9;
  seen_answered_ = answered;
  seen_refused_ = refused;
  seen_worked_ns_ = worked_ns;
  double share = this->share();
  if (wait > options_.target_wait && new_answered > 0) {
    // Busy all the time, or nobody would wait: what is not work is transport.
    const double busy = absl::ToDoubleSeconds(since_last) * threads;
    const double work = new_work / new_answered;
    const double transport =
        std::max((busy - new_work) / (new_answered + new_refused), work * 1e-3);
    const double least = options_.least_goodput;
    const double floor = least / (1 + (1 - least) * work / transport);
    share = std::max(share * kDown, std::min(floor, 1.0));
  } else if (wait <= options_.target_wait) {
    share = std::min(share + kUp, 1.0);
  }
  share_.store(static_cast<uint32_t>(share * kAll), std::memory_order_relaxed);
}

}  // namespace kindred::node
