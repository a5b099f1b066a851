// What expressions may speak of: the fields and functions of one kind of record (a customer, an
// event, an item), with types and a line of documentation each.
//
// Made once, by the program: a name that is not a name, is taken, or belongs to the language ends
// the process. Threads: const after it was filled; it must outlive a Compile(), not the programs.
#ifndef KINDRED_EXPRESSION_SCHEMA_H_
#define KINDRED_EXPRESSION_SCHEMA_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "expression/value.h"

namespace kindred::expression {

struct Field {
  int id = 0;        // the caller's number for it; Record::Field() is asked with it
  std::string name;  // letters, digits, _ and dots: "geo.country"
  Type type = Type::kBool;
  std::string doc;  // one line: what it is, its unit, when it is absent
};

// Arguments are constants: by position in this order, or by name.
struct Parameter {
  std::string name;
  Type type = Type::kText;  // not a set
  bool required = false;
  std::string doc;
};

struct Function {
  int id = 0;  // the caller's; Record::Call() is asked with it
  std::string name;
  std::vector<Parameter> parameters;
  Type type = Type::kBool;
  std::string doc;
};

class Schema {
 public:
  Schema& Add(Field field);
  Schema& Add(Function function);

  const Field* FindField(absl::string_view name) const;
  const Function* FindFunction(absl::string_view name) const;
  const std::vector<Field>& fields() const { return fields_; }
  const std::vector<Function>& functions() const { return functions_; }

  // `; did you mean "category"?`, or nothing when no name is near.
  std::string DidYouMean(absl::string_view name) const;
  // A table of all names for people: name, type, documentation, one a line.
  std::string Describe() const;

 private:
  void CheckName(absl::string_view name) const;

  std::vector<Field> fields_;
  std::vector<Function> functions_;
  absl::flat_hash_map<std::string, size_t> field_by_name_;
  absl::flat_hash_map<std::string, size_t> function_by_name_;
};

// A word or function of the language itself: and, or, not, in, between, true, false, now, has,
// starts_with, ends_with, contains, lower, abs, min, max, date.
bool IsReserved(absl::string_view name);

// The one of `names` that differs from `name` by fewest letters, `; did you mean "…"?`, or nothing.
std::string DidYouMean(absl::string_view name, const std::vector<absl::string_view>& names);

}  // namespace kindred::expression

#endif  // KINDRED_EXPRESSION_SCHEMA_H_
