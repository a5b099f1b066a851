// Searches the recommender's parameters for one data set: coordinate by coordinate, a step up or
// down, what foretells better stays. Chosen on one half of the queries, judged on the other half.
#ifndef KINDRED_RECOMMEND_TUNE_H_
#define KINDRED_RECOMMEND_TUNE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "recommend/evaluate.h"

namespace kindred::recommend {

// Sets the parameter of that name, as the fields of BlendOptions, DecayOptions and PairOptions are
// called, and EvaluateOptions::recent_items. InvalidArgument lists the names there are; whether the
// value is in range, Validate() says.
absl::Status SetByName(absl::string_view name, double value, EvaluateOptions* options);
// NotFound: no such parameter.
absl::StatusOr<double> GetByName(absl::string_view name, const EvaluateOptions& options);

struct TuneOptions {
  uint32_t passes = 2;  // over all parameters, at most; ends early when a pass changes nothing
  // What a step must gain in NDCG@20 to be taken: below is noise.
  double least_gain = 0.0003;
  // Told after each evaluation; may be empty.
  std::function<void(absl::string_view parameter, uint64_t done, uint64_t most)> progress = {};
};

struct TuneChange {
  std::string parameter;
  double from = 0, to = 0;
};

struct TuneResult {
  EvaluateOptions options;  // the best found; the start if it does not hold on the other half
  std::vector<TuneChange> changes;
  // On the queries the choice did not see.
  Metrics before, after;
  uint64_t evaluations = 0;
  bool improved() const { return !changes.empty(); }
};

// `evaluate` runs one evaluation with the options given; it must score only the queries that
// EvaluateOptions::sample and sample_phase say. The search itself is deterministic.
TuneResult Tune(const EvaluateOptions& start,
                const std::function<Metrics(const EvaluateOptions&)>& evaluate,
                const TuneOptions& options);

// The section "recommend" of a node's configuration with the tuned values.
std::string TunedYaml(const TuneResult& result);

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_TUNE_H_
