// Commands about recommendations: recommend, similar, similar-customers, performance, hide, unhide.
#ifndef KINDRED_CLI_RECOMMEND_COMMANDS_H_
#define KINDRED_CLI_RECOMMEND_COMMANDS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "kindred/v1/recommendation.pb.h"

namespace kindred::cli {

void AddRecommendCommands(CLI::App& app);

// A table for people.
std::string PerformanceText(const v1::QueryPerformanceResponse& performance);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_RECOMMEND_COMMANDS_H_
