// Whether customers are still like those that models and rules were made for: histograms of the
// features of those who were seen within a day, against those of the fourteen days before.
//
// A day is unlike the ones before if it is unlike each of them: the index is that against the day
// that is nearest. Against all of them together every Saturday would be a drift (other people come,
// at other hours), and so would every week of a young shop, whose customers grow old with it.
#ifndef KINDRED_PROFILE_FEATURE_DRIFT_H_
#define KINDRED_PROFILE_FEATURE_DRIFT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clean/quality_judge.h"
#include "profile/features.h"
#include "profile/profile.h"

namespace kindred::profile {

// Of heavy-tailed features a bin is a doubling (below 1, 3, 7, … 32767, and above); of shares it is
// none at all, or a tenth.
inline constexpr size_t kFeatureBins = 16;
// 0 for a value that is not finite.
size_t FeatureBin(size_t dimension, double value);

// Not of what time alone moves (days since the last purchase or event, tenure): all customers of a
// young shop grow old together.
bool DriftIsJudged(size_t dimension);

// How many customers fell into each bin of each feature.
struct FeatureHistogram {
  std::array<std::array<uint32_t, kFeatureBins>, kFeatureCount> counts{};
  uint32_t customers = 0;

  // In original units. Stops at 2^32 - 1 customers.
  void Add(const FeatureVector& values);
  friend bool operator==(const FeatureHistogram&, const FeatureHistogram&) = default;
};

// The newest look at the customers, and the last look of each day before. Threads: as a plain
// value. Bounded: 15 histograms of about 1 kB.
class FeatureDays {
 public:
  static constexpr int64_t kDays = 14;
  static constexpr int64_t kDayMs = 86'400'000;
  // Customers that both days must have, for a comparison.
  static constexpr uint32_t kEnough = 200;
  // Days that there must be, to say what is usual: a weekend among them, and not the first days of
  // a shop, in which everybody is new.
  static constexpr size_t kLeastDays = 10;

  // Whether the customer belongs into a look as of `as_of_ms`: it was seen in the 24 hours before.
  static bool Counts(const Profile& profile, int64_t as_of_ms) {
    return !profile.empty() && profile.last_seen_ms() > as_of_ms - kDayMs;
  }
  // Takes the newest look. The one before stays as that of its day, if it was of an earlier day.
  void Take(int64_t as_of_ms, const FeatureHistogram& seen);

  int64_t as_of_ms() const { return as_of_ms_; }  // of the newest look; 0: none yet
  // Adds a measure for each feature that is judged to the end of the report: "customer_drift", of
  // all sources. Nothing before the first look.
  void Judge(clean::QualityReport* report) const;

  // Bytes for a store, first byte 1 = this format. Parse: InvalidArgument for anything Append
  // cannot have written.
  void Append(std::string* out) const;
  static absl::StatusOr<FeatureDays> Parse(absl::string_view bytes);
  friend bool operator==(const FeatureDays&, const FeatureDays&) = default;

 private:
  void JudgeFeature(size_t dimension, clean::QualityMeasure* one) const;

  int64_t as_of_ms_ = 0;
  FeatureHistogram newest_;
  std::map<int64_t, FeatureHistogram> days_;  // by day since 1970, the last look of each
};

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_FEATURE_DRIFT_H_
