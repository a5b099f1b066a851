// LiveServing's series and forecasts: names → the partitions' series, summed → answers.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "event/event_type.h"
#include "learn/forecast.h"
#include "node/live_serving.h"
#include "node/profile_view.h"
#include "node/request_error.h"
#include "profile/profile_parts.h"
#include "series/series_book.h"

namespace kindred::node {
namespace {

using series::SeriesKey;
using series::SeriesKind;
using series::SeriesPoint;
using series::Step;

constexpr int32_t kMostSteps = 416;
constexpr int32_t kDefaultDays = 90;
constexpr int32_t kDefaultHours = 168;
constexpr int32_t kMostHorizon = 366;
constexpr size_t kForecastDays = 384;
constexpr size_t kForecastHours = 352;
constexpr int kForecastsAtOnce = 2;

Step StepOf(v1::SeriesStep step) { return step == v1::SERIES_STEP_HOUR ? Step::kHour : Step::kDay; }

// What "series/…" names.
struct SeriesName {
  std::optional<SeriesKey> key;  // none: no event has named it
  bool valid = false;
};

SeriesName ParseName(absl::string_view name, const SharedState& shared) {
  SeriesName result;
  if (!absl::ConsumePrefix(&name, "series/")) return result;
  result.valid = true;
  if (name == "all") {
    result.key = SeriesKey{SeriesKind::kAll, 0};
  } else if (absl::ConsumePrefix(&name, "event-types/") && !name.empty()) {
    const event::EventType type = event::EventTypeFromName(name);
    if (type != event::EventType::kCustom || name == "custom") {
      result.key = SeriesKey{SeriesKind::kEventType, static_cast<uint32_t>(type)};
    }
  } else if (absl::ConsumePrefix(&name, "categories/") && !name.empty()) {
    const uint32_t term = shared.terms.names().Find(name);
    if (term != 0) result.key = SeriesKey{SeriesKind::kCategory, term};
  } else if (absl::ConsumePrefix(&name, "items/") && !name.empty()) {
    const uint32_t item = shared.items.names().Find(name);
    if (item != 0) result.key = SeriesKey{SeriesKind::kItem, item};
  } else {
    result.valid = false;
  }
  return result;
}

double ValueOf(const SeriesPoint& point, v1::SeriesMeasure measure) {
  if (measure == v1::SERIES_MEASURE_CUSTOMERS) return point.customers;
  if (measure == v1::SERIES_MEASURE_AMOUNT) {
    return static_cast<double>(point.amount_micros) / profile::kMicros;
  }
  return static_cast<double>(point.events);
}

// `first`: the step of values[0].
void FillForecast(const std::string& name, const learn::Forecast& forecast,
                  const std::vector<double>& values, int64_t first, Step step,
                  v1::ForecastResponse* response) {
  response->set_name(name);
  response->set_method(forecast.model.name);
  for (const auto& [parameter_name, value] : forecast.model.parameters) {
    v1::ForecastParameter& parameter = *response->add_parameters();
    parameter.set_name(parameter_name);
    parameter.set_value(value);
  }
  response->set_mase(forecast.mase);
  for (const learn::BacktestScore& score : forecast.backtest) {
    v1::BacktestScore& out = *response->add_backtest();
    out.set_method(score.method);
    out.set_mase(score.mase);
  }
  const auto time = [&](size_t i) {
    return (first + static_cast<int64_t>(i)) * series::StepMs(step);
  };
  for (size_t i = 0; i < values.size(); ++i) {
    v1::HistoryPoint& point = *response->add_history();
    SetTime(time(i), point.mutable_time());
    point.set_value(values[i]);
  }
  for (size_t h = 0; h < forecast.model.mean.size(); ++h) {
    v1::ForecastPoint& point = *response->add_points();
    SetTime(time(values.size() + h), point.mutable_time());
    point.set_mean(forecast.model.mean[h]);
    point.set_lower(forecast.lower[h]);
    point.set_upper(forecast.upper[h]);
  }
}

bool Empty(const SeriesPoint& point) { return point.events == 0; }

}  // namespace

void LiveServing::SumSeries(SeriesKey key, Step step, int64_t first,
                            std::vector<SeriesPoint>* points, int64_t* since_ms) const {
  *since_ms = 0;
  partitions_.ForEach([&](const PartitionSlot& slot) {
    slot.state->ReadSeries([&](const series::SeriesBook& book) {
      book.AddTo(key, step, first, points);
      *since_ms = std::max(*since_ms, book.SinceMs(key));
    });
  });
}

absl::Status LiveServing::ReadSeries(absl::string_view name, Step step, size_t count,
                                     std::vector<SeriesPoint>* points, int64_t* first,
                                     int64_t* since_ms) const {
  RequestCheck check;
  const SeriesName parsed = ParseName(name, shared_);
  if (!parsed.valid) {
    check.Violation("name",
                    "expected series/all, series/event-types/{type}, series/categories/{category} "
                    "or series/items/{item}");
  }
  KINDRED_RETURN_IF_ERROR(check.status());
  const int64_t newest_ms = partitions_.newest_event_ms();
  points->assign(newest_ms > 0 ? count : 0, {});
  *first = newest_ms / series::StepMs(step) - static_cast<int64_t>(count) + 1;
  *since_ms = 0;
  if (parsed.key.has_value()) SumSeries(*parsed.key, step, *first, points, since_ms);
  if (points->empty() || !std::all_of(points->begin(), points->end(), Empty)) {
    return absl::OkStatus();
  }
  return absl::NotFoundError(absl::StrCat("there is no series \"", name,
                                          "\" in this span: nothing happened, or it is not among "
                                          "the items and categories met most"));
}

absl::Status LiveServing::ListSeries(const v1::ListSeriesRequest&,
                                     v1::ListSeriesResponse* response) {
  response->add_series()->set_name("series/all");
  absl::flat_hash_map<SeriesKey, uint64_t> weights;
  partitions_.ForEach([&](const PartitionSlot& slot) {
    slot.state->ReadSeries([&](const series::SeriesBook& book) {
      for (const SeriesKind kind : {SeriesKind::kCategory, SeriesKind::kItem}) {
        for (const auto& tracked : book.Ranked(kind)) {
          weights[SeriesKey{kind, tracked.key}] += tracked.count;
        }
      }
    });
  });
  for (int t = 0; t < event::kEventTypes; ++t) {
    const SeriesKey key{SeriesKind::kEventType, static_cast<uint32_t>(t)};
    uint64_t events = 0;
    partitions_.ForEach([&](const PartitionSlot& slot) {
      events += slot.state->figures().quality.accepted_by_type[static_cast<size_t>(t)];
    });
    if (events > 0) weights[key] = events;
  }
  std::vector<std::pair<SeriesKey, uint64_t>> sorted(weights.begin(), weights.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    if (a.first.kind != b.first.kind) return a.first.kind < b.first.kind;
    return a.second != b.second ? a.second > b.second : a.first.id < b.first.id;
  });
  for (const auto& [key, weight] : sorted) {
    v1::SeriesInfo& info = *response->add_series();
    info.set_weight(static_cast<int64_t>(weight));
    if (key.kind == SeriesKind::kEventType) {
      info.set_name(absl::StrCat("series/event-types/",
                                 event::EventTypeName(static_cast<event::EventType>(key.id))));
    } else if (key.kind == SeriesKind::kCategory) {
      info.set_name(absl::StrCat("series/categories/", shared_.terms.names().Name(key.id)));
    } else {
      info.set_name(absl::StrCat("series/items/", shared_.items.names().Name(key.id)));
      info.set_title(shared_.index.Title(ItemId(key.id)));
    }
  }
  return absl::OkStatus();
}

absl::Status LiveServing::GetSeries(const v1::GetSeriesRequest& request, v1::Series* out) {
  RequestCheck check;
  if (request.count() < 0 || request.count() > kMostSteps) {
    check.Violation("count", "expected 0 to 416");
  }
  KINDRED_RETURN_IF_ERROR(check.status());
  const Step step = StepOf(request.step());
  const int32_t count = request.count() != 0  ? request.count()
                        : step == Step::kHour ? kDefaultHours
                                              : kDefaultDays;
  std::vector<SeriesPoint> points;
  int64_t first = 0;
  int64_t since_ms = 0;
  KINDRED_RETURN_IF_ERROR(
      ReadSeries(request.name(), step, static_cast<size_t>(count), &points, &first, &since_ms));
  out->set_name(request.name());
  out->set_step(step == Step::kHour ? v1::SERIES_STEP_HOUR : v1::SERIES_STEP_DAY);
  for (size_t i = 0; i < points.size(); ++i) {
    v1::SeriesPoint& point = *out->add_points();
    SetTime((first + static_cast<int64_t>(i)) * series::StepMs(step), point.mutable_time());
    point.set_event_count(static_cast<int64_t>(points[i].events));
    point.set_customer_count(points[i].customers);
    point.set_amount(ValueOf(points[i], v1::SERIES_MEASURE_AMOUNT));
  }
  if (since_ms > 0) SetTime(since_ms, out->mutable_complete_since_time());
  return absl::OkStatus();
}

absl::Status LiveServing::Forecast(const v1::ForecastRequest& request,
                                   v1::ForecastResponse* response) {
  RequestCheck check;
  if (request.horizon() < 0 || request.horizon() > kMostHorizon) {
    check.Violation("horizon", "expected 0 to 366");
  }
  if (request.coverage() != 0 && !(request.coverage() >= 0.5 && request.coverage() <= 0.99)) {
    check.Violation("coverage", "expected 0.5 to 0.99");
  }
  KINDRED_RETURN_IF_ERROR(check.status());
  const Step step = StepOf(request.step());
  const bool hourly = step == Step::kHour;
  std::vector<SeriesPoint> points;
  int64_t first = 0;
  int64_t since_ms = 0;
  KINDRED_RETURN_IF_ERROR(ReadSeries(request.name(), step, hourly ? kForecastHours : kForecastDays,
                                     &points, &first, &since_ms));
  // The newest step is not over, and before the first event there was no shop.
  if (!points.empty()) points.pop_back();
  const auto begin = std::find_if_not(points.begin(), points.end(), Empty);
  first += begin - points.begin();
  points.erase(points.begin(), begin);
  std::vector<double> values;
  for (const SeriesPoint& point : points) values.push_back(ValueOf(point, request.measure()));
  learn::ForecastOptions options;
  options.season = hourly ? 24 : 7;
  options.horizon =
      request.horizon() != 0 ? static_cast<size_t>(request.horizon()) : (hourly ? 48 : 28);
  options.coverage = request.coverage() != 0 ? request.coverage() : 0.8;
  options.non_negative =
      std::all_of(values.begin(), values.end(), [](double value) { return value >= 0; });
  if (forecasts_.fetch_add(1) >= kForecastsAtOnce) {
    forecasts_.fetch_sub(1);
    return absl::ResourceExhaustedError("other forecasts are being made; retry with backoff");
  }
  const absl::StatusOr<learn::Forecast> forecast = learn::ForecastSeries(values, options);
  forecasts_.fetch_sub(1);
  if (!forecast.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        request.name(), " has ", values.size(), " whole steps: ", forecast.status().message()));
  }
  FillForecast(request.name(), *forecast, values, first, step, response);
  return absl::OkStatus();
}

}  // namespace kindred::node
