// A progress bar on stderr: redrawn on a terminal, a line now and then elsewhere.
#ifndef KINDRED_CLI_PROGRESS_H_
#define KINDRED_CLI_PROGRESS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace kindred::cli {

// Threads: one.
class Progress {
 public:
  // `total` 0: not known. Units are what is counted ("rows").
  Progress(std::string title, std::string unit, uint64_t total);
  ~Progress() { Finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `share` (0 to 1) where it is known otherwise than from done / total; negative: it is not.
  void Update(uint64_t done, double share = -1);
  // Draws the end and the rate. Idempotent.
  void Finish();
  double per_second() const;

 private:
  void Draw(absl::Time now);

  const std::string title_;
  const std::string unit_;
  const uint64_t total_;
  const bool terminal_;
  const absl::Time start_;
  absl::Time next_draw_;
  uint64_t done_ = 0;
  double share_ = -1;
  bool finished_ = false;
};

}  // namespace kindred::cli

#endif  // KINDRED_CLI_PROGRESS_H_
