// `kindred evaluate churn`: who will buy again, judged on the past.
#ifndef KINDRED_CLI_EVALUATE_CHURN_COMMAND_H_
#define KINDRED_CLI_EVALUATE_CHURN_COMMAND_H_

#include <CLI/CLI.hpp>

namespace kindred::cli {

void AddEvaluateChurnCommand(CLI::App& evaluate);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_EVALUATE_CHURN_COMMAND_H_
