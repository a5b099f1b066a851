// How far a distribution has moved: the population stability index of counts in the same bins.
// Source: Siddiqi, Credit Risk Scorecards (2006); above 0.25 is commonly taken for a shift.
#ifndef KINDRED_CLEAN_STABILITY_INDEX_H_
#define KINDRED_CLEAN_STABILITY_INDEX_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace kindred::clean {

struct StabilityIndex {
  double value = 0;    // sum over bins of (share - usual) · log(share / usual); 0: the same
  size_t largest = 0;  // the bin that adds most …
  double share = 0;    // … its share now …
  double usual = 0;    // … and before
};

// Requires as many bins in both. Half a count is added to each bin, so that one that was empty says
// little. Of n and m counts with the same distribution over b bins about (b - 1) · (1/n + 1/m).
StabilityIndex StabilityIndexOf(absl::Span<const uint32_t> now, absl::Span<const uint32_t> before);

}  // namespace kindred::clean

#endif  // KINDRED_CLEAN_STABILITY_INDEX_H_
