// `kindred forecast` and `kindred series`: what happened in time, and what comes next.
#ifndef KINDRED_CLI_FORECAST_COMMAND_H_
#define KINDRED_CLI_FORECAST_COMMAND_H_

#include "CLI/CLI.hpp"

namespace kindred::cli {

void AddForecastCommand(CLI::App& app);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_FORECAST_COMMAND_H_
