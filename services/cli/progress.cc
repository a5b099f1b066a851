#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace kindred::cli {
namespace {

constexpr int kBarWidth = 30;
constexpr absl::Duration kRedraw = absl::Milliseconds(100);
constexpr absl::Duration kNextLine = absl::Seconds(5);

}  // namespace

Progress::Progress(std::string title, std::string unit, uint64_t total)
    : title_(std::move(title)),
      unit_(std::move(unit)),
      total_(total),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(absl::Now()),
      next_draw_(terminal_ ? start_ : start_ + kNextLine) {}

void Progress::Update(uint64_t done, double share) {
  done_ = done;
  share_ = share >= 0   ? std::min(share, 1.0)
           : total_ > 0 ? static_cast<double>(done) / static_cast<double>(total_)
                        : -1;
  const absl::Time now = absl::Now();
  if (now < next_draw_) return;
  next_draw_ = now + (terminal_ ? kRedraw : kNextLine);
  Draw(now);
}

void Progress::Finish() {
  if (finished_) return;
  finished_ = true;
  if (share_ >= 0) share_ = 1;
  Draw(absl::Now());
  if (terminal_) std::fputc('\n', stderr);
}

double Progress::per_second() const {
  return static_cast<double>(done_) / std::max(1e-3, absl::ToDoubleSeconds(absl::Now() - start_));
}

void Progress::Draw(absl::Time now) {
  std::string bar;
  if (share_ >= 0) {
    const int full = static_cast<int>(share_ * kBarWidth);
    bar = absl::StrFormat("[%s%s] %3.0f %%  ", std::string(static_cast<size_t>(full), '='),
                          std::string(static_cast<size_t>(kBarWidth - full), ' '), share_ * 100);
  }
  std::fprintf(stderr, "%s%s  %s%llu %s, %.0f/s, %.0f s%s", terminal_ ? "\r" : "", title_.c_str(),
               bar.c_str(), static_cast<unsigned long long>(done_), unit_.c_str(), per_second(),
               absl::ToDoubleSeconds(now - start_), terminal_ ? "\x1b[K" : "\n");
  std::fflush(stderr);
}

}  // namespace kindred::cli
