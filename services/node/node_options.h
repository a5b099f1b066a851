// What the configuration means to the parts of a node.
#ifndef KINDRED_NODE_NODE_OPTIONS_H_
#define KINDRED_NODE_NODE_OPTIONS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "kindred/config/v1/config.pb.h"
#include "node/learner.h"
#include "node/prediction_learner.h"
#include "node/rules_runtime.h"
#include "node/shared_state.h"
#include "node/worker.h"

namespace kindred::node {

// `partitions`: of the events topic; limits on memory are shared among them. The seed of the
// duplicate tables is drawn anew at every call. InvalidArgument names the setting that cannot be
// used.
absl::StatusOr<SharedOptions> SharedOptionsOf(const config::v1::NodeConfig& config,
                                              int32_t partitions);

// Settings that stored sums were made with; with others they would mean something else.
RulesOptions RulesOptionsOf(const config::v1::NodeConfig& config);
std::string LastingSettings(const config::v1::NodeConfig& config);

// A status that says damaged state, with what to do about it; others as they are.
absl::Status WithAdvice(const absl::Status& status, const std::string& data_dir);
LearnerOptions LearnerOptionsOf(const config::v1::NodeConfig& config);
PredictionOptions PredictionOptionsOf(const config::v1::NodeConfig& config);
// `workers`: among so many the bounds on memory are shared.
WorkerOptions WorkerOptionsOf(const config::v1::NodeConfig& config, int workers);

}  // namespace kindred::node

#endif  // KINDRED_NODE_NODE_OPTIONS_H_
