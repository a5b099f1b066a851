// kindred audiences: who is in which, and why.
#ifndef KINDRED_CLI_AUDIENCES_COMMAND_H_
#define KINDRED_CLI_AUDIENCES_COMMAND_H_

#include "CLI/CLI.hpp"

namespace kindred::cli {

void AddAudiencesCommand(CLI::App& app);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_AUDIENCES_COMMAND_H_
