// `kindred identity`: which ids are one customer, and undoing it.
#ifndef KINDRED_CLI_IDENTITY_COMMAND_H_
#define KINDRED_CLI_IDENTITY_COMMAND_H_

#include "CLI/CLI.hpp"

namespace kindred::cli {

void AddIdentityCommand(CLI::App& app);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_IDENTITY_COMMAND_H_
