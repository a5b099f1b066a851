// Commands that ask a node about customers, segments and itself: get, segments, status, export.
#ifndef KINDRED_CLI_ASK_COMMANDS_H_
#define KINDRED_CLI_ASK_COMMANDS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "kindred/v1/profile.pb.h"
#include "kindred/v1/recommendation.pb.h"
#include "kindred/v1/segment.pb.h"
#include "kindred/v1/status.pb.h"

namespace kindred::cli {

void AddAskCommands(CLI::App& app);

// Messages for people.
std::string ProfileText(const v1::Profile& profile);
std::string RecommendationsText(
    const google::protobuf::RepeatedPtrField<v1::Recommendation>& recommendations, bool explain);
std::string SegmentsText(const v1::ListSegmentsResponse& segments);
std::string ExploreText(const v1::ExploreResponse& found);
std::string StatusText(const v1::Status& status);

}  // namespace kindred::cli

#endif  // KINDRED_CLI_ASK_COMMANDS_H_
