// kindred rules: check a rules file and try it on events before it is used; show what rules may
// ask.
#ifndef KINDRED_CLI_RULES_COMMAND_H_
#define KINDRED_CLI_RULES_COMMAND_H_

#include "CLI/CLI.hpp"

namespace kindred::cli {

void AddRulesCommand(CLI::App& app);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_RULES_COMMAND_H_
