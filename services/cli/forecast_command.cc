#include "cli/forecast_command.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/client.h"
#include "cli/forecast_report.h"
#include "cli/output_file.h"
#include "cli/series_command.h"
#include "cli/series_file.h"

namespace kindred::cli {
namespace {

constexpr int64_t kHourMs = 3'600'000;

struct Flags {
  SeriesQuestion question;
  std::string input;
  std::string svg;
  std::vector<size_t> arima;
  bool arima_constant = true;
  size_t season = 0;
  size_t horizon = 0;
  size_t holdback = 0;
  double coverage = 0.8;
  std::map<std::string, std::string> columns;
};

SeriesMeasure FileMeasure(const std::string& name) {
  if (name == "events") return SeriesMeasure::kEvents;
  return name == "customers" ? SeriesMeasure::kCustomers : SeriesMeasure::kAmount;
}

absl::StatusOr<ForecastReport> ReportOnFile(const Flags& flags) {
  const bool hourly = flags.question.step == "hour";
  SeriesFileOptions file;
  file.step_ms = hourly ? kHourMs : 24 * kHourMs;
  file.measure = FileMeasure(MeasureOf(flags.question));
  for (const auto& [field, column] : flags.columns) {
    if (!column.empty()) file.columns[field] = column;
  }
  KINDRED_ASSIGN_OR_RETURN(EvenSeries series, ReadSeriesFile(flags.input, file));
  if (series.skipped > 0) {
    std::fprintf(stderr, "%s: %llu of %llu rows are not in the series\n", flags.input.c_str(),
                 static_cast<unsigned long long>(series.skipped),
                 static_cast<unsigned long long>(series.rows));
  }
  ForecastRequest request;
  request.season = flags.season != 0 ? flags.season : hourly ? 24 : 7;
  request.horizon = flags.horizon != 0 ? flags.horizon : 4 * request.season;
  request.holdback = flags.holdback;
  request.coverage = flags.coverage;
  if (!flags.arima.empty()) {
    request.arima =
        learn::ArimaOrder{flags.arima[0], flags.arima[1], flags.arima[2], flags.arima_constant};
  }
  const size_t slash = flags.input.rfind('/');
  const std::string name =
      absl::StrCat(hourly ? "hourly " : "daily ", MeasureOf(flags.question), " of ",
                   slash == std::string::npos ? flags.input : flags.input.substr(slash + 1));
  return MakeForecastReport(name, std::move(series), request);
}

absl::Status Run(const Flags& flags) {
  ForecastReport report;
  if (flags.input.empty()) {
    report = AskForecast(flags.question, static_cast<int>(flags.horizon), flags.coverage);
  } else {
    KINDRED_ASSIGN_OR_RETURN(report, ReportOnFile(flags));
  }
  if (!flags.svg.empty()) {
    const size_t shown = std::max<size_t>(90, 6 * report.forecast.model.mean.size());
    KINDRED_RETURN_IF_ERROR(WriteFile(flags.svg, DrawLines(ForecastChart(report, shown)).Finish()));
  }
  std::fputs((flags.question.client.json ? ForecastJson(report) : ForecastText(report)).c_str(),
             stdout);
  return absl::OkStatus();
}

}  // namespace

void AddForecastCommand(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("forecast", "Forecast a series by the method that forecast its past best");
  command->footer(
      "Example:\n  kindred forecast all --measure amount     (of a running node)\n"
      "  kindred forecast segments/3/purchases\n"
      "  kindred forecast --input sales.csv --holdback 28\n"
      "  kindred forecast --input purchases.csv.gz --measure customers --svg customers.svg\n"
      "Methods: seasonal naive, moving average, simple and double exponential smoothing, season\n"
      "totals, Holt-Winters, ARIMA (order by AICc), ARIMA on the seasonally adjusted series.");
  CLI::Option* name = command->add_option("name", flags->question.name,
                                          absl::StrCat("A node's series: ", kSeriesNames));
  CLI::Option* input =
      command->add_option("--input", flags->input,
                          "Instead of a node: times and values, or purchases, as delimited text, "
                          "also .gz; rows of a step are summed");
  input->excludes(name);
  AddSeriesQuestion(command, &flags->question);
  command->add_option("--season", flags->season, "Steps of a season; default 7 days or 24 hours")
      ->needs(input)
      ->check(CLI::Range(1, 1000));
  command->add_option("--horizon", flags->horizon, "Steps to forecast; default four seasons")
      ->check(CLI::Range(1, 1000));
  command
      ->add_option("--holdback", flags->holdback,
                   "Leave out the last N steps, forecast them and compare")
      ->needs(input)
      ->check(CLI::Range(1, 1000));
  command->add_option("--coverage", flags->coverage, "Share of values the interval should hold")
      ->check(CLI::Range(0.5, 0.99))
      ->capture_default_str();
  command->add_option("--arima", flags->arima, "Also fit this order: p,d,q")
      ->needs(input)
      ->delimiter(',')
      ->expected(3);
  command->add_flag("--arima-constant,!--no-arima-constant", flags->arima_constant,
                    "Fit that order with a mean");
  command->add_option("--time", flags->columns["time"], "Column of the time");
  command->add_option("--amount", flags->columns["amount"], "Column of the value");
  command->add_option("--svg", flags->svg, "Write a picture to this file");
  AddClientOptions(command, &flags->question.client);
  command->callback([flags] {
    const absl::Status status = Run(*flags);
    if (!status.ok()) Fail(status);
  });
}

}  // namespace kindred::cli
