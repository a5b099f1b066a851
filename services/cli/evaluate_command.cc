#include "cli/evaluate_command.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "cli/evaluate_churn_command.h"
#include "cli/evaluate_clv_command.h"
#include "cli/evaluate_explore_command.h"
#include "cli/evaluate_input.h"
#include "cli/evaluate_service.h"
#include "event/event_time.h"
#include "recommend/content_index.h"
#include "recommend/evaluate.h"
#include "recommend/tune.h"

namespace kindred::cli {
namespace {

struct Flags {
  std::string train, test, from, svg, items;
  std::vector<std::string> events;
  std::vector<std::string> set;
  double tail = 0;
  uint64_t max_index_mib = 0;
  bool json = false;
  bool quiet = false;
  EvaluateServiceOptions service;  // client.server empty: the core is judged
  recommend::EvaluateOptions options;
};

absl::Status Prepare(Flags* flags) {
  for (const std::string& setting : flags->set) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(setting, absl::MaxSplits('=', 1));
    double value = 0;
    if (!absl::SimpleAtod(parts.second, &value)) {
      return absl::InvalidArgumentError(absl::StrCat("--set wants name=number, got ", setting));
    }
    KINDRED_RETURN_IF_ERROR(recommend::SetByName(parts.first, value, &flags->options));
  }
  flags->options.max_index_bytes = flags->max_index_mib << 20;
  KINDRED_RETURN_IF_ERROR(recommend::Validate(flags->options));
  if (!flags->quiet && isatty(STDERR_FILENO) == 1) {
    flags->options.progress = [](uint64_t done, uint64_t total) {
      const int percent = total == 0 ? 100 : static_cast<int>(100 * done / total);
      const std::string bar(static_cast<size_t>(percent) / 2, '#');
      std::fprintf(stderr, "\r[%-50s] %3d %%", bar.c_str(), percent);
      if (done == total) std::fprintf(stderr, "\n");
    };
  }
  return absl::OkStatus();
}

absl::Status Print(const recommend::EvaluationReport& report, const Flags& flags) {
  const std::string text =
      flags.json ? recommend::ReportAsJson(report) + "\n" : recommend::ReportAsTable(report);
  std::fputs(text.c_str(), stdout);
  if (flags.svg.empty()) return absl::OkStatus();
  std::ofstream file(flags.svg);
  file << recommend::ReportAsSvg(report);
  file.close();
  if (!file) return absl::UnavailableError(absl::StrCat("cannot write ", flags.svg));
  return absl::OkStatus();
}

// Puts the catalogue into the index that is judged, as a node does before its first event.
void PutCatalogue(const ItemFile& file, recommend::ItemIndex* index) {
  base::Dictionary terms(1u << 24);
  recommend::ContentIndex content({.max_items = file.items.size() + 1}, &index->content());
  for (const auto& [number, item] : file.items) {
    recommend::ItemAttributes attributes;
    attributes.category = TermId(terms.Intern(item.category));
    attributes.brand = TermId(terms.Intern(item.brand));
    if (item.price) attributes.price = static_cast<float>(*item.price);
    attributes.available = item.available;
    attributes.hidden = item.hidden;
    index->SetAttributes(ItemId(number), attributes);
    content.Set(ItemId(number), {.title = item.title,
                                 .category = item.category,
                                 .brand = item.brand,
                                 .attributes = item.attributes,
                                 .embedding = item.embedding});
  }
  absl::StatusOr<size_t> left = 1;
  while (left.ok() && *left > 0) left = content.Work(1000);
  if (!left.ok()) std::fprintf(stderr, "%s\n", left.status().ToString().c_str());
}

absl::Status ReadCatalogue(InputNames* names, Flags* flags) {
  if (flags->items.empty()) return absl::OkStatus();
  KINDRED_ASSIGN_OR_RETURN(ItemFile file, ReadItems(flags->items, names));
  if (file.items.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("no item in ", flags->items));
  }
  if (!flags->json) {
    std::printf("%zu records of the catalogue (%llu not used)\n", file.items.size(),
                static_cast<unsigned long long>(file.skipped));
  }
  auto shared = std::make_shared<const ItemFile>(std::move(file));
  flags->options.prepare = [shared](recommend::ItemIndex* index) { PutCatalogue(*shared, index); };
  return absl::OkStatus();
}

absl::Status RunSplit(Flags& flags) {
  KINDRED_RETURN_IF_ERROR(Prepare(&flags));
  InputNames names;
  KINDRED_ASSIGN_OR_RETURN(std::vector<recommend::Session> train,
                           ReadSessions(flags.train, &names));
  std::vector<recommend::PrefixTarget> test;
  if (flags.tail > 0) {
    const std::vector<recommend::Session> all = std::move(train);
    recommend::SplitTail(all, flags.tail, &train, &test);
  } else if (flags.test.empty()) {
    return absl::InvalidArgumentError("--test or --tail is required");
  } else {
    KINDRED_ASSIGN_OR_RETURN(test, ReadPrefixTargets(flags.test, &names));
  }
  KINDRED_RETURN_IF_ERROR(ReadCatalogue(&names, &flags));
  return Print(recommend::EvaluateSplit(train, test, flags.options), flags);
}

absl::Status RunPrequential(Flags& flags) {
  KINDRED_RETURN_IF_ERROR(Prepare(&flags));
  int64_t from_ms = INT64_MIN;
  if (!flags.from.empty()) {
    const std::optional<int64_t> time_ms = event::ParseTime(flags.from);
    if (!time_ms) return absl::InvalidArgumentError("--from wants a date or an RFC 3339 time");
    from_ms = *time_ms;
  }
  InputNames names;
  KINDRED_ASSIGN_OR_RETURN(const EventLog log, ReadEventLog(flags.events, &names));
  if (log.events.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no usable event in ", log.rows, " rows of the log"));
  }
  if (!flags.json) {
    std::printf("%llu events of %u customers on %u items (%llu of %llu rows not used)\n",
                static_cast<unsigned long long>(log.events.size()), names.customers.size(),
                names.items.size(), static_cast<unsigned long long>(log.skipped),
                static_cast<unsigned long long>(log.rows));
  }
  KINDRED_RETURN_IF_ERROR(ReadCatalogue(&names, &flags));
  std::unique_ptr<ServiceSubject> service;
  if (!flags.service.client.server.empty()) {
    KINDRED_ASSIGN_OR_RETURN(service, ServiceSubject::Open(flags.service, &names));
    flags.options.subject = service.get();
  }
  const recommend::EvaluationReport report =
      recommend::EvaluatePrequential(log.events, from_ms, flags.options);
  if (service != nullptr) KINDRED_RETURN_IF_ERROR(service->status());
  return Print(report, flags);
}

void Finish(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "kindred evaluate: %s\n", std::string(status.message()).c_str());
  throw CLI::RuntimeError(1);  // CLI11's way to end a parse; it stops in main()
}

void AddCommonOptions(CLI::App& command, Flags& flags) {
  command.add_flag("--json", flags.json, "Print one JSON object instead of the table");
  command.add_option("--svg", flags.svg, "Write the course over time as an SVG plot to this file");
  command.add_option("--items", flags.items,
                     "Catalogue, JSON lines as in the items topic: likeness by content counts too");
  command.add_flag("--quiet", flags.quiet, "No progress bar");
  command.add_option("--sample", flags.options.sample, "Share of the queries that are scored")
      ->check(CLI::Range(1e-6, 1.0));
  command
      .add_option("--max-index-mib", flags.max_index_mib,
                  "Bound on all the index takes, mebibytes; at it the weakest relations leave")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 20));
  command.add_option("--set", flags.set, "Parameter: name=number; may be repeated");
}

}  // namespace

void AddEvaluateCommand(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->service.client.server.clear();
  flags->service.brokers = "localhost:9092";
  CLI::App* evaluate =
      app.add_subcommand("evaluate", "Judge the recommender offline, with the service's own core");
  evaluate->require_subcommand(1);
  AddEvaluateClvCommand(*evaluate);
  AddEvaluateChurnCommand(*evaluate);
  AddEvaluateExploreCommand(*evaluate);

  CLI::App* split = evaluate->add_subcommand(
      "split", "Learn from training sessions, then foretell the item after each test prefix");
  split->add_option("--train", flags->train, "One session a line, items separated by spaces")
      ->required();
  split->add_option("--test", flags->test, "Prefix, tab, item that follows");
  split
      ->add_option("--tail", flags->tail,
                   "Instead of a test file: the last share of the training sessions, to tune on")
      ->check(CLI::Range(0.0, 0.9));
  split->add_flag("--learn", flags->options.learn,
                  "Learn each test session after its last prefix was scored");
  AddCommonOptions(*split, *flags);
  split->callback([flags] { Finish(RunSplit(*flags)); });

  CLI::App* prequential = evaluate->add_subcommand(
      "prequential", "Foretell each event of a log from those before it, then learn it");
  prequential
      ->add_option("--events", flags->events, "Event log: JSON lines or CSV; may be repeated")
      ->required();
  prequential->add_option("--from", flags->from,
                          "Foretell only from this time on (date or RFC 3339); learn all");
  prequential->add_option("--service", flags->service.client.server,
                          "Judge this running node (host:port, empty at the start) instead of the "
                          "core: events go in through Kafka, answers come from Recommend");
  prequential->add_option("--brokers", flags->service.brokers, "Kafka, with --service");
  prequential->add_option("--topic", flags->service.topic, "The node's topic, with --service")
      ->capture_default_str();
  AddCommonOptions(*prequential, *flags);
  prequential->callback([flags] { Finish(RunPrequential(*flags)); });
}

}  // namespace kindred::cli
