// `kindred load events` and `kindred load calls`: work for a broker and a node, to measure them by.
#ifndef KINDRED_CLI_LOAD_COMMAND_H_
#define KINDRED_CLI_LOAD_COMMAND_H_

#include "CLI/CLI.hpp"

namespace kindred::cli {

void AddLoadCommand(CLI::App& app);

// The parts of it.
void AddLoadEventsCommand(CLI::App& load);
void AddLoadCallsCommand(CLI::App& load);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_LOAD_COMMAND_H_
