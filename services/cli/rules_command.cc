#include "cli/rules_command.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "cli/client.h"
#include "cli/rules_trial.h"
#include "node/customer_fields.h"
#include "node/event_fields.h"
#include "node/rule_set.h"

namespace kindred::cli {
namespace {

struct TestOptions {
  std::string file;
  std::string events;
  std::string before;
  size_t examples = 3;
  bool json = false;
};

void Put(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

// Reads the rules and tries them.
RulesTrial TryFile(const std::string& file, const TestOptions& options) {
  auto rules = node::ReadRulesFile(file);
  if (!rules.ok()) Fail(rules.status());
  auto trial = TryRules(*std::move(rules), options.events, options.examples);
  if (!trial.ok()) Fail(trial.status());
  return *std::move(trial);
}

void AddCheck(CLI::App* rules) {
  auto file = std::make_shared<std::string>();
  CLI::App* check = rules->add_subcommand("check", "Say what is wrong with a rules file");
  check->add_option("file", *file, "The rules file")->required();
  check->callback([file] {
    const auto read = node::ReadRulesFile(*file);
    if (!read.ok()) Fail(read.status());
    Put(absl::StrFormat("%s: version %s, %d cleaning rules, %d tags, %d audiences\n", *file,
                        (*read)->version, (*read)->cleaning.size(), (*read)->tags.size(),
                        (*read)->audiences.size()));
  });
}

void AddTest(CLI::App* rules) {
  auto options = std::make_shared<TestOptions>();
  CLI::App* test = rules->add_subcommand(
      "test", "Try a rules file on events: what would be dropped, fixed, tagged; who is in what");
  test->add_option("file", options->file, "The rules file")->required();
  test->add_option("events", options->events,
                   "Events, one JSON record a line, or a table of purchases as of kindred import; "
                   "may be gzipped")
      ->required();
  test->add_option("--before", options->before,
                   "Rules that are in force: who enters and leaves against them is told as well");
  test->add_option("--examples", options->examples,
                   "Events of each cleaning rule, and customers of each tag and audience, to name")
      ->capture_default_str();
  test->add_flag("--json", options->json, "Print JSON");
  test->footer(
      "Nothing is sent anywhere. Each event counts as having arrived when it happened; there are "
      "no\n"
      "segments, predictions, catalogue and linked ids.\n\n"
      "Example:\n  kindred rules test rules.yaml events.jsonl\n"
      "  kindred rules test new.yaml events.jsonl.gz --before rules.yaml --json");
  test->callback([options] {
    const RulesTrial trial = TryFile(options->file, *options);
    std::optional<RulesTrial> before;
    if (!options->before.empty()) before = TryFile(options->before, *options);
    const RulesTrial* const then = before.has_value() ? &*before : nullptr;
    Put(options->json ? TrialJson(trial, then, options->examples)
                      : TrialText(trial, then, options->examples));
  });
}

}  // namespace

void AddRulesCommand(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("rules", "Check and try rules files; show what rules may ask");
  command->footer(
      "Example:\n  kindred rules check rules.yaml\n  kindred rules test rules.yaml events.jsonl\n"
      "  kindred rules fields");
  command->require_subcommand(1);
  AddCheck(command);
  AddTest(command);
  command->add_subcommand("fields", "Print the fields and functions of the language")->callback([] {
    Put("Tags and audiences ask of a customer:\n\n");
    Put(node::CustomerSchema().Describe());
    Put("\nCleaning rules ask of an event:\n\n");
    Put(node::EventSchema().Describe());
  });
}

}  // namespace kindred::cli
