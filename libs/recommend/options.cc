#include <algorithm>
#include <initializer_list>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "recommend/evaluate.h"
#include "recommend/item_index.h"
#include "recommend/pair_table.h"
#include "recommend/recommender.h"

namespace kindred::recommend {
namespace {

struct Bound {
  const char* name;
  double value, min, max;
};

absl::Status Check(std::initializer_list<Bound> bounds) {
  for (const Bound& bound : bounds) {
    // NaN fails both comparisons.
    if (bound.value >= bound.min && bound.value <= bound.max) continue;
    return absl::InvalidArgumentError(absl::StrCat(bound.name, " must be from ", bound.min, " to ",
                                                   bound.max, ", is ", bound.value));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Validate(const DecayOptions& options) {
  return Check(
      {{"relation_half_life_days", options.relation_half_life_days, 7, 10'000},
       {"popularity_half_life_days", options.popularity_half_life_days, 1.0 / 24, 10'000}});
}

PairOptions SharedOver(const PairOptions& options, int partitions) {
  PairOptions shared = options;
  if (partitions > 2) {
    const uint32_t part = 2 * options.max_neighbours / static_cast<uint32_t>(partitions);
    shared.max_neighbours = std::min(options.max_neighbours, std::max(part, 24u));
  }
  return shared;
}

absl::Status Validate(const PairOptions& options) {
  KINDRED_RETURN_IF_ERROR(Check({
      {"max_neighbours", static_cast<double>(options.max_neighbours), 16, 32'768},
      {"max_gap", static_cast<double>(options.max_gap), 0, 1000},
      {"max_session_items", static_cast<double>(options.max_session_items), 1, 1000},
      {"session_gap_ms", static_cast<double>(options.session_gap_ms), 0, 1e12},
      {"max_bytes", static_cast<double>(options.max_bytes), 1 << 20, 1e15},
  }));
  for (float weight : options.popularity_weight) {
    KINDRED_RETURN_IF_ERROR(Check({{"popularity_weight", weight, 0, 1e6}}));
  }
  return absl::OkStatus();
}

absl::Status Validate(const BlendOptions& options) {
  constexpr double kSmallest = 1e-3, kLargest = 1e6;
  return Check({
      {"max_seeds", static_cast<double>(options.max_seeds), 0, 1000},
      {"shrink", options.shrink, 0, 1e9},
      {"similar_reach", options.similar_reach, kSmallest, kLargest},
      {"next_reach", options.next_reach, kSmallest, kLargest},
      {"next_weight", options.next_weight, 0, 1},
      {"reminder_weight", options.reminder_weight, 0, kLargest},
      {"reminder_contrast", options.reminder_contrast, 0, 10},
      {"repeat_weight", options.repeat_weight, 0, kLargest},
      {"repeat_half_life_days", options.repeat_half_life_days, kSmallest, kLargest},
      {"repeat_trend", options.repeat_trend, 0, 10},
      {"popular_weight", options.popular_weight, 0, kLargest},
      {"content_weight", options.content_weight, 0, kLargest},
      {"content_evidence", options.content_evidence, kSmallest, kLargest},
      {"seed_half_life_days", options.seed_half_life_days, kSmallest, kLargest},
  });
}

absl::Status SetByName(absl::string_view name, double value, BlendOptions* options) {
  const std::pair<absl::string_view, double*> doubles[] = {
      {"shrink", &options->shrink},
      {"similar_reach", &options->similar_reach},
      {"next_reach", &options->next_reach},
      {"next_weight", &options->next_weight},
      {"reminder_weight", &options->reminder_weight},
      {"reminder_contrast", &options->reminder_contrast},
      {"repeat_weight", &options->repeat_weight},
      {"repeat_half_life_days", &options->repeat_half_life_days},
      {"repeat_trend", &options->repeat_trend},
      {"popular_weight", &options->popular_weight},
      {"content_weight", &options->content_weight},
      {"content_evidence", &options->content_evidence},
      {"seed_half_life_days", &options->seed_half_life_days},
  };
  std::string known = "max_seeds";
  for (const auto& [known_name, field] : doubles) {
    if (name == known_name) {
      *field = value;
      return absl::OkStatus();
    }
    absl::StrAppend(&known, ", ", known_name);
  }
  if (name != "max_seeds") {
    return absl::InvalidArgumentError(absl::StrCat("no parameter \"", name, "\"; known: ", known));
  }
  if (!(value >= 0 && value <= 1000)) {
    return absl::InvalidArgumentError("max_seeds must be from 0 to 1000");
  }
  options->max_seeds = static_cast<uint32_t>(value);
  return absl::OkStatus();
}

absl::Status Validate(const EvaluateOptions& options) {
  KINDRED_RETURN_IF_ERROR(Validate(options.decay));
  KINDRED_RETURN_IF_ERROR(Validate(options.pairs));
  KINDRED_RETURN_IF_ERROR(Validate(options.blend));
  return Check({{"k", static_cast<double>(options.k), 1, 500},
                {"sample", options.sample, 1e-6, 1},
                {"recent_items", static_cast<double>(options.recent_items), 1, 1000},
                {"split_interval_ms", static_cast<double>(options.split_interval_ms), 0, 1e12},
                {"course_points", static_cast<double>(options.course_points), 1, 10'000}});
}

}  // namespace kindred::recommend
