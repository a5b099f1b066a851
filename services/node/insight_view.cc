// LiveServing's series and forecasts: names → the partitions' series, summed, or what a segment's
// members did → answers.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
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
  uint32_t segment = 0;  // else 0
  MemberActs acts = MemberActs::kAll;
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
  } else if (absl::ConsumePrefix(&name, "segments/")) {
    if (absl::ConsumeSuffix(&name, "/purchases")) result.acts = MemberActs::kPurchases;
    result.valid = absl::SimpleAtoi(name, &result.segment) && result.segment != 0;
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
                                     StepsRead* read) const {
  RequestCheck check;
  const SeriesName parsed = ParseName(name, shared_);
  if (!parsed.valid) {
    check.Violation("name",
                    "expected series/all, series/event-types/{type}, series/categories/{category}, "
                    "series/items/{item}, series/segments/{number} or "
                    "series/segments/{number}/purchases");
  }
  const bool of_segment = parsed.segment != 0;
  if (of_segment && step == Step::kHour && parsed.acts != MemberActs::kPurchases) {
    check.Violation("step", "expected day: of a segment only the purchases are known by hour");
  }
  KINDRED_RETURN_IF_ERROR(check.status());
  std::shared_ptr<const MemberSeries> members;
  if (of_segment) {
    KINDRED_ASSIGN_OR_RETURN(members, SeriesOfSegment(parsed.segment));
  }
  const int64_t newest_ms = of_segment ? members->as_of_ms() : partitions_.newest_event_ms();
  read->points.assign(newest_ms > 0 ? count : 0, {});
  read->first = newest_ms / series::StepMs(step) - static_cast<int64_t>(count) + 1;
  if (of_segment) {
    members->AddTo(parsed.acts, step, read->first, &read->points);
    read->since_ms = members->SinceMs(parsed.acts);
    read->walked_ms = members->as_of_ms();
  } else if (parsed.key.has_value()) {
    SumSeries(*parsed.key, step, read->first, &read->points, &read->since_ms);
  }
  if (read->points.empty() || !std::all_of(read->points.begin(), read->points.end(), Empty)) {
    return absl::OkStatus();
  }
  return absl::NotFoundError(absl::StrCat("there is no series \"", name,
                                          "\" in this span: nothing happened, or it is not among "
                                          "the items and categories met most"));
}

absl::StatusOr<std::shared_ptr<const MemberSeries>> LiveServing::SeriesOfSegment(
    uint32_t id) const {
  const std::shared_ptr<const PublishedSegments> segments = learner_.Current();
  const size_t index = segments == nullptr ? 0 : segments->model.IndexOf(id);
  if (segments == nullptr || index == segments->model.size()) {
    return absl::NotFoundError(absl::StrCat("there is no segment ", id));
  }
  if (segments->series[index] == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("the learner has not met the members of segment ", id, " yet; retry"));
  }
  return segments->series[index];
}

void LiveServing::ListSegmentSeries(v1::ListSeriesResponse* response) const {
  const std::shared_ptr<const PublishedSegments> segments = learner_.Current();
  if (segments == nullptr) return;
  for (size_t i = 0; i < segments->model.size(); ++i) {
    if (segments->series[i] == nullptr) continue;
    for (const char* acts : {"", "/purchases"}) {
      v1::SeriesInfo& info = *response->add_series();
      info.set_name(absl::StrCat("series/segments/", segments->model.ids[i], acts));
      info.set_weight(static_cast<int64_t>(segments->model.sizes[i]));
      info.set_title(segments->labels[i]);
    }
  }
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
  ListSegmentSeries(response);
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
  StepsRead read;
  KINDRED_RETURN_IF_ERROR(ReadSeries(request.name(), step, static_cast<size_t>(count), &read));
  out->set_name(request.name());
  out->set_step(step == Step::kHour ? v1::SERIES_STEP_HOUR : v1::SERIES_STEP_DAY);
  for (size_t i = 0; i < read.points.size(); ++i) {
    v1::SeriesPoint& point = *out->add_points();
    SetTime((read.first + static_cast<int64_t>(i)) * series::StepMs(step), point.mutable_time());
    point.set_event_count(static_cast<int64_t>(read.points[i].events));
    point.set_customer_count(read.points[i].customers);
    if (read.walked_ms == 0) point.set_amount(ValueOf(read.points[i], v1::SERIES_MEASURE_AMOUNT));
  }
  if (read.since_ms > 0) SetTime(read.since_ms, out->mutable_complete_since_time());
  if (read.walked_ms > 0) SetTime(read.walked_ms, out->mutable_walk_time());
  return absl::OkStatus();
}

void LiveServing::KeepWhole(Step step, StepsRead* read) {
  std::vector<SeriesPoint>& points = read->points;
  // The newest step is not over, and before the first event there was no shop.
  if (!points.empty()) points.pop_back();
  auto begin = std::find_if_not(points.begin(), points.end(), Empty);
  // What members did is told by fewer of them the longer ago it is: a rise that never was.
  if (read->walked_ms > 0) {
    const int64_t whole = read->since_ms / series::StepMs(step) - read->first;
    begin = std::max(begin, points.begin() + std::clamp<ptrdiff_t>(whole, 0, std::ssize(points)));
  }
  read->first += begin - points.begin();
  points.erase(points.begin(), begin);
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
  StepsRead read;
  KINDRED_RETURN_IF_ERROR(
      ReadSeries(request.name(), step, hourly ? kForecastHours : kForecastDays, &read));
  if (read.walked_ms > 0 && request.measure() == v1::SERIES_MEASURE_AMOUNT) {
    check.Violation("measure", "expected events or customers: of a segment amounts are not known");
    return check.status();
  }
  KeepWhole(step, &read);
  std::vector<double> values;
  for (const SeriesPoint& point : read.points) values.push_back(ValueOf(point, request.measure()));
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
  FillForecast(request.name(), *forecast, values, read.first, step, response);
  return absl::OkStatus();
}

}  // namespace kindred::node
