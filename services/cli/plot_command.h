// `kindred plot`: pictures of customers and segments. `kindred features` and `kindred cluster`: the
// same from a file of purchases, as numbers.
#ifndef KINDRED_CLI_PLOT_COMMAND_H_
#define KINDRED_CLI_PLOT_COMMAND_H_

#include "CLI/CLI.hpp"

namespace kindred::cli {

void AddPlotCommand(CLI::App& app);
void AddClusterCommands(CLI::App& app);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_PLOT_COMMAND_H_
