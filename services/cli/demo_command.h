// `kindred demo`: the main job on real data with the broker that is built in.
#ifndef KINDRED_CLI_DEMO_COMMAND_H_
#define KINDRED_CLI_DEMO_COMMAND_H_

#include "CLI/CLI.hpp"

namespace kindred::cli {

void AddDemoCommand(CLI::App& app);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_DEMO_COMMAND_H_
