// LiveServing's answer on what recommendations led to.
#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "learn/proportion.h"
#include "node/live_serving.h"
#include "node/profile_view.h"
#include "node/request_error.h"

namespace kindred::node {
namespace {

void FillRate(int64_t successes, int64_t trials, v1::Rate* out) {
  const learn::Interval interval =
      learn::WilsonInterval(static_cast<double>(successes), static_cast<double>(trials));
  out->set_value(static_cast<double>(successes) / static_cast<double>(trials));
  out->set_low(interval.low);
  out->set_high(interval.high);
}

void FillRow(const AttributionCell& cell, const AttributionCounts& counts,
             v1::PerformanceRow* row) {
  row->set_variant(cell.variant);
  row->set_placement(cell.placement);
  row->set_source(v1::Source_IsValid(cell.source) ? static_cast<v1::Source>(cell.source)
                                                  : v1::SOURCE_UNSPECIFIED);
  row->set_impressions(counts.impressions);
  row->set_clicks(counts.clicks);
  row->set_converted_clicks(counts.converted);
  row->set_purchases(counts.purchases);
  row->set_revenue(static_cast<double>(counts.revenue_micros) / profile::kMicros);
  if (counts.impressions > 0) {
    FillRate(counts.clicks, counts.impressions, row->mutable_click_through_rate());
  }
  if (counts.clicks > 0) FillRate(counts.converted, counts.clicks, row->mutable_conversion_rate());
}

}  // namespace

absl::Status LiveServing::QueryPerformance(const v1::QueryPerformanceRequest& request,
                                           v1::QueryPerformanceResponse* response) {
  RequestCheck check;
  bool by_variant = false;
  bool by_placement = false;
  bool by_source = false;
  for (const int dimension : request.group_by()) {
    switch (dimension) {
      case v1::PERFORMANCE_DIMENSION_VARIANT:
        by_variant = true;
        break;
      case v1::PERFORMANCE_DIMENSION_PLACEMENT:
        by_placement = true;
        break;
      case v1::PERFORMANCE_DIMENSION_SOURCE:
        by_source = true;
        break;
      default:
        check.Violation("group_by", "expected variant, placement and source");
    }
  }
  KINDRED_RETURN_IF_ERROR(check.status());
  std::map<AttributionCell, AttributionCounts> groups;
  partitions_.ForEach([&](const PartitionSlot& slot) {
    for (auto& [cell, counts] : slot.state->attribution()) {
      AttributionCell group;
      if (by_variant) group.variant = cell.variant;
      if (by_placement) group.placement = cell.placement;
      if (by_source) group.source = cell.source;
      groups[std::move(group)] += counts;
    }
  });
  std::vector<std::pair<AttributionCell, AttributionCounts>> rows(groups.begin(), groups.end());
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return a.second.impressions > b.second.impressions;
  });
  for (const auto& [cell, counts] : rows) FillRow(cell, counts, response->add_rows());
  if (partitions_.newest_event_ms() != 0) {
    SetTime(partitions_.newest_event_ms(), response->mutable_as_of_time());
  }
  if (shared_.options.experiment != nullptr && !shared_.options.experiment->variants().empty()) {
    response->set_experiment(shared_.options.experiment->name());
  }
  return absl::OkStatus();
}

}  // namespace kindred::node
