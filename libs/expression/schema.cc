#include "expression/schema.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace kindred::expression {
namespace {

constexpr absl::string_view kReserved[] = {
    "and",         "or",        "not",      "in",    "between", "true", "false", "now", "has",
    "starts_with", "ends_with", "contains", "lower", "abs",     "min",  "max",   "date"};

// Levenshtein's distance, by rows.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

bool IsReserved(absl::string_view name) {
  return std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved);
}

std::string DidYouMean(absl::string_view name, const std::vector<absl::string_view>& names) {
  constexpr size_t kLongestName = 64;
  if (name.size() > kLongestName) return "";
  const std::string lower = absl::AsciiStrToLower(name);
  absl::string_view best;
  size_t best_distance = (name.size() < 4 ? 1 : std::max<size_t>(2, name.size() / 3)) + 1;
  for (const absl::string_view candidate : names) {
    const size_t distance = EditDistance(lower, candidate);
    // A name with nothing in common is no suggestion.
    if (distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best.empty() ? "" : absl::StrCat("; did you mean \"", best, "\"?");
}

void Schema::CheckName(absl::string_view name) const {
  KINDRED_CHECK(!name.empty() && (absl::ascii_isalpha(name[0]) || name[0] == '_')) << name;
  for (const char c : name) KINDRED_CHECK(absl::ascii_isalnum(c) || c == '_' || c == '.') << name;
  KINDRED_CHECK(!IsReserved(name)) << name;
  KINDRED_CHECK(FindField(name) == nullptr && FindFunction(name) == nullptr) << name;
}

Schema& Schema::Add(Field field) {
  CheckName(field.name);
  field_by_name_[field.name] = fields_.size();
  fields_.push_back(std::move(field));
  return *this;
}

Schema& Schema::Add(Function function) {
  CheckName(function.name);
  for (const Parameter& parameter : function.parameters) {
    KINDRED_CHECK(parameter.type != Type::kTextSet) << parameter.name;
  }
  function_by_name_[function.name] = functions_.size();
  functions_.push_back(std::move(function));
  return *this;
}

const Field* Schema::FindField(absl::string_view name) const {
  const auto found = field_by_name_.find(name);
  return found == field_by_name_.end() ? nullptr : &fields_[found->second];
}

const Function* Schema::FindFunction(absl::string_view name) const {
  const auto found = function_by_name_.find(name);
  return found == function_by_name_.end() ? nullptr : &functions_[found->second];
}

std::string Schema::DidYouMean(absl::string_view name) const {
  std::vector<absl::string_view> names(std::begin(kReserved), std::end(kReserved));
  for (const Field& field : fields_) names.push_back(field.name);
  for (const Function& function : functions_) names.push_back(function.name);
  return expression::DidYouMean(name, names);
}

std::string Schema::Describe() const {
  std::string out;
  for (const Field& field : fields_) {
    absl::StrAppend(&out, field.name, "  ", TypeName(field.type), "  ", field.doc, "\n");
  }
  for (const Function& function : functions_) {
    absl::StrAppend(&out, function.name, "(");
    const char* separator = "";
    for (const Parameter& parameter : function.parameters) {
      absl::StrAppend(&out, separator, parameter.name, ": ", TypeName(parameter.type),
                      parameter.required ? "" : "?");
      separator = ", ";
    }
    absl::StrAppend(&out, ")  ", TypeName(function.type), "  ", function.doc, "\n");
    for (const Parameter& parameter : function.parameters) {
      absl::StrAppend(&out, "    ", parameter.name, "  ", parameter.doc, "\n");
    }
  }
  return out;
}

}  // namespace kindred::expression
