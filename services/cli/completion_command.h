// `kindred completion`: a bash script that completes commands and options.
#ifndef KINDRED_CLI_COMPLETION_COMMAND_H_
#define KINDRED_CLI_COMPLETION_COMMAND_H_

#include <string>

#include "CLI/CLI.hpp"

namespace kindred::cli {

void AddCompletionCommand(CLI::App& app);

// The script for every command and option that `app` has.
std::string BashCompletion(const CLI::App& app);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_COMPLETION_COMMAND_H_
