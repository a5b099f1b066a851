#include "profile/feature_drift.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "base/bytes.h"
#include "clean/stability_index.h"

namespace kindred::profile {
namespace {

constexpr uint8_t kFormat = 1;
// Of shares: none, ten tenths.
constexpr size_t kShareBins = 11;
// What happened from a day before the newest look on is not yet usual: the newest look has it.
constexpr int64_t kOverlapDays = 2;
constexpr int64_t kMostMs = int64_t{1} << 47;  // as in profiles

std::string BinText(size_t dimension, size_t bin) {
  const FeatureInfo& info = GetFeatureInfo(dimension);
  if (info.log1p) {
    const auto edge = [](size_t doubling) { return (1 << doubling) - 1; };
    if (bin == 0) return absl::StrCat("below 1 ", info.unit);
    if (bin + 1 == kFeatureBins) return absl::StrCat(edge(bin), " ", info.unit, " or more");
    return absl::StrCat(edge(bin), " to below ", edge(bin + 1), " ", info.unit);
  }
  if (bin == 0) return "none at all";
  return absl::StrCat(10 * (bin - 1), " to ", 10 * bin, " %");
}

std::string TimeText(int64_t ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%MZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

void AppendHistogram(const FeatureHistogram& histogram, base::ByteWriter* out) {
  out->Varint(histogram.customers);
  for (const auto& bins : histogram.counts) {
    for (const uint32_t count : bins) out->Varint(count);
  }
}

// False when the bytes are no histogram of customers.
bool ReadHistogram(base::ByteReader* in, FeatureHistogram* histogram) {
  const uint64_t customers = in->Varint();
  if (customers > UINT32_MAX) return false;
  histogram->customers = static_cast<uint32_t>(customers);
  for (size_t d = 0; d < kFeatureCount; ++d) {
    uint64_t sum = 0;
    for (size_t bin = 0; bin < kFeatureBins; ++bin) {
      const uint64_t count = in->Varint();
      if (count > customers) return false;
      sum += count;
      histogram->counts[d][bin] = static_cast<uint32_t>(count);
    }
    if (sum != customers) return false;
    for (size_t bin = kShareBins; !GetFeatureInfo(d).log1p && bin < kFeatureBins; ++bin) {
      if (histogram->counts[d][bin] != 0) return false;
    }
  }
  return in->ok();
}

}  // namespace

bool DriftIsJudged(size_t dimension) {
  const auto is = [dimension](FeatureId id) { return dimension == static_cast<size_t>(id); };
  return !is(FeatureId::kDaysSinceLastPurchase) && !is(FeatureId::kDaysSinceLastEvent) &&
         !is(FeatureId::kTenureDays);
}

size_t FeatureBin(size_t dimension, double value) {
  if (!(value > 0) || !std::isfinite(value)) return 0;
  if (GetFeatureInfo(dimension).log1p) {
    return std::min(kFeatureBins - 1, static_cast<size_t>(std::ilogb(1 + value)));
  }
  return 1 + std::min<size_t>(kShareBins - 2, static_cast<size_t>(std::min(value, 1.0) * 10));
}

void FeatureHistogram::Add(const FeatureVector& values) {
  if (customers == UINT32_MAX) return;
  ++customers;
  for (size_t d = 0; d < kFeatureCount; ++d) ++counts[d][FeatureBin(d, values[d])];
}

void FeatureDays::Take(int64_t as_of_ms, const FeatureHistogram& seen) {
  if (as_of_ms <= 0 || as_of_ms >= kMostMs) return;
  const int64_t today = as_of_ms / kDayMs;
  if (as_of_ms_ > 0 && as_of_ms_ / kDayMs < today) days_[as_of_ms_ / kDayMs] = newest_;
  // Also what is of a later day, if partitions that had it have left.
  std::erase_if(
      days_, [today](const auto& day) { return day.first < today - kDays || day.first >= today; });
  as_of_ms_ = as_of_ms;
  newest_ = seen;
}

void FeatureDays::Judge(clean::QualityReport* report) const {
  if (as_of_ms_ == 0) return;
  for (size_t d = 0; d < kFeatureCount; ++d) {
    if (!DriftIsJudged(d)) continue;
    clean::QualityMeasure& one = report->measures.emplace_back();
    one.source = std::string(clean::kAllSources);
    one.measure = "customer_drift";
    one.field = std::string(GetFeatureInfo(d).name);
    one.from_ms = std::max<int64_t>(0, as_of_ms_ - kDayMs);
    one.to_ms = as_of_ms_;
    one.events = newest_.customers;
    if (newest_.customers >= kEnough) JudgeFeature(d, &one);
  }
}

void FeatureDays::JudgeFeature(size_t dimension, clean::QualityMeasure* one) const {
  clean::StabilityIndex nearest;
  nearest.value = std::numeric_limits<double>::infinity();
  int64_t nearest_day = 0;
  size_t days = 0;
  const int64_t today = as_of_ms_ / kDayMs;
  for (const auto& [day, before] : days_) {
    if (day > today - kOverlapDays || before.customers < kEnough) continue;
    ++days;
    const clean::StabilityIndex index =
        clean::StabilityIndexOf(newest_.counts[dimension], before.counts[dimension]);
    if (index.value >= nearest.value) continue;
    nearest = index;
    nearest_day = day;
  }
  if (days < kLeastDays) return;
  one->has_baseline = true;
  one->value = nearest.value;
  one->score = one->value / clean::kAlertPsi;
  if (one->value <= clean::kAlertPsi) return;
  one->alert = true;
  one->reason = absl::StrFormat(
      "%s: the %d customers seen from %s to %s are unlike those of each of %d days before "
      "(stability index %.2f, above %.2f, against the nearest day, %s; most by %s: %.1f %%, then "
      "%.1f %%): segments, predictions and audiences were made for others; look at what a producer "
      "changed, at who came (a campaign, robots), and at the event mix",
      one->field, one->events, TimeText(one->from_ms), TimeText(one->to_ms), days, one->value,
      clean::kAlertPsi, TimeText(nearest_day * kDayMs).substr(0, 10),
      BinText(dimension, nearest.largest), 100 * nearest.share, 100 * nearest.usual);
}

void FeatureDays::Append(std::string* out) const {
  base::ByteWriter writer(out);
  writer.U8(kFormat);
  writer.Varint(static_cast<uint64_t>(as_of_ms_));
  if (as_of_ms_ == 0) return;
  AppendHistogram(newest_, &writer);
  writer.Varint(days_.size());
  for (const auto& [day, histogram] : days_) {
    writer.Varint(static_cast<uint64_t>(day));
    AppendHistogram(histogram, &writer);
  }
}

absl::StatusOr<FeatureDays> FeatureDays::Parse(absl::string_view bytes) {
  base::ByteReader in(bytes);
  FeatureDays result;
  bool valid = in.U8() == kFormat;
  const uint64_t as_of_ms = in.Varint();
  valid = valid && in.ok() && as_of_ms < static_cast<uint64_t>(kMostMs);
  if (valid && as_of_ms > 0) {
    result.as_of_ms_ = static_cast<int64_t>(as_of_ms);
    valid = ReadHistogram(&in, &result.newest_);
    const int64_t today = result.as_of_ms_ / kDayMs;
    const size_t count = valid ? in.Count() : 0;
    valid = valid && count <= static_cast<size_t>(kDays);
    int64_t last = -1;
    for (size_t i = 0; valid && i < count; ++i) {
      const uint64_t day = in.Varint();
      FeatureHistogram histogram;
      valid = day < static_cast<uint64_t>(today) && static_cast<int64_t>(day) > last &&
              static_cast<int64_t>(day) >= today - kDays && ReadHistogram(&in, &histogram);
      last = static_cast<int64_t>(day);
      if (valid) result.days_[last] = histogram;
    }
  }
  if (!valid || !in.Done()) return absl::InvalidArgumentError("feature days: malformed");
  return result;
}

}  // namespace kindred::profile
