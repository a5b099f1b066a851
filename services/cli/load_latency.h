// Latencies, counted in buckets 1.6 % wide.
#ifndef KINDRED_CLI_LOAD_LATENCY_H_
#define KINDRED_CLI_LOAD_LATENCY_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace kindred::cli {

// Threads: one at a time.
class LoadLatency {
 public:
  // Below zero counts as zero.
  void Add(int64_t ns) {
    const uint64_t value = ns > 0 ? static_cast<uint64_t>(ns) : 0;
    ++buckets_[Bucket(value)];
    ++count_;
    max_ = std::max(max_, value);
  }
  void Merge(const LoadLatency& other) {
    for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }
  uint64_t count() const { return count_; }
  double MaxMs() const { return static_cast<double>(max_) / 1e6; }
  // The upper end of the bucket that holds the quantile; 0 when empty.
  double QuantileMs(double quantile) const {
    const double wanted = quantile * static_cast<double>(count_);
    uint64_t seen = 0;
    for (size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > 0 && static_cast<double>(seen) >= wanted) {
        return static_cast<double>(std::min(UpperEnd(i), max_)) / 1e6;
      }
    }
    return 0;
  }

 private:
  static constexpr int kBits = 6;  // of each power of two
  static constexpr uint64_t kSteps = 1u << kBits;

  static size_t Bucket(uint64_t value) {
    if (value < kSteps) return value;
    const int shift = std::bit_width(value) - 1 - kBits;
    return (static_cast<size_t>(shift) + 1) * kSteps + ((value >> shift) - kSteps);
  }
  static uint64_t UpperEnd(size_t bucket) {
    if (bucket < kSteps) return bucket;
    const size_t shift = bucket / kSteps - 1;
    return ((bucket % kSteps + kSteps + 1) << shift) - 1;
  }

  std::array<uint64_t, (64 - kBits + 1)* kSteps> buckets_ = {};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace kindred::cli

#endif  // KINDRED_CLI_LOAD_LATENCY_H_
