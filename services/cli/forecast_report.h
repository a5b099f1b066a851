// A forecast of a series, judged by what was held back of it, as text, JSON and picture.
#ifndef KINDRED_CLI_FORECAST_REPORT_H_
#define KINDRED_CLI_FORECAST_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/plot_lines.h"
#include "cli/series_file.h"
#include "learn/arima.h"
#include "learn/forecast.h"

namespace kindred::cli {

struct ForecastRequest {
  size_t horizon = 28;
  size_t season = 7;
  double coverage = 0.8;
  size_t holdback = 0;                     // last values that are not learned from, but compared
  std::optional<learn::ArimaOrder> arima;  // also fit this order, and tell its parameters
};

struct ForecastReport {
  std::string name;    // of the series, for headlines
  EvenSeries history;  // what was learned from
  learn::Forecast forecast;
  double coverage = 0.8;
  std::vector<double> actual;    // held back; as long as the forecast, or empty
  double mase = 0;               // of the forecast against `actual`
  size_t inside = 0;             // of `actual` in the interval
  learn::ArimaOrder arima_auto;  // by AICc, of the history
  std::optional<learn::ArimaFit> arima;
  int64_t TimeOf(size_t step) const { return history.TimeOf(history.values.size() + step); }
};

// InvalidArgument: too short, or options out of range.
absl::StatusOr<ForecastReport> MakeForecastReport(std::string name, EvenSeries series,
                                                  const ForecastRequest& request);

std::string ForecastText(const ForecastReport& report);
// {"method": …, "parameters": {…}, "forecast": [{"time", "mean", "lower", "upper", "actual"}], …}
std::string ForecastJson(const ForecastReport& report);
// The last `shown` steps of the history and the forecast.
LineChart ForecastChart(const ForecastReport& report, size_t shown);

// "2011-11-12" or, for steps below a day, "2011-11-12 07:00".
std::string StepLabel(int64_t time_ms, int64_t step_ms);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_FORECAST_REPORT_H_
