// `kindred series`: what happened over time, as a node counted it; and what other commands need of
// it.
#ifndef KINDRED_CLI_SERIES_COMMAND_H_
#define KINDRED_CLI_SERIES_COMMAND_H_

#include <string>

#include "CLI/CLI.hpp"
#include "cli/client.h"
#include "cli/forecast_report.h"
#include "cli/plot_lines.h"
#include "kindred/v1/insight.pb.h"

namespace kindred::cli {

void AddSeriesCommand(CLI::App& app);

// Which series of a node, and what of it.
struct SeriesQuestion {
  ClientOptions client;
  std::string name = "all";  // with or without "series/"
  std::string step = "day";
  std::string measure;  // empty: as MeasureOf() says
  int count = 0;        // steps; 0: as the node sees fit
};
// What is asked for: the amount, unless something else was named or amounts are not known, as of a
// segment.
std::string MeasureOf(const SeriesQuestion& question);
// The name as an argument, --step, --measure, --count and the options of a client.
void AddSeriesQuestion(CLI::App* command, SeriesQuestion* question);

// The help text for the names of a node's series.
inline constexpr char kSeriesNames[] =
    "all, event-types/TYPE, categories/NAME, items/ID, segments/N or segments/N/purchases";

v1::Series AskSeries(const SeriesQuestion& question);
// A node's forecast as a report: horizon 0 and coverage 0 are the node's own.
ForecastReport AskForecast(const SeriesQuestion& question, int horizon, double coverage);
LineChart SeriesChart(const SeriesQuestion& question, const v1::Series& series);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_SERIES_COMMAND_H_
