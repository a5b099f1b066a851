#include "node/blend_config.h"

#include <cstdint>

namespace kindred::node {
namespace {

using config::v1::BlendConfig;
using recommend::BlendOptions;

struct Field {
  double BlendOptions::*option;
  bool (BlendConfig::*has)() const;
  double (BlendConfig::*get)() const;
  void (BlendConfig::*set)(double);
};

#define KINDRED_BLEND_FIELD(name) \
  { &BlendOptions::name, &BlendConfig::has_##name, &BlendConfig::name, &BlendConfig::set_##name }
constexpr Field kFields[] = {
    KINDRED_BLEND_FIELD(shrink),
    KINDRED_BLEND_FIELD(similar_reach),
    KINDRED_BLEND_FIELD(next_reach),
    KINDRED_BLEND_FIELD(next_weight),
    KINDRED_BLEND_FIELD(reminder_weight),
    KINDRED_BLEND_FIELD(reminder_contrast),
    KINDRED_BLEND_FIELD(repeat_weight),
    KINDRED_BLEND_FIELD(repeat_half_life_days),
    KINDRED_BLEND_FIELD(repeat_trend),
    KINDRED_BLEND_FIELD(popular_weight),
    KINDRED_BLEND_FIELD(content_weight),
    KINDRED_BLEND_FIELD(content_evidence),
    KINDRED_BLEND_FIELD(seed_half_life_days),
};
#undef KINDRED_BLEND_FIELD

}  // namespace

BlendOptions BlendOptionsOf(const BlendConfig& config) {
  BlendOptions options;
  for (const Field& field : kFields) {
    if ((config.*field.has)()) options.*field.option = (config.*field.get)();
  }
  if (config.has_max_seeds()) {
    // Below 0 is out of range, and Validate() shall say so.
    options.max_seeds =
        config.max_seeds() < 0 ? UINT32_MAX : static_cast<uint32_t>(config.max_seeds());
  }
  return options;
}

void SetBlendConfig(const BlendOptions& options, BlendConfig* config) {
  for (const Field& field : kFields) (config->*field.set)(options.*field.option);
  config->set_max_seeds(static_cast<int32_t>(options.max_seeds));
}

}  // namespace kindred::node
