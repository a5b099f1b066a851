// `kindred evaluate split` and `kindred evaluate prequential`: how well would the recommender have
// foretold this data?
#ifndef KINDRED_CLI_EVALUATE_COMMAND_H_
#define KINDRED_CLI_EVALUATE_COMMAND_H_

#include "CLI/CLI.hpp"

namespace kindred::cli {

// Adds the subcommand. Its callbacks print the report on stdout; on a fault they print the reason
// on stderr and end the parse with CLI::RuntimeError, whose exit code app.exit() returns.
void AddEvaluateCommand(CLI::App& app);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_EVALUATE_COMMAND_H_
