#include "cli/tune_command.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/evaluate_input.h"
#include "recommend/tune.h"

namespace kindred::cli {
namespace {

struct Flags {
  std::vector<std::string> events;
  std::string train, out;
  double tail = 0.15;
  uint64_t queries = 6000;
  bool quiet = false;
  recommend::TuneOptions options;
};

using Evaluate = std::function<recommend::Metrics(const recommend::EvaluateOptions&)>;

// Half of the queries choose, half judge: both halves as large as asked for, if there are so many.
double SampleFor(uint64_t queries, uint64_t wanted) {
  if (queries == 0) return 0.5;
  const double every =
      static_cast<double>(queries) / static_cast<double>(std::max<uint64_t>(wanted, 1));
  return 1 / std::max(2.0, std::round(every));
}

void Print(const recommend::TuneResult& result) {
  std::printf("%llu evaluations\n", static_cast<unsigned long long>(result.evaluations));
  for (const recommend::TuneChange& change : result.changes) {
    std::printf("  %-28s %8.4g  →  %.4g\n", change.parameter.c_str(), change.from, change.to);
  }
  const auto row = [](const char* name, const recommend::Metrics& m) {
    std::printf("%-10s %9.2f %8.2f %8.2f %8.2f\n", name, 100 * m.p, 100 * m.mrr, 100 * m.ndcg,
                100 * m.recall);
  };
  std::printf("%llu queries that the choice did not see:\n%-10s %9s %8s %8s %8s\n",
              static_cast<unsigned long long>(result.before.queries), "", "P@20", "MRR@20",
              "NDCG@20", "recall");
  row("before", result.before);
  row("after", result.after);
  if (!result.improved()) std::printf("Nothing found that holds there: the values stay.\n");
}

absl::Status Run(Flags& flags) {
  if (flags.events.empty() == flags.train.empty()) {
    return absl::InvalidArgumentError("give either --events or --train");
  }
  InputNames names;
  recommend::EvaluateOptions start;
  std::vector<recommend::Session> train;
  std::vector<recommend::PrefixTarget> test;
  EventLog log;
  Evaluate evaluate;
  if (!flags.train.empty()) {
    KINDRED_ASSIGN_OR_RETURN(const std::vector<recommend::Session> all,
                             ReadSessions(flags.train, &names));
    recommend::SplitTail(all, flags.tail, &train, &test);
    start.sample = SampleFor(test.size(), flags.queries);
    start.learn = true;
    evaluate = [&](const recommend::EvaluateOptions& options) {
      return recommend::EvaluateSplit(train, test, options).all;
    };
  } else {
    KINDRED_ASSIGN_OR_RETURN(log, ReadEventLog(flags.events, &names));
    if (log.events.empty()) return absl::InvalidArgumentError("no usable event in the log");
    const size_t cut =
        static_cast<size_t>((1 - flags.tail) * static_cast<double>(log.events.size()));
    const int64_t from_ms = log.events[std::min(cut, log.events.size() - 1)].touch.time_ms;
    start.sample = 1;
    evaluate = [&, from_ms](const recommend::EvaluateOptions& options) {
      return recommend::EvaluatePrequential(log.events, from_ms, options).all;
    };
    recommend::EvaluateOptions count = start;
    count.blend.max_seeds = 0;  // cheap: only how many queries there are
    start.sample = SampleFor(evaluate(count).queries, flags.queries);
  }
  if (!flags.quiet && isatty(STDERR_FILENO) == 1) {
    flags.options.progress = [](absl::string_view parameter, uint64_t done, uint64_t most) {
      std::fprintf(stderr, "\r%-28s evaluation %llu of at most about %llu ",
                   std::string(parameter).c_str(), static_cast<unsigned long long>(done),
                   static_cast<unsigned long long>(most));
      if (parameter == "judging") std::fprintf(stderr, "\n");
    };
  }
  const recommend::TuneResult result = recommend::Tune(start, evaluate, flags.options);
  if (result.before.queries == 0) {
    return absl::InvalidArgumentError("the tail holds no query: is the log long enough?");
  }
  Print(result);
  const std::string yaml = recommend::TunedYaml(result);
  if (flags.out.empty()) {
    std::printf("\n%s", yaml.c_str());
    return absl::OkStatus();
  }
  std::ofstream file(flags.out);
  file << yaml;
  file.close();
  if (!file) return absl::UnavailableError(absl::StrCat("cannot write ", flags.out));
  std::printf("Written to %s: give it to the node with --config.\n", flags.out.c_str());
  return absl::OkStatus();
}

}  // namespace

void AddTuneCommand(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* tune = app.add_subcommand(
      "tune",
      "Search the recommender's parameters on the tail of your own log, as YAML for the node");
  tune->add_option("--events", flags->events, "Event log: JSON lines or CSV; may be repeated");
  tune->add_option("--train", flags->train, "Or sessions: one a line, items separated by spaces");
  tune->add_option("--tail", flags->tail,
                   "Share at the end that is foretold; what is before is learnt")
      ->check(CLI::Range(0.001, 0.9));
  tune->add_option("--queries", flags->queries,
                   "Queries to choose on; as many others judge the choice")
      ->check(CLI::Range(uint64_t{10}, uint64_t{10'000'000}));
  tune->add_option("--passes", flags->options.passes, "Passes over the parameters, at most")
      ->check(CLI::Range(1u, 20u));
  tune->add_option("--out", flags->out, "Write the YAML to this file instead of stdout");
  tune->add_flag("--quiet", flags->quiet, "No progress line");
  tune->callback([flags] {
    const absl::Status status = Run(*flags);
    if (status.ok()) return;
    std::fprintf(stderr, "kindred tune: %s\n", std::string(status.message()).c_str());
    throw CLI::RuntimeError(1);  // CLI11's way to end a parse; it stops in main()
  });
}

}  // namespace kindred::cli
