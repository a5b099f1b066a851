#include "cli/forecast_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "cli/plot_axis.h"
#include "cli/text_chart.h"

namespace kindred::cli {
namespace {

constexpr int64_t kDayMs = 86'400'000;

std::string OrderText(const learn::ArimaOrder& order) {
  return absl::StrCat("(", order.p, ",", order.d, ",", order.q, ")",
                      order.constant ? " with constant" : "");
}

std::string ParametersText(const std::vector<std::pair<std::string, double>>& parameters) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : parameters) {
    parts.push_back(absl::StrFormat("%s %.4g", name, value));
  }
  return absl::StrJoin(parts, ", ");
}

nlohmann::ordered_json ParametersJson(
    const std::vector<std::pair<std::string, double>>& parameters) {
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  for (const auto& [name, value] : parameters) out[name] = value;
  return out;
}

nlohmann::ordered_json OrderJson(const learn::ArimaOrder& order) {
  return {{"p", order.p}, {"d", order.d}, {"q", order.q}, {"constant", order.constant}};
}

double Share(const ForecastReport& report) {
  return static_cast<double>(report.inside) / static_cast<double>(report.actual.size());
}

}  // namespace

std::string StepLabel(int64_t time_ms, int64_t step_ms) {
  return absl::FormatTime(step_ms < kDayMs ? "%Y-%m-%d %H:%M" : "%Y-%m-%d",
                          absl::FromUnixMillis(time_ms), absl::UTCTimeZone());
}

absl::StatusOr<ForecastReport> MakeForecastReport(std::string name, EvenSeries series,
                                                  const ForecastRequest& request) {
  if (request.holdback >= series.values.size()) {
    return absl::InvalidArgumentError(absl::StrCat("cannot hold back ", request.holdback, " of ",
                                                   series.values.size(), " values"));
  }
  ForecastReport report;
  report.name = std::move(name);
  report.coverage = request.coverage;
  report.actual.assign(series.values.end() - static_cast<ptrdiff_t>(request.holdback),
                       series.values.end());
  series.values.resize(series.values.size() - request.holdback);
  report.history = std::move(series);
  const std::vector<double>& values = report.history.values;
  learn::ForecastOptions options;
  options.horizon = request.holdback > 0 ? request.holdback : request.horizon;
  options.season = request.season;
  options.coverage = request.coverage;
  options.non_negative = *std::min_element(values.begin(), values.end()) >= 0;
  KINDRED_ASSIGN_OR_RETURN(report.forecast, learn::ForecastSeries(values, options));
  if (!report.actual.empty()) {
    const size_t season = values.size() > request.season ? request.season : 1;
    report.mase = learn::Mase(values, season, report.actual, report.forecast.model.mean);
    for (size_t h = 0; h < report.actual.size(); ++h) {
      report.inside += report.actual[h] >= report.forecast.lower[h] &&
                       report.actual[h] <= report.forecast.upper[h];
    }
  }
  if (const auto order = learn::ChooseArimaOrder(values); order.ok()) report.arima_auto = *order;
  if (request.arima.has_value()) {
    KINDRED_ASSIGN_OR_RETURN(report.arima,
                             learn::FitArima(values, *request.arima, options.horizon));
  }
  return report;
}

std::string ForecastText(const ForecastReport& report) {
  const learn::SeriesModel& model = report.forecast.model;
  const EvenSeries& history = report.history;
  TextChart chart;
  // As much of the past as is readable.
  const size_t shown = std::min(history.values.size(), std::max<size_t>(60, 4 * model.mean.size()));
  chart.values.assign(history.values.end() - static_cast<ptrdiff_t>(shown), history.values.end());
  chart.forecast = model.mean;
  chart.lower = report.forecast.lower;
  chart.upper = report.forecast.upper;
  chart.from_label = StepLabel(history.TimeOf(history.values.size() - shown), history.step_ms);
  chart.to_label = StepLabel(report.TimeOf(model.mean.size() - 1), history.step_ms);
  std::string out = absl::StrCat(
      report.name, ": ", history.values.size(), history.step_ms < kDayMs ? " hours" : " days",
      " to ", StepLabel(history.TimeOf(history.values.size() - 1), history.step_ms),
      ", then the forecast and its interval\n\n", TextChartLines(chart), "\n");
  absl::StrAppendFormat(&out, "method     %s%s%s\n", model.name,
                        model.parameters.empty() ? "" : ": ", ParametersText(model.parameters));
  if (report.forecast.mase > 0) {
    absl::StrAppendFormat(
        &out, "backtest   error %.3f of the seasonal naive's; others: ", report.forecast.mase);
    std::vector<std::string> others;
    for (const learn::BacktestScore& score : report.forecast.backtest) {
      others.push_back(absl::StrFormat("%s %.3f", score.method, score.mase));
    }
    absl::StrAppend(&out, absl::StrJoin(others, ", "), "\n");
  }
  if (!report.actual.empty()) {
    absl::StrAppendFormat(&out,
                          "held back  %d values: error %.3f of the seasonal naive's, %d inside the "
                          "%.0f %% interval (%.0f %%)\n",
                          report.actual.size(), report.mase, report.inside, 100 * report.coverage,
                          100 * Share(report));
  }
  if (report.arima.has_value()) {
    absl::StrAppendFormat(&out, "ARIMA%s  %s, AICc %.2f\n", OrderText(report.arima->order),
                          ParametersText(report.arima->model.parameters), report.arima->aicc);
  }
  absl::StrAppendFormat(&out, "\n%-17s %12s %12s %12s%s\n", "time", "forecast", "from", "to",
                        report.actual.empty() ? "" : "       actual");
  for (size_t h = 0; h < model.mean.size(); ++h) {
    absl::StrAppendFormat(&out, "%-17s %12.2f %12.2f %12.2f",
                          StepLabel(report.TimeOf(h), history.step_ms), model.mean[h],
                          report.forecast.lower[h], report.forecast.upper[h]);
    if (!report.actual.empty()) absl::StrAppendFormat(&out, " %12.2f", report.actual[h]);
    absl::StrAppend(&out, "\n");
  }
  return out;
}

std::string ForecastJson(const ForecastReport& report) {
  const learn::SeriesModel& model = report.forecast.model;
  nlohmann::ordered_json out;
  out["series"] = report.name;
  out["values"] = report.history.values.size();
  out["method"] = model.name;
  out["parameters"] = ParametersJson(model.parameters);
  out["backtest_mase"] = report.forecast.mase;
  out["backtest"] = nlohmann::ordered_json::array();
  for (const learn::BacktestScore& score : report.forecast.backtest) {
    out["backtest"].push_back({{"method", score.method}, {"mase", score.mase}});
  }
  out["coverage"] = report.coverage;
  if (!report.actual.empty()) {
    out["holdback"] = {{"values", report.actual.size()},
                       {"mase", report.mase},
                       {"inside", report.inside},
                       {"inside_share", Share(report)}};
  }
  out["arima_order"] = OrderJson(report.arima_auto);
  if (report.arima.has_value()) {
    out["arima"] = {{"order", OrderJson(report.arima->order)},
                    {"parameters", ParametersJson(report.arima->model.parameters)},
                    {"sigma", report.arima->model.sigma},
                    {"aicc", report.arima->aicc}};
  }
  out["history"] = report.history.values;
  out["forecast"] = nlohmann::ordered_json::array();
  for (size_t h = 0; h < model.mean.size(); ++h) {
    nlohmann::ordered_json step = {{"time", StepLabel(report.TimeOf(h), report.history.step_ms)},
                                   {"mean", model.mean[h]},
                                   {"lower", report.forecast.lower[h]},
                                   {"upper", report.forecast.upper[h]}};
    if (!report.actual.empty()) step["actual"] = report.actual[h];
    out["forecast"].push_back(std::move(step));
  }
  // Whatever a name holds, nothing is thrown.
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

LineChart ForecastChart(const ForecastReport& report, size_t shown) {
  const learn::SeriesModel& model = report.forecast.model;
  const EvenSeries& history = report.history;
  LineChart chart;
  chart.caption.title = absl::StrCat("Forecast: ", report.name);
  chart.caption.subtitle = absl::StrCat("by ", model.name);
  if (report.forecast.mase > 0) {
    absl::StrAppendFormat(&chart.caption.subtitle,
                          ", the best of %d methods in the backtest (%.2f of the seasonal naive's "
                          "error)",
                          report.forecast.backtest.size(), report.forecast.mase);
  }
  if (!report.actual.empty()) {
    absl::StrAppendFormat(&chart.caption.subtitle,
                          "; of what was held back, %d of %d values lie inside the interval",
                          report.inside, report.actual.size());
  }
  const size_t begin = history.values.size() - std::min(shown, history.values.size());
  ChartLine past{"observed", "#4a5568", false, {}};
  for (size_t i = begin; i < history.values.size(); ++i) {
    past.values.emplace_back(history.TimeOf(i), history.values[i]);
  }
  ChartBand band{absl::StrFormat("%.0f %% interval", 100 * report.coverage), "#dd6b20", {}};
  ChartLine mean{"forecast", "#dd6b20", false, {}};
  ChartLine actual{report.actual.empty() ? "" : "held back", "#2b6cb0", false, {}};
  for (size_t h = 0; h < model.mean.size(); ++h) {
    const int64_t time = report.TimeOf(h);
    band.edges.push_back({time, report.forecast.lower[h], report.forecast.upper[h]});
    mean.values.emplace_back(time, model.mean[h]);
    if (!report.actual.empty()) actual.values.emplace_back(time, report.actual[h]);
  }
  chart.bands.push_back(std::move(band));
  chart.lines.push_back(std::move(past));
  if (!report.actual.empty()) chart.lines.push_back(std::move(actual));
  chart.lines.push_back(std::move(mean));
  chart.mark_ms = report.TimeOf(0);
  chart.mark_name = "forecast from here";
  return chart;
}

}  // namespace kindred::cli
