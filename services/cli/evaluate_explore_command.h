// `kindred evaluate explore`: the clusterings of SegmentService.Explore on a file, point by point,
// for a comparison with other tools.
#ifndef KINDRED_CLI_EVALUATE_EXPLORE_COMMAND_H_
#define KINDRED_CLI_EVALUATE_EXPLORE_COMMAND_H_

#include "CLI/CLI.hpp"

namespace kindred::cli {

void AddEvaluateExploreCommand(CLI::App& evaluate);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_EVALUATE_EXPLORE_COMMAND_H_
