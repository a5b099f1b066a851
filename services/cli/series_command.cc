#include "cli/series_command.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/plot_axis.h"
#include "cli/text_chart.h"
#include "kindred/v1/insight.grpc.pb.h"

namespace kindred::cli {
namespace {

constexpr int64_t kHourMs = 3'600'000;

std::string FullName(const SeriesQuestion& question) {
  return absl::StartsWith(question.name, "series/") ? question.name
                                                    : absl::StrCat("series/", question.name);
}

v1::SeriesStep StepOf(const SeriesQuestion& question) {
  return question.step == "hour" ? v1::SERIES_STEP_HOUR : v1::SERIES_STEP_DAY;
}

int64_t StepMs(const SeriesQuestion& question) {
  return question.step == "hour" ? kHourMs : 24 * kHourMs;
}

v1::SeriesMeasure ApiMeasure(const SeriesQuestion& question) {
  const std::string measure = MeasureOf(question);
  if (measure == "customers") return v1::SERIES_MEASURE_CUSTOMERS;
  return measure == "events" ? v1::SERIES_MEASURE_EVENTS : v1::SERIES_MEASURE_AMOUNT;
}

double ValueOf(const v1::SeriesPoint& point, v1::SeriesMeasure measure) {
  if (measure == v1::SERIES_MEASURE_CUSTOMERS) return point.customer_count();
  return measure == v1::SERIES_MEASURE_EVENTS ? static_cast<double>(point.event_count())
                                              : point.amount();
}

int64_t TimeMs(const google::protobuf::Timestamp& time) { return time.seconds() * 1000; }

std::string Headline(const SeriesQuestion& question) {
  return absl::StrCat(question.step == "hour" ? "hourly " : "daily ", MeasureOf(question), " of ",
                      FullName(question));
}

std::string SeriesText(const SeriesQuestion& question, const v1::Series& series) {
  TextChart chart;
  for (const v1::SeriesPoint& point : series.points()) {
    chart.values.push_back(ValueOf(point, ApiMeasure(question)));
  }
  if (chart.values.empty()) return "nothing has happened yet\n";
  const auto label = [&](int i) {
    return StepLabel(TimeMs(series.points(i).time()), StepMs(question));
  };
  chart.from_label = label(0);
  chart.to_label = label(series.points_size() - 1);
  std::string out = absl::StrCat(Headline(question), "\n\n", TextChartLines(chart), "\n");
  const bool of_segment = series.has_walk_time();
  if (of_segment) {
    absl::StrAppend(&out, "what its present members did, as of ",
                    StepLabel(TimeMs(series.walk_time()), kHourMs), "\n\n");
  }
  if (series.has_complete_since_time()) {
    absl::StrAppend(&out, "whole from ", StepLabel(TimeMs(series.complete_since_time()), kHourMs),
                    of_segment ? " on: before, some did more than their profiles tell\n\n"
                               : " on: before, it was not among those met most\n\n");
  }
  absl::StrAppendFormat(&out, "%-17s %12s %12s %14s\n", "time", "events", "customers", "amount");
  const int shown = std::min(series.points_size(), 14);
  for (int i = series.points_size() - shown; i < series.points_size(); ++i) {
    const v1::SeriesPoint& point = series.points(i);
    absl::StrAppendFormat(&out, "%-17s %12d %12.0f %14s%s\n", label(i), point.event_count(),
                          point.customer_count(),
                          point.has_amount() ? absl::StrFormat("%.2f", point.amount()) : "-",
                          i + 1 == series.points_size() ? "   (not over)" : "");
  }
  return out;
}

void List(const SeriesQuestion& question) {
  v1::ListSeriesResponse response;
  grpc::ClientContext context;
  SetDeadline(question.client, &context);
  Check(v1::InsightService::NewStub(Connect(question.client))->ListSeries(&context, {}, &response),
        question.client);
  if (question.client.json) {
    std::printf("%s", MessageJson(response, false).c_str());
    return;
  }
  for (const v1::SeriesInfo& info : response.series()) {
    std::printf("%-50s %s\n", info.name().c_str(), info.title().c_str());
  }
}

}  // namespace

std::string MeasureOf(const SeriesQuestion& question) {
  if (!question.measure.empty()) return question.measure;
  return absl::StartsWith(FullName(question), "series/segments/") ? "events" : "amount";
}

void AddSeriesQuestion(CLI::App* command, SeriesQuestion* question) {
  command->add_option("--step", question->step, "day or hour (UTC)")
      ->check(CLI::IsMember({"day", "hour"}))
      ->capture_default_str();
  command->add_option("--measure", question->measure, "What is looked at")
      ->check(CLI::IsMember({"amount", "events", "customers"}))
      ->default_str("amount, of segments events");
}

v1::Series AskSeries(const SeriesQuestion& question) {
  v1::GetSeriesRequest request;
  request.set_name(FullName(question));
  request.set_step(StepOf(question));
  request.set_count(question.count);
  v1::Series series;
  grpc::ClientContext context;
  SetDeadline(question.client, &context);
  Check(
      v1::InsightService::NewStub(Connect(question.client))->GetSeries(&context, request, &series),
      question.client);
  if (MeasureOf(question) == "amount" && series.points_size() > 0 &&
      !series.points(0).has_amount()) {
    Fail(absl::InvalidArgumentError(
        absl::StrCat("--measure: expected events or customers, amounts of ", FullName(question),
                     " are not known")));
  }
  return series;
}

ForecastReport AskForecast(const SeriesQuestion& question, int horizon, double coverage) {
  v1::ForecastRequest request;
  request.set_name(FullName(question));
  request.set_step(StepOf(question));
  request.set_measure(ApiMeasure(question));
  request.set_horizon(horizon);
  request.set_coverage(coverage);
  v1::ForecastResponse response;
  grpc::ClientContext context;
  SetDeadline(question.client, &context);
  Check(
      v1::InsightService::NewStub(Connect(question.client))->Forecast(&context, request, &response),
      question.client);
  ForecastReport report;
  report.name = Headline(question);
  report.coverage = coverage;
  report.history.step_ms = StepMs(question);
  for (const v1::HistoryPoint& point : response.history()) {
    if (report.history.values.empty()) report.history.start_ms = TimeMs(point.time());
    report.history.values.push_back(point.value());
  }
  report.forecast.model.name = response.method();
  for (const v1::ForecastParameter& parameter : response.parameters()) {
    report.forecast.model.parameters.emplace_back(parameter.name(), parameter.value());
  }
  report.forecast.mase = response.mase();
  for (const v1::BacktestScore& score : response.backtest()) {
    report.forecast.backtest.push_back({score.method(), score.mase()});
  }
  for (const v1::ForecastPoint& point : response.points()) {
    report.forecast.model.mean.push_back(point.mean());
    report.forecast.lower.push_back(point.lower());
    report.forecast.upper.push_back(point.upper());
  }
  return report;
}

LineChart SeriesChart(const SeriesQuestion& question, const v1::Series& series) {
  LineChart chart;
  chart.caption.title = Headline(question);
  chart.caption.title[0] = question.step == "hour" ? 'H' : 'D';
  chart.caption.subtitle =
      series.has_walk_time()
          ? "what its present members did, in event time (UTC); the last step is not over yet"
          : "as counted in event time (UTC); the last step is not over yet";
  chart.caption.note = question.client.server;
  chart.y_title = MeasureOf(question);
  ChartLine line{"", std::string(PlotColor(0)), false, {}};
  for (const v1::SeriesPoint& point : series.points()) {
    line.values.emplace_back(TimeMs(point.time()), ValueOf(point, ApiMeasure(question)));
  }
  chart.lines.push_back(std::move(line));
  return chart;
}

void AddSeriesCommand(CLI::App& app) {
  auto question = std::make_shared<SeriesQuestion>();
  auto list = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("series", "Show what happened over time, as a node counted it");
  command->footer(
      "Example:\n  kindred series --list\n  kindred series all --measure customers\n"
      "  kindred series categories/TEA --step hour --measure events\n"
      "  kindred series segments/3/purchases\n"
      "Of a learned segment: what its present members did, as far as their profiles tell (acts "
      "with\n"
      "items by day, purchases by day and hour; no amounts), as of the learner's last walk.");
  command->add_option("name", question->name, kSeriesNames)->capture_default_str();
  command->add_flag("--list", *list, "Show which series there are");
  AddSeriesQuestion(command, question.get());
  command->add_option("--count", question->count, "Newest steps; default 90 days or 168 hours")
      ->check(CLI::Range(1, 416));
  AddClientOptions(command, &question->client);
  command->callback([question, list] {
    if (*list) return List(*question);
    const v1::Series series = AskSeries(*question);
    std::printf("%s", question->client.json ? MessageJson(series, false).c_str()
                                            : SeriesText(*question, series).c_str());
  });
}

}  // namespace kindred::cli
