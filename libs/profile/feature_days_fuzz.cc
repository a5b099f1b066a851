// Whatever bytes are taken for the histograms of days must be usable, and be the bytes they write.
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "base/check.h"
#include "profile/feature_drift.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using kindred::profile::FeatureDays;
  const auto days = FeatureDays::Parse({reinterpret_cast<const char*>(data), size});
  if (!days.ok()) return 0;
  std::string bytes;
  days->Append(&bytes);
  const auto again = FeatureDays::Parse(bytes);
  KINDRED_CHECK(again.ok() && *again == *days);
  kindred::clean::QualityReport report;
  days->Judge(&report);
  FeatureDays later = *days;
  later.Take(days->as_of_ms() + FeatureDays::kDayMs, kindred::profile::FeatureHistogram());
  later.Judge(&report);
  return 0;
}
