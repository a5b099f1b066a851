// Rules in YAML → RuleSet, with the place of whatever is wrong.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "node/customer_fields.h"
#include "node/event_fields.h"
#include "node/rule_set.h"

namespace kindred::node {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxNameBytes = 64;

class RuleReader {
 public:
  RuleReader(absl::string_view source, absl::string_view yaml)
      : source_(source), lines_(absl::StrSplit(yaml, '\n')) {}

  absl::Status Read(const YAML::Node& root, RuleSet* rules) {
    if (root.IsNull()) return absl::OkStatus();
    KINDRED_RETURN_IF_ERROR(CheckKeys(root, {"cleaning", "tags", "audiences"}));
    const auto cleaning = [&](const YAML::Node& node) {
      return ReadCleaning(node, &rules->cleaning);
    };
    const auto tag = [&](const YAML::Node& node) -> absl::Status {
      TagRule rule;
      KINDRED_RETURN_IF_ERROR(ReadCustomerRule(node, &rule));
      KINDRED_RETURN_IF_ERROR(CheckNoTags(node, rule.when));
      rules->tags.push_back(std::move(rule));
      return absl::OkStatus();
    };
    const auto audience = [&](const YAML::Node& node) -> absl::Status {
      AudienceRule rule;
      KINDRED_RETURN_IF_ERROR(ReadCustomerRule(node, &rule));
      KINDRED_RETURN_IF_ERROR(CheckAudienceName(node, rule.name));
      rules->audiences.push_back(std::move(rule));
      return absl::OkStatus();
    };
    KINDRED_RETURN_IF_ERROR(ForEach(root["cleaning"], cleaning));
    KINDRED_RETURN_IF_ERROR(ForEach(root["tags"], tag));
    KINDRED_RETURN_IF_ERROR(ForEach(root["audiences"], audience));
    rules->percentile_fields = percentile_fields_;
    return absl::OkStatus();
  }

  absl::Status Error(const YAML::Mark& mark, absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(source_, ":", std::max(0, mark.line) + 1, ":",
                                                   std::max(0, mark.column) + 1, ": ", what));
  }

 private:
  absl::Status CheckKeys(const YAML::Node& node,
                         std::initializer_list<absl::string_view> known) const {
    if (!node.IsMap()) {
      return Error(node.Mark(),
                   absl::StrCat("expected key: value lines of ", absl::StrJoin(known, ", ")));
    }
    std::vector<std::string> seen;
    for (const auto& entry : node) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        return Error(entry.first.Mark(),
                     absl::StrCat("unknown key \"", key, "\"", expression::DidYouMean(key, known),
                                  " (known here: ", absl::StrJoin(known, ", "), ")"));
      }
      if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
        return Error(entry.first.Mark(), absl::StrCat("\"", key, "\" is given twice"));
      }
      seen.push_back(key);
    }
    return absl::OkStatus();
  }

  template <typename Visit>
  absl::Status ForEach(const YAML::Node& list, Visit visit) {
    names_.clear();
    if (!list.IsDefined() || list.IsNull()) return absl::OkStatus();
    if (!list.IsSequence()) return Error(list.Mark(), "expected a list of rules (\"- name: …\")");
    if (list.size() > kMaxRulesOfAKind) {
      return Error(list.Mark(), absl::StrCat("at most ", kMaxRulesOfAKind, " rules of a kind"));
    }
    for (const YAML::Node& node : list) KINDRED_RETURN_IF_ERROR(visit(node));
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Text(const YAML::Node& rule, const char* key, bool required) const {
    const YAML::Node node = rule[key];
    if (!node.IsDefined()) {
      if (!required) return "";
      return Error(rule.Mark(), absl::StrCat("this rule has no \"", key, "\""));
    }
    if (!node.IsScalar() || node.Scalar().empty()) {
      return Error(node.Mark(), absl::StrCat(key, ": expected text"));
    }
    return node.Scalar();
  }

  absl::StatusOr<std::string> Name(const YAML::Node& rule) {
    KINDRED_ASSIGN_OR_RETURN(std::string name, Text(rule, "name", true));
    const YAML::Mark mark = rule["name"].Mark();
    if (name.size() > kMaxNameBytes) {
      return Error(mark, absl::StrCat("a name has at most ", kMaxNameBytes, " bytes"));
    }
    for (const char c : name) {
      if (absl::ascii_iscntrl(c)) return Error(mark, "a name has no control characters");
    }
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) {
      return Error(mark, absl::StrCat("a second rule is named \"", name, "\""));
    }
    names_.push_back(name);
    return name;
  }

  absl::Status CheckAudienceName(const YAML::Node& rule, absl::string_view name) const {
    for (const char c : name) {
      if (absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_') continue;
      return Error(rule["name"].Mark(),
                   "expected a name of a to z, 0 to 9, - and _: it is part of audiences/NAME");
    }
    return absl::OkStatus();
  }

  // The text of an expression and where it lies. Of a block (| or >) the lines of the file, so that
  // places in it are right.
  std::pair<std::string, expression::Origin> ExpressionText(const YAML::Node& node) const {
    const YAML::Mark mark = node.Mark();
    expression::Origin origin{std::string(source_), mark.line + 1, mark.column + 1, 1};
    const size_t line = static_cast<size_t>(std::max(0, mark.line));
    const absl::string_view first =
        line < lines_.size() ? lines_[line].substr(std::min<size_t>(
                                   lines_[line].size(), static_cast<size_t>(mark.column)))
                             : "";
    if (first.empty() || (first[0] != '|' && first[0] != '>')) {
      if (!first.empty() && (first[0] == '"' || first[0] == '\'')) ++origin.column;
      return {node.Scalar(), origin};
    }
    std::vector<absl::string_view> block;
    size_t indent = 0;
    for (size_t i = line + 1; i < lines_.size(); ++i) {
      const size_t spaces = lines_[i].find_first_not_of(' ');
      if (spaces == absl::string_view::npos) {
        block.push_back("");
        continue;
      }
      if (indent == 0) indent = spaces;
      if (spaces < indent || indent == 0) break;
      block.push_back(lines_[i].substr(indent));
    }
    origin.line = mark.line + 2;
    origin.column = origin.next_column = static_cast<int>(indent) + 1;
    return {absl::StrJoin(block, "\n"), origin};
  }

  absl::StatusOr<expression::Program> Expression(const YAML::Node& rule, const char* key,
                                                 const expression::Schema& schema,
                                                 expression::Type type) {
    KINDRED_RETURN_IF_ERROR(Text(rule, key, true).status());
    const auto [text, origin] = ExpressionText(rule[key]);
    return expression::Compile(text, schema, type, origin);
  }

  template <typename Rule>
  absl::Status ReadCustomerRule(const YAML::Node& node, Rule* rule) {
    KINDRED_RETURN_IF_ERROR(CheckKeys(node, {"name", "description", "when"}));
    KINDRED_ASSIGN_OR_RETURN(rule->name, Name(node));
    KINDRED_ASSIGN_OR_RETURN(rule->description, Text(node, "description", false));
    KINDRED_ASSIGN_OR_RETURN(rule->when,
                             Expression(node, "when", CustomerSchema(), expression::Type::kBool));
    for (const expression::CallSite& call : rule->when.calls()) {
      KINDRED_RETURN_IF_ERROR(CheckCall(node["when"], call));
    }
    return absl::OkStatus();
  }

  // What the compiler cannot know: names that stand for something.
  absl::Status CheckCall(const YAML::Node& when, const expression::CallSite& call) {
    const auto [text, origin] = ExpressionText(when);
    const auto wrong = [&, &origin = origin](absl::string_view what) {
      return absl::InvalidArgumentError(
          absl::StrCat(source_, ":", origin.line, ":", origin.column, ": ", what));
    };
    const auto function = static_cast<CustomerFunction>(call.function);
    const absl::string_view name =
        call.arguments[0].present && call.arguments[0].type == expression::Type::kText
            ? call.arguments[0].text()
            : absl::string_view();
    if (function == CustomerFunction::kPercentile) {
      const int field = NumberFieldByName(name);
      if (field < 0) {
        return wrong(absl::StrCat("percentile(): expected the name of a number field, found \"",
                                  name, "\"", CustomerSchema().DidYouMean(name)));
      }
      if (std::find(percentile_fields_.begin(), percentile_fields_.end(), field) ==
          percentile_fields_.end()) {
        percentile_fields_.push_back(field);
      }
    }
    if (function == CustomerFunction::kActs || function == CustomerFunction::kLastAct ||
        function == CustomerFunction::kEventCount) {
      const event::EventType type = event::EventTypeFromName(name);
      if (type == event::EventType::kUnspecified ||
          (type == event::EventType::kCustom && name != "custom")) {
        return wrong(
            absl::StrCat("expected a type of event, as in \"view\", found \"", name, "\""));
      }
    }
    if (function == CustomerFunction::kPrediction) {
      const absl::Span<const absl::string_view> names = PredictionNames();
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        return wrong(
            absl::StrCat("prediction(): there is no prediction \"", name, "\"",
                         expression::DidYouMean(std::string(name), {names.begin(), names.end()})));
      }
      if ((name == "buy_category") != call.arguments[1].present) {
        return wrong(name == "buy_category"
                         ? "prediction(\"buy_category\"): expected a category as well"
                         : "prediction(): only \"buy_category\" has a category");
      }
    }
    if (function == CustomerFunction::kFeature && !IsFeature(name)) {
      return wrong(absl::StrCat("feature(): there is no feature \"", name, "\""));
    }
    return absl::OkStatus();
  }

  absl::Status CheckNoTags(const YAML::Node& rule, const expression::Program& when) const {
    for (const int field : when.fields()) {
      if (field == static_cast<int>(CustomerField::kTags)) {
        return Error(rule["when"].Mark(), "a tag rule may not ask for tags");
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadCleaning(const YAML::Node& node, std::vector<CleaningRule>* rules) {
    KINDRED_RETURN_IF_ERROR(CheckKeys(node, {"name", "description", "when", "action", "set"}));
    CleaningRule rule;
    KINDRED_ASSIGN_OR_RETURN(rule.name, Name(node));
    KINDRED_ASSIGN_OR_RETURN(rule.when,
                             Expression(node, "when", EventSchema(), expression::Type::kBool));
    KINDRED_ASSIGN_OR_RETURN(const std::string action, Text(node, "action", true));
    if (action == "drop") {
      rule.action = CleaningAction::kDrop;
    } else if (action == "flag") {
      rule.action = CleaningAction::kFlag;
    } else if (action == "fix") {
      rule.action = CleaningAction::kFix;
    } else {
      return Error(node["action"].Mark(),
                   absl::StrCat("action: expected drop, fix or flag, found \"", action, "\""));
    }
    const YAML::Node set = node["set"];
    if (set.IsDefined() != (rule.action == CleaningAction::kFix)) {
      return Error(node.Mark(), "\"set\" belongs to the action fix, and fix needs it");
    }
    if (set.IsDefined()) KINDRED_RETURN_IF_ERROR(ReadAssignments(set, &rule));
    rules->push_back(std::move(rule));
    return absl::OkStatus();
  }

  absl::Status ReadAssignments(const YAML::Node& set, CleaningRule* rule) {
    if (!set.IsMap() || set.size() == 0) {
      return Error(set.Mark(), "set: expected \"field: expression\" lines");
    }
    for (const auto& entry : set) {
      const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
      const expression::Field* field = EventSchema().FindField(name);
      if (field == nullptr || !MayBeSet(field->id)) {
        return Error(entry.first.Mark(),
                     absl::StrCat("\"", name, "\" cannot be set: expected one of ",
                                  absl::StrJoin(SettableNames(), ", ")));
      }
      CleaningRule::Assignment assignment;
      assignment.field = field->id;
      KINDRED_ASSIGN_OR_RETURN(assignment.value,
                               Expression(set, name.c_str(), EventSchema(), field->type));
      rule->set.push_back(std::move(assignment));
    }
    return absl::OkStatus();
  }

  const absl::string_view source_;
  const std::vector<absl::string_view> lines_;
  std::vector<std::string> names_;  // of the rules of a kind
  std::vector<int> percentile_fields_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const RuleSet>> ParseRules(absl::string_view source,
                                                          absl::string_view yaml) {
  if (yaml.size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat(source, ":1:1: the file has ", yaml.size(),
                                                   " bytes, at most ", kMaxFileBytes));
  }
  auto rules = std::make_shared<RuleSet>();
  rules->file = std::string(source);
  rules->version = absl::StrCat(absl::Hex(base::Fingerprint64(yaml), absl::kZeroPad16));
  RuleReader reader(source, yaml);
  try {
    KINDRED_RETURN_IF_ERROR(reader.Read(YAML::Load(std::string(yaml)), rules.get()));
  } catch (const YAML::Exception& error) {
    return reader.Error(error.mark, error.msg);
  }
  return std::shared_ptr<const RuleSet>(std::move(rules));
}

absl::StatusOr<std::shared_ptr<const RuleSet>> ReadRulesFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read rules file ", path));
  std::ostringstream text;
  text << file.rdbuf();
  return ParseRules(path, text.str());
}

}  // namespace kindred::node
