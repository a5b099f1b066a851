// The recommender's blend as the configuration has it, and back.
#ifndef KINDRED_NODE_BLEND_CONFIG_H_
#define KINDRED_NODE_BLEND_CONFIG_H_

#include "kindred/config/v1/config.pb.h"
#include "recommend/recommender.h"

namespace kindred::node {

// What the configuration leaves out is as in recommend::BlendOptions. Not validated.
recommend::BlendOptions BlendOptionsOf(const config::v1::BlendConfig& config);
// Sets every field.
void SetBlendConfig(const recommend::BlendOptions& options, config::v1::BlendConfig* config);

}  // namespace kindred::node

#endif  // KINDRED_NODE_BLEND_CONFIG_H_
