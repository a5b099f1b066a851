// `kindred dead-letters list` and `replay`.
#ifndef KINDRED_CLI_DEAD_LETTERS_COMMAND_H_
#define KINDRED_CLI_DEAD_LETTERS_COMMAND_H_

#include "CLI/CLI.hpp"

namespace kindred::cli {

void AddDeadLettersCommand(CLI::App& app);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_DEAD_LETTERS_COMMAND_H_
