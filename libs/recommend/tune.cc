#include "recommend/tune.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace kindred::recommend {
namespace {

enum class Section { kBlend, kNode, kOffline };

struct Parameter {
  absl::string_view name;
  Section section;    // where the node's configuration has it; kOffline: nowhere
  double* number;     // or
  uint32_t* whole;    // this
  double factor;      // of a step; 0: not searched
  double add = 0;     // a step adds instead
  double least = 0;   // searched from
  double most = 1e9;  // to
};

std::array<Parameter, 19> ParametersOf(EvaluateOptions* options) {
  BlendOptions& blend = options->blend;
  return {{
      {"reminder_weight", Section::kBlend, &blend.reminder_weight, nullptr, 1.6},
      {"next_weight", Section::kBlend, &blend.next_weight, nullptr, 1, 0.15, 0, 1},
      {"repeat_weight", Section::kBlend, &blend.repeat_weight, nullptr, 2},
      {"repeat_trend", Section::kBlend, &blend.repeat_trend, nullptr, 1, 0.15, 0, 10},
      {"similar_reach", Section::kBlend, &blend.similar_reach, nullptr, 1.6, 0, 0.01},
      {"next_reach", Section::kBlend, &blend.next_reach, nullptr, 1.6, 0, 0.01},
      {"shrink", Section::kBlend, &blend.shrink, nullptr, 2},
      {"reminder_contrast", Section::kBlend, &blend.reminder_contrast, nullptr, 1, 0.4, 0, 10},
      {"popular_weight", Section::kBlend, &blend.popular_weight, nullptr, 2.5},
      {"seed_half_life_days", Section::kBlend, &blend.seed_half_life_days, nullptr, 3, 0, 0.01},
      {"repeat_half_life_days", Section::kBlend, &blend.repeat_half_life_days, nullptr, 2, 0, 1},
      {"relation_half_life_days", Section::kNode, &options->decay.relation_half_life_days, nullptr,
       2, 0, 14, 3650},
      {"popularity_half_life_days", Section::kNode, &options->decay.popularity_half_life_days,
       nullptr, 2, 0, 0.05, 3650},
      {"content_weight", Section::kBlend, &blend.content_weight, nullptr, 0},
      {"content_evidence", Section::kBlend, &blend.content_evidence, nullptr, 0},
      {"max_seeds", Section::kBlend, nullptr, &blend.max_seeds, 0},
      {"max_neighbours", Section::kOffline, nullptr, &options->pairs.max_neighbours, 0},
      {"max_gap", Section::kOffline, nullptr, &options->pairs.max_gap, 0},
      {"recent_items", Section::kOffline, nullptr, &options->recent_items, 0},
  }};
}

double Get(const Parameter& parameter) {
  return parameter.number != nullptr ? *parameter.number : static_cast<double>(*parameter.whole);
}

// The value one step away; nothing if that leaves the range.
std::optional<double> Step(const Parameter& parameter, bool up) {
  const double value = Get(parameter);
  double next = up ? value * parameter.factor : value / parameter.factor;
  if (parameter.add != 0) next = up ? value + parameter.add : value - parameter.add;
  next = std::clamp(next, parameter.least, parameter.most);
  // Three digits are enough, and a person can read them.
  if (next != 0) {
    const double unit = std::pow(10, std::floor(std::log10(next)) - 2);
    next = std::round(next / unit) * unit;
  }
  if (std::abs(next - value) < 1e-9) return std::nullopt;
  return next;
}

class Search {
 public:
  Search(const EvaluateOptions& start,
         const std::function<Metrics(const EvaluateOptions&)>& evaluate, const TuneOptions& options)
      : options_(options), evaluate_(evaluate), start_(start) {
    // One half of the queries to choose on, the other half to judge by.
    start_.sample = std::min(start.sample, 0.5);
    start_.sample_phase = 0;
    result_.options = start_;
  }

  TuneResult Run() {
    best_ = Ask(start_, "start").ndcg;
    uint32_t searched = 0;
    for (const Parameter& parameter : ParametersOf(&start_)) searched += parameter.factor > 0;
    most_ = 3 + 2 * uint64_t{searched} * options_.passes;
    for (uint32_t pass = 0; pass < options_.passes; ++pass) {
      bool changed = false;
      for (size_t i = 0; i < ParametersOf(&result_.options).size(); ++i) changed |= Improve(i);
      if (!changed) break;
    }
    EvaluateOptions before = start_, after = result_.options;
    before.sample_phase = after.sample_phase = 1;
    result_.before = Ask(before, "judging");
    result_.after = Ask(after, "judging");
    if (result_.after.ndcg <= result_.before.ndcg) {
      result_.options = start_;
    } else {
      NoteChanges();
    }
    return std::move(result_);
  }

 private:
  static constexpr int kMostSteps = 6;  // of a parameter in a pass

  bool Improve(size_t i) {
    const Parameter parameter = ParametersOf(&result_.options)[i];
    if (parameter.factor <= 0) return false;
    for (const bool up : {true, false}) {
      bool moved = false;
      // On in the same direction while it helps.
      for (int steps = 0; steps < kMostSteps; ++steps) {
        const std::optional<double> next = Step(ParametersOf(&result_.options)[i], up);
        if (!next.has_value()) break;
        EvaluateOptions tried = result_.options;
        *ParametersOf(&tried)[i].number = *next;
        if (!Validate(tried).ok()) break;
        const double ndcg = Ask(tried, parameter.name).ndcg;
        if (ndcg < best_ + options_.least_gain) break;
        best_ = ndcg;
        *ParametersOf(&result_.options)[i].number = *next;
        moved = true;
      }
      if (moved) return true;
    }
    return false;
  }

  Metrics Ask(const EvaluateOptions& options, absl::string_view parameter) {
    ++result_.evaluations;
    const Metrics metrics = evaluate_(options);
    most_ = std::max(most_, result_.evaluations);
    if (options_.progress) options_.progress(parameter, result_.evaluations, most_);
    return metrics;
  }

  void NoteChanges() {
    const auto before = ParametersOf(&start_);
    const auto after = ParametersOf(&result_.options);
    for (size_t i = 0; i < before.size(); ++i) {
      if (Get(before[i]) == Get(after[i])) continue;
      result_.changes.push_back(
          {.parameter = std::string(before[i].name), .from = Get(before[i]), .to = Get(after[i])});
    }
  }

  const TuneOptions& options_;
  const std::function<Metrics(const EvaluateOptions&)>& evaluate_;
  EvaluateOptions start_;
  double best_ = 0;
  uint64_t most_ = 1;
  TuneResult result_;
};

}  // namespace

absl::Status SetByName(absl::string_view name, double value, EvaluateOptions* options) {
  std::string known;
  for (const Parameter& parameter : ParametersOf(options)) {
    absl::StrAppend(&known, " ", parameter.name);
    if (parameter.name != name) continue;
    if (parameter.number != nullptr) {
      *parameter.number = value;
      return absl::OkStatus();
    }
    if (!(value >= 0 && value <= 1e9)) {
      return absl::InvalidArgumentError(absl::StrCat(name, " must be from 0 to 1e9"));
    }
    *parameter.whole = static_cast<uint32_t>(value);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("no parameter \"", name, "\"; known:", known));
}

absl::StatusOr<double> GetByName(absl::string_view name, const EvaluateOptions& options) {
  EvaluateOptions copy = options;
  for (const Parameter& parameter : ParametersOf(&copy)) {
    if (parameter.name == name) return Get(parameter);
  }
  return absl::NotFoundError(absl::StrCat("no parameter \"", name, "\""));
}

TuneResult Tune(const EvaluateOptions& start,
                const std::function<Metrics(const EvaluateOptions&)>& evaluate,
                const TuneOptions& options) {
  return Search(start, evaluate, options).Run();
}

std::string TunedYaml(const TuneResult& result) {
  EvaluateOptions options = result.options;
  std::string node, blend;
  for (const Parameter& parameter : ParametersOf(&options)) {
    if (parameter.section == Section::kOffline) continue;
    std::string& text = parameter.section == Section::kBlend ? blend : node;
    absl::StrAppendFormat(&text, "%s%s: %g\n", parameter.section == Section::kBlend ? "    " : "  ",
                          parameter.name, Get(parameter));
  }
  return absl::StrFormat(
      "# Chosen by `kindred tune`; NDCG@20 of the queries it did not choose on: %.4f, with what "
      "it\n"
      "# began with %.4f (%d queries).\n"
      "recommend:\n%s  blend:\n%s",
      result.improved() ? result.after.ndcg : result.before.ndcg, result.before.ndcg,
      result.before.queries, node, blend);
}

}  // namespace kindred::recommend
