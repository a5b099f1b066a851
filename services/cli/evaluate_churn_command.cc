#include "cli/evaluate_churn_command.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "cli/churn_evaluation.h"
#include "cli/import_table.h"
#include "cli/text_lines.h"
#include "event/decoder.h"
#include "event/encode.h"

namespace kindred::cli {
namespace {

struct Flags {
  std::string events, cut, features_out;
  int horizon_days = 90;
  bool json = false;
};

// Rows of a table as `kindred import` would produce them.
class TableEvents {
 public:
  static absl::StatusOr<TableEvents> Begin(absl::string_view header) {
    TableEvents table;
    table.delimiter_ = GuessDelimiter(header);
    SplitDelimited(header, table.delimiter_, &table.row_);
    KINDRED_ASSIGN_OR_RETURN(ImportColumns columns,
                             ImportColumns::Find(table.row_, {}, {"user", "item", "time"}));
    table.events_ =
        std::make_unique<RowEvents>(std::move(columns), event::EventType::kPurchase, ColumnNames{});
    return table;
  }

  std::optional<TimedEvent> Read(absl::string_view line) {
    SplitDelimited(line, delimiter_, &row_);
    const event::Event& event = events_->Next(line, row_);
    if (events_->key().empty() || !event.event_time_ms.has_value()) return std::nullopt;
    return TimedEvent{*event.event_time_ms, std::string(events_->key()), event::EncodeJson(event)};
  }

 private:
  TableEvents() = default;
  char delimiter_ = ',';
  std::vector<std::string> row_;
  std::unique_ptr<RowEvents> events_;
};

void AppendInputs(const profile::InputVector& inputs, std::string* row) {
  for (float value : inputs) absl::StrAppendFormat(row, ",%.9g", value);
}

// What the model learned from and what it was asked, for a comparison with other learners.
absl::Status WriteFeatures(const ChurnEvaluation& evaluation, const ChurnOptions& options,
                           const std::string& path) {
  std::ofstream file(path);
  std::string row = "part,customer,time_ms";
  for (size_t i = 0; i < profile::kInputCount; ++i) {
    absl::StrAppend(&row, ",", profile::GetInputInfo(i).name);
  }
  file << row << ",bought,next_amount,predicted,predicted_amount,own_mean\n";
  const int64_t horizon_ms = options.horizon_days * int64_t{86'400'000};
  for (const profile::Predictor::Example& example : evaluation.examples) {
    const profile::Snapshot& snapshot = example.snapshot;
    const bool bought =
        snapshot.bought_ms != 0 && snapshot.bought_ms - snapshot.time_ms() < horizon_ms;
    row = absl::StrCat("train,", absl::Hex(example.rank), ",", snapshot.time_ms());
    AppendInputs(snapshot.inputs, &row);
    absl::StrAppend(&row, ",", bought ? 1 : 0, ",",
                    bought ? static_cast<double>(snapshot.bought_micros) / profile::kMicros : 0,
                    ",,,");
    file << row << "\n";
  }
  for (const ChurnCustomer& customer : evaluation.customers) {
    row = absl::StrCat("test,\"", customer.id, "\",", options.cut_ms);
    AppendInputs(customer.inputs, &row);
    absl::StrAppendFormat(&row, ",%d,%.10g,%.10g,%.10g,%.10g", customer.bought ? 1 : 0,
                          customer.next_amount, customer.buys_again, customer.amount,
                          customer.own_mean);
    file << row << "\n";
  }
  file.close();
  if (!file) return absl::UnavailableError(absl::StrCat("cannot write ", path));
  return absl::OkStatus();
}

std::string Report(const ChurnEvaluation& evaluation, bool json) {
  const ChurnFigures figures = Summarise(evaluation);
  const std::vector<std::pair<const char*, double>> named = {
      {"events", static_cast<double>(evaluation.events)},
      {"examples_learned", static_cast<double>(evaluation.examples.size())},
      {"customers", static_cast<double>(figures.customers)},
      {"churned_share", figures.churned_share},
      {"churn_auc", figures.auc},
      {"recency_auc", figures.recency_auc},
      {"expected_purchases_auc", figures.expected_purchases_auc},
      {"brier", figures.brier},
      {"worst_decile_error", figures.worst_decile_error},
      {"returned", static_cast<double>(figures.returned)},
      {"amount_mae", figures.amount_mae},
      {"own_mean_mae", figures.own_mean_mae},
      {"population_mean_mae", figures.population_mae}};
  std::string text = json ? "{" : "";
  for (const auto& [name, value] : named) {
    if (json) {
      absl::StrAppendFormat(&text, "\"%s\":%.10g,", name, value);
    } else {
      absl::StrAppendFormat(&text, "%-24s %.6g\n", name, value);
    }
  }
  if (!json) absl::StrAppend(&text, "\ndecile  customers  buys again: predicted  actual\n");
  if (json) absl::StrAppend(&text, "\"deciles\":[");
  for (size_t d = 0; d < figures.deciles.size(); ++d) {
    const Decile& decile = figures.deciles[d];
    if (json) {
      absl::StrAppendFormat(&text, "%s{\"customers\":%u,\"predicted\":%.6g,\"actual\":%.6g}",
                            d == 0 ? "" : ",", decile.customers, decile.predicted, decile.actual);
    } else {
      absl::StrAppendFormat(&text, "%6u  %9u  %21.3f  %6.3f\n", d + 1, decile.customers,
                            decile.predicted, decile.actual);
    }
  }
  if (json) absl::StrAppend(&text, "]}\n");
  return text;
}

absl::Status Run(const Flags& flags) {
  const std::optional<int64_t> cut_ms = ParseTableTime(flags.cut);
  if (!cut_ms) return absl::InvalidArgumentError("--cut wants a date or an RFC 3339 time");
  KINDRED_ASSIGN_OR_RETURN(const std::vector<TimedEvent> events, ReadTimedEvents(flags.events));
  ChurnOptions options;
  options.cut_ms = *cut_ms;
  options.horizon_days = flags.horizon_days;
  KINDRED_ASSIGN_OR_RETURN(const ChurnEvaluation evaluation, EvaluateChurn(events, options));
  if (!flags.features_out.empty()) {
    KINDRED_RETURN_IF_ERROR(WriteFeatures(evaluation, options, flags.features_out));
  }
  std::fputs(Report(evaluation, flags.json).c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<TimedEvent>> ReadTimedEvents(const std::string& path) {
  KINDRED_ASSIGN_OR_RETURN(TextLines lines, TextLines::Open(path));
  std::vector<TimedEvent> events;
  std::optional<TableEvents> table;
  event::Decoder decoder{event::DecoderOptions{}};
  std::vector<event::Event> decoded;
  std::string line;
  bool first = true;
  while (lines.Next(&line)) {
    absl::string_view text = line;
    if (std::exchange(first, false)) {
      absl::ConsumePrefix(&text, "\xef\xbb\xbf");
      if (!absl::StartsWith(absl::StripLeadingAsciiWhitespace(text), "{")) {
        absl::StatusOr<TableEvents> begun = TableEvents::Begin(text);
        if (!begun.ok()) return begun.status();
        table.emplace(*std::move(begun));
        continue;
      }
    }
    if (table.has_value()) {
      if (std::optional<TimedEvent> event = table->Read(text)) events.push_back(*std::move(event));
      continue;
    }
    event::EncodedRecord record;
    record.value = text;
    if (!decoder.Decode(record, &decoded).ok() || decoded.empty()) continue;
    const event::Event& event = decoded.front();
    const absl::string_view key = event.user_id.empty() ? event.anonymous_id : event.user_id;
    if (key.empty() || !event.event_time_ms.has_value()) continue;
    events.push_back({*event.event_time_ms, std::string(key), line});
  }
  KINDRED_RETURN_IF_ERROR(lines.status());
  if (events.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": no event with a customer and a time"));
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const TimedEvent& a, const TimedEvent& b) { return a.time_ms < b.time_ms; });
  return events;
}

void AddEvaluateChurnCommand(CLI::App& evaluate) {
  auto flags = std::make_shared<Flags>();
  CLI::App* churn = evaluate.add_subcommand(
      "churn",
      "Train the node's predictions on the events before a moment, judge them on those after it");
  churn->footer(
      "Example:\n  kindred evaluate churn --events purchases.csv --cut 2011-09-09 "
      "--horizon-days 90");
  churn
      ->add_option("--events", flags->events,
                   "Event log: JSON lines, or a table as `kindred import` takes it; also .gz")
      ->required();
  churn->add_option("--cut", flags->cut, "The moment to predict at: a date or RFC 3339")
      ->required();
  churn->add_option("--horizon-days", flags->horizon_days, "Who does not buy within it has left")
      ->check(CLI::Range(1, 180))
      ->capture_default_str();
  churn->add_option("--features-out", flags->features_out,
                    "Write what the model learned from and was asked to this CSV file");
  churn->add_flag("--json", flags->json, "Print one JSON object instead of the table");
  churn->callback([flags] {
    const absl::Status status = Run(*flags);
    if (status.ok()) return;
    std::fprintf(stderr, "kindred evaluate: %s\n", std::string(status.message()).c_str());
    throw CLI::RuntimeError(1);  // CLI11's way to end a parse; it stops in main()
  });
}

}  // namespace kindred::cli
