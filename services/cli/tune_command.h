// `kindred tune`: parameters of the recommender for the operator's own data.
#ifndef KINDRED_CLI_TUNE_COMMAND_H_
#define KINDRED_CLI_TUNE_COMMAND_H_

#include "CLI/CLI.hpp"

namespace kindred::cli {

// Adds the subcommand. Its callback prints what was found on stdout and writes the file asked for;
// on a fault it prints the reason on stderr and ends the parse with CLI::RuntimeError.
void AddTuneCommand(CLI::App& app);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_TUNE_COMMAND_H_
