// `kindred evaluate churn`: who will buy again, judged on the past.
#ifndef KINDRED_CLI_EVALUATE_CHURN_COMMAND_H_
#define KINDRED_CLI_EVALUATE_CHURN_COMMAND_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "cli/churn_evaluation.h"

namespace kindred::cli {

// Events of a file in order of time: JSON lines in any format that the node reads, or a table as
// `kindred import` takes it; plain or gzip. InvalidArgument: none with a customer and a time.
absl::StatusOr<std::vector<TimedEvent>> ReadTimedEvents(const std::string& path);

void AddEvaluateChurnCommand(CLI::App& evaluate);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_EVALUATE_CHURN_COMMAND_H_
