// `kindred quality`: how good the data of the newest hours are.
#ifndef KINDRED_CLI_QUALITY_COMMAND_H_
#define KINDRED_CLI_QUALITY_COMMAND_H_

#include "CLI/CLI.hpp"

namespace kindred::cli {

void AddQualityCommand(CLI::App& app);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_QUALITY_COMMAND_H_
