// `kindred predict`: what a file of purchases says of a customer's future.
#ifndef KINDRED_CLI_PREDICT_COMMAND_H_
#define KINDRED_CLI_PREDICT_COMMAND_H_

#include "CLI/CLI.hpp"

namespace kindred::cli {

void AddPredictCommand(CLI::App& app);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_PREDICT_COMMAND_H_
