#include "node/node_options.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "node/blend_config.h"
#include "node/memory_plan.h"
#include "node/partition.h"

namespace kindred::node {
namespace {

constexpr int64_t kMebi = 1 << 20;
constexpr int64_t kDayMs = 86'400'000;
constexpr size_t kLeastRelationBytes = 1 << 20;  // of a partition; see recommend::Validate()

// InvalidArgument names the type or the weight that cannot be used.
absl::Status ReadEventWeights(const config::v1::RecommendConfig& config,
                              std::array<float, recommend::kInteractionKinds>* weights) {
  for (const auto& [type, text] : config.event_weights()) {
    const std::optional<recommend::Interaction> kind =
        InteractionOf(event::EventTypeFromName(type));
    float weight = 0;
    if (!kind.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("recommend.event_weights.", type,
                       ": expected view, click, wishlist, add_to_cart, purchase or rating"));
    }
    if (!absl::SimpleAtof(text, &weight) || !(weight >= 0 && weight <= 100)) {
      return absl::InvalidArgumentError(absl::StrCat("recommend.event_weights.", type,
                                                     ": expected 0 to 100, found \"", text, "\""));
    }
    (*weights)[static_cast<size_t>(*kind)] = weight;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SharedOptions> SharedOptionsOf(const config::v1::NodeConfig& config,
                                              int32_t partitions) {
  SharedOptions options;
  options.partition_count = partitions;
  options.default_currency = config.clean().default_currency();
  options.affinity_half_life_days = config.profile().affinity_half_life_days();
  options.sampled_customers = static_cast<size_t>(config.predictions().sampled_customers());
  options.decay.relation_half_life_days = config.recommend().relation_half_life_days();
  options.decay.popularity_half_life_days = config.recommend().popularity_half_life_days();
  options.blend = BlendOptionsOf(config.recommend().blend());
  options.content.max_items = static_cast<size_t>(config.recommend().content_items());
  options.pairs = recommend::SharedOver(options.pairs, partitions);
  options.pairs.learn_pairs = config.recommend().relations();
  const MemoryPlan memory = MemoryPlanOf(config);
  options.pairs.max_bytes =
      std::max(kLeastRelationBytes, memory.relations / static_cast<size_t>(partitions));
  KINDRED_RETURN_IF_ERROR(ReadEventWeights(config.recommend(), &options.event_weights));
  options.attribution.window_ms =
      int64_t{config.recommend().attribution_window_hours()} * 3'600'000;
  KINDRED_ASSIGN_OR_RETURN(
      options.experiment,
      Experiment::Make(config.recommend().experiment(),
                       {config.recommend().variants().begin(), config.recommend().variants().end()},
                       options.blend));
  clean::CleanRules& rules = options.clean_rules;
  rules.default_currency = config.clean().default_currency();
  rules.future_skew_ms = int64_t{config.clean().future_skew_seconds()} * 1000;
  rules.horizon_ms = int64_t{config.clean().horizon_days()} * kDayMs;
  rules.outlier_action = config.clean().outlier_action() == "quarantine"
                             ? clean::OutlierAction::kQuarantine
                             : clean::OutlierAction::kFlag;
  options.dedup_window_ms = int64_t{config.clean().dedup_window_hours()} * 3'600'000;
  options.dedup_bytes_per_partition = memory.dedup / static_cast<size_t>(partitions);
  options.max_record_bytes = static_cast<size_t>(config.clean().max_record_kib()) << 10;
  options.breaker.window_records = static_cast<uint32_t>(config.clean().breaker_window_records());
  options.breaker.share = config.clean().breaker_share();
  options.identity.limits = {config.identity().max_user_ids(), config.identity().max_emails(),
                             config.identity().max_external_ids(),
                             config.identity().max_device_ids(),
                             config.identity().max_anonymous_ids()};
  for (const absl::string_view id :
       absl::StrSplit(config.identity().blocked_ids(), ',', absl::SkipWhitespace())) {
    options.identity.blocked.insert(absl::AsciiStrToLower(absl::StripAsciiWhitespace(id)));
  }
  options.produce_audience_changes = !config.kafka().audience_topic().empty();
  std::random_device random;
  options.dedup_seed = uint64_t{random()} << 32 | random();
  return options;
}

RulesOptions RulesOptionsOf(const config::v1::NodeConfig& config) {
  RulesOptions options;
  options.file = config.rules().file();
  options.keeper.cpu_share = config.rules().audience_cpu_percent() / 100;
  options.keeper.walk_interval = absl::Milliseconds(config.rules().walk_interval_ms());
  return options;
}

std::string LastingSettings(const config::v1::NodeConfig& config) {
  // Named only where it is not what it always was, so that states from before it was a setting go
  // on.
  const int32_t sampled = config.predictions().sampled_customers();
  return absl::StrCat(
      "clean.default_currency=", config.clean().default_currency(),
      " profile.affinity_half_life_days=", config.profile().affinity_half_life_days(),
      " recommend.relation_half_life_days=", config.recommend().relation_half_life_days(),
      " recommend.popularity_half_life_days=", config.recommend().popularity_half_life_days(),
      sampled == 1024 ? "" : absl::StrCat(" predictions.sampled_customers=", sampled),
      config.recommend().relations() ? "" : " recommend.relations=false");
}

absl::Status WithAdvice(const absl::Status& status, const std::string& data_dir) {
  if (!absl::IsDataLoss(status)) return status;
  return absl::DataLossError(
      absl::StrCat(status.message(), ". The state in ", data_dir,
                   " is damaged: start with an empty data_dir to build it anew from the log"));
}

LearnerOptions LearnerOptionsOf(const config::v1::NodeConfig& config) {
  LearnerOptions options;
  options.segments = static_cast<size_t>(config.segments().count());
  options.pass_interval = absl::Milliseconds(config.segments().pass_interval_ms());
  return options;
}

PredictionOptions PredictionOptionsOf(const config::v1::NodeConfig& config) {
  PredictionOptions options;
  options.predictor.churn_days = config.predictions().churn_days();
  return options;
}

WorkerOptions WorkerOptionsOf(const config::v1::NodeConfig& config, int workers) {
  const MemoryPlan memory = MemoryPlanOf(config);
  const size_t count = static_cast<size_t>(workers);
  WorkerOptions options;
  options.checkpoint_interval = absl::Milliseconds(config.store().checkpoint_interval_ms());
  options.checkpoint_dirty_bytes =
      static_cast<size_t>(config.store().checkpoint_dirty_mib() * kMebi);
  options.queue_bytes = memory.worker_queues / count;
  options.waiting_bytes = memory.waiting;
  options.unstored_bytes = memory.unstored / count;
  return options;
}

}  // namespace kindred::node
