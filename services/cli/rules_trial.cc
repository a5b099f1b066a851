#include "cli/rules_trial.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "cli/import_table.h"
#include "cli/text_lines.h"
#include "event/encode.h"
#include "node/customer_fields.h"
#include "node/event_fields.h"
#include "node/partition.h"
#include "node/prepared_record.h"
#include "node/shared_state.h"

namespace kindred::cli {
namespace {

// Everything is in memory: there is no store to read from.
class NoStore final : public node::ColdReader {
 public:
  absl::StatusOr<std::vector<std::optional<std::string>>> Read(
      PartitionId, absl::Span<const absl::string_view> ids) const override {
    return std::vector<std::optional<std::string>>(ids.size());
  }
};

// The records of a file, whichever form it has.
class Records {
 public:
  static absl::StatusOr<Records> Open(const std::string& path) {
    KINDRED_ASSIGN_OR_RETURN(TextLines lines, TextLines::Open(path));
    return Records(std::move(lines));
  }

  // False at the end, and where a table's header says too little; see status().
  bool Next(std::string* record) {
    while (lines_.Next(&line_)) {
      if (line_.empty()) continue;
      if (lines_.line_number() == 1 && line_.front() != '{') {
        status_ = BeginTable();
        if (!status_.ok()) return false;
        continue;
      }
      if (table_ == nullptr) {
        *record = line_;
        return true;
      }
      SplitDelimited(line_, delimiter_, &row_);
      *record = event::EncodeJson(table_->Next(line_, row_));
      return true;
    }
    status_ = lines_.status();
    return false;
  }
  const absl::Status& status() const { return status_; }

 private:
  explicit Records(TextLines lines) : lines_(std::move(lines)) {}

  absl::Status BeginTable() {
    delimiter_ = GuessDelimiter(line_);
    SplitDelimited(line_, delimiter_, &row_);
    KINDRED_ASSIGN_OR_RETURN(ImportColumns columns, ImportColumns::Find(row_, {}, {"time"}));
    table_ =
        std::make_unique<RowEvents>(std::move(columns), event::EventType::kPurchase, ColumnNames{});
    return absl::OkStatus();
  }

  TextLines lines_;
  std::string line_;
  std::vector<std::string> row_;
  char delimiter_ = ',';
  std::unique_ptr<RowEvents> table_;  // null: a record a line
  absl::Status status_;
};

const char* ActionName(node::CleaningAction action) {
  switch (action) {
    case node::CleaningAction::kDrop:
      return "drop";
    case node::CleaningAction::kFix:
      return "fix";
    case node::CleaningAction::kFlag:
      return "flag";
  }
  return "";
}

const std::string& NameOf(int event_field) {
  static const std::string none;
  for (const expression::Field& field : node::EventSchema().fields()) {
    if (field.id == event_field) return field.name;
  }
  return none;
}

class Trial {
 public:
  Trial(std::shared_ptr<const node::RuleSet> rules, size_t examples)
      : rules_(std::move(rules)),
        max_examples_(examples),
        shared_(node::SharedOptions()),
        partition_(PartitionId(0), &shared_),
        bench_(&shared_),
        explaining_(shared_.options) {
    shared_.rules.Set(rules_);
    out_.version = rules_->version;
    for (const node::CleaningRule& rule : rules_->cleaning) {
      out_.cleaning.push_back({rule.name, ActionName(rule.action), 0, {}});
    }
    before_.resize(rules_->cleaning.size());
  }

  absl::Status Apply(const std::string& value) {
    const stream::RawRecord first = RecordOf(value);
    explaining_.Decode(first);
    const bool read = explaining_.result().ok();
    if (read && explaining_.events().front().event_time_ms.has_value()) {
      arrival_ms_ = *explaining_.events().front().event_time_ms;
    }
    for (size_t i = 0; i < before_.size(); ++i) before_[i] = rules_->cleaning_counts[i].load();
    std::vector<stream::RawRecord> records;
    records.push_back(RecordOf(value));
    ++out_.records;
    const absl::Status applied = partition_.Apply(records, store_, &bench_);
    // Nearly all of them are wrong: a node would stop there too.
    if (absl::IsFailedPrecondition(applied)) {
      partition_.ResetBreaker();
      KINDRED_RETURN_IF_ERROR(partition_.Apply(records, store_, &bench_));
    } else if (!applied.ok()) {
      return applied;
    }
    if (read) AddExamples(records.front());
    return absl::OkStatus();
  }

  RulesTrial Finish() {
    const clean::QualityCounts quality = partition_.figures().quality;
    out_.accepted = quality.accepted;
    out_.duplicates = quality.duplicates;
    out_.dropped = quality.rejected[static_cast<size_t>(clean::RejectReason::kOperatorRule)];
    out_.rejected = quality.rejected_total() - out_.dropped;
    out_.as_of_ms = partition_.newest_event_ms();
    for (size_t i = 0; i < out_.cleaning.size(); ++i) {
      out_.cleaning[i].events = rules_->cleaning_counts[i].load();
    }
    JudgeCustomers();
    return std::move(out_);
  }

 private:
  // The next record, arriving when the newest event happened.
  stream::RawRecord RecordOf(const std::string& value) const {
    stream::RecordParts parts;
    parts.topic = "events";
    parts.offset = Offset(static_cast<int64_t>(out_.records));
    parts.value = value;
    parts.timestamp_ms = arrival_ms_;
    return stream::RawRecord(std::move(parts));
  }

  // Of the record at hand, whatever rules the pipeline found true of it.
  void AddExamples(const stream::RawRecord& record) {
    const auto wanted = [this](size_t i) {
      return rules_->cleaning_counts[i].load() > before_[i] &&
             out_.cleaning[i].examples.size() < max_examples_;
    };
    bool any = false;
    for (size_t i = 0; i < before_.size(); ++i) any |= wanted(i);
    if (!any) return;
    explaining_.Decode(record);
    for (size_t event = 0; event < explaining_.events().size(); ++event) {
      const clean::Outcome outcome = explaining_.Cleaned(event);
      if (!outcome.ok()) continue;
      const clean::CleanEvent was = *outcome.event;
      clean::CleanEvent is = was;
      std::deque<std::string> texts;
      const node::Verdict verdict = node::ApplyCleaning(*rules_, &is, &texts);
      for (size_t i = 0; i < before_.size(); ++i) {
        if ((verdict.matched >> i & 1) == 0 || !wanted(i)) continue;
        out_.cleaning[i].examples.push_back(
            {std::string(was.event_id), std::string(was.customer_id),
             std::string(event::EventTypeName(was.type)), Changes(rules_->cleaning[i], was, is)});
      }
    }
  }

  static std::string Changes(const node::CleaningRule& rule, const clean::CleanEvent& was,
                             const clean::CleanEvent& is) {
    std::string changes;
    for (const node::CleaningRule::Assignment& assignment : rule.set) {
      absl::StrAppend(&changes, changes.empty() ? "" : ", ", NameOf(assignment.field), " ",
                      node::EventRecord(&was).Field(assignment.field).ToString(), " → ",
                      node::EventRecord(&is).Field(assignment.field).ToString());
    }
    return changes;
  }

  void JudgeCustomers() {
    node::CustomerContext context;
    context.items = &shared_.items.names();
    context.terms = &shared_.terms.names();
    context.affinity_decay = &shared_.affinity_decay;
    context.rules = rules_.get();
    const node::Percentiles percentiles = Spread(context);
    context.percentiles = &percentiles;
    for (const node::TagRule& tag : rules_->tags) out_.tags.push_back({tag.name, {}});
    for (const node::AudienceRule& one : rules_->audiences)
      out_.audiences.push_back({one.name, {}});
    node::CustomerRecord record(context);
    partition_.Walk(0, SIZE_MAX, [&](const profile::Customer& customer) {
      if (customer.profile.empty()) return;
      ++out_.customers;
      record.Look(customer.id(), customer.profile, out_.as_of_ms);
      for (const size_t tag : record.Tags()) {
        out_.tags[tag].customers.emplace_back(customer.id());
      }
      for (size_t i = 0; i < out_.audiences.size(); ++i) {
        if (!rules_->audiences[i].when.Test(record, out_.as_of_ms).value) continue;
        out_.audiences[i].customers.emplace_back(customer.id());
      }
    });
    for (std::vector<CustomerTrial>* all : {&out_.tags, &out_.audiences}) {
      for (CustomerTrial& one : *all) std::sort(one.customers.begin(), one.customers.end());
    }
  }

  // What percentile() looks up: of all customers, not of a sample.
  node::Percentiles Spread(const node::CustomerContext& context) const {
    node::Percentiles percentiles;
    for (const int field : rules_->percentile_fields) percentiles.fields.push_back({field, {}});
    if (percentiles.fields.empty()) return percentiles;
    node::CustomerRecord record(context);
    partition_.Walk(0, SIZE_MAX, [&](const profile::Customer& customer) {
      if (customer.profile.empty()) return;
      record.Look(customer.id(), customer.profile, out_.as_of_ms);
      for (node::Distribution& one : percentiles.fields) {
        const expression::Value value = record.Field(one.field);
        if (value.present) one.sorted.push_back(value.number);
      }
    });
    for (node::Distribution& one : percentiles.fields) {
      std::sort(one.sorted.begin(), one.sorted.end());
    }
    return percentiles;
  }

  const std::shared_ptr<const node::RuleSet> rules_;
  const size_t max_examples_;
  const NoStore store_;
  node::SharedState shared_;
  node::Partition partition_;
  node::Workbench bench_;
  node::PreparedRecord explaining_;
  std::vector<uint64_t> before_;  // counts of the cleaning rules
  int64_t arrival_ms_ = 0;
  RulesTrial out_;
};

}  // namespace

absl::StatusOr<RulesTrial> TryRules(std::shared_ptr<const node::RuleSet> rules,
                                    const std::string& events_path, size_t examples) {
  KINDRED_ASSIGN_OR_RETURN(Records records, Records::Open(events_path));
  Trial trial(std::move(rules), examples);
  std::string record;
  while (records.Next(&record)) {
    KINDRED_RETURN_IF_ERROR(trial.Apply(record));
  }
  KINDRED_RETURN_IF_ERROR(records.status());
  return trial.Finish();
}

}  // namespace kindred::cli
