#include "expression/builder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace kindred::expression {
namespace {

bool HasOrder(Type type) {
  return type == Type::kNumber || type == Type::kTime || type == Type::kDuration;
}

// The type of `a op b`; false if the language has none.
bool ArithmeticType(absl::string_view op, Type a, Type b, Type* out) {
  const auto is = [a, b](Type left, Type right) { return a == left && b == right; };
  const bool additive = op == "+" || op == "-";
  if (is(Type::kNumber, Type::kNumber)) {
    *out = Type::kNumber;
    return true;
  }
  if (is(Type::kDuration, Type::kDuration) && (additive || op == "/")) {
    *out = additive ? Type::kDuration : Type::kNumber;
    return true;
  }
  if (is(Type::kTime, Type::kDuration) && additive) {
    *out = Type::kTime;
    return true;
  }
  if (is(Type::kDuration, Type::kTime) && op == "+") {
    *out = Type::kTime;
    return true;
  }
  if (is(Type::kTime, Type::kTime) && op == "-") {
    *out = Type::kDuration;
    return true;
  }
  if ((is(Type::kDuration, Type::kNumber) && !additive) ||
      (is(Type::kNumber, Type::kDuration) && op == "*")) {
    *out = Type::kDuration;
    return true;
  }
  return false;
}

bool SameArguments(const std::vector<Value>& a, const std::vector<Value>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].present != b[i].present || a[i].type != b[i].type) return false;
    if (a[i].present && a[i].ToString() != b[i].ToString()) return false;
  }
  return true;
}

}  // namespace

Builder::Builder(absl::string_view source, const Origin& origin)
    : source_(source), origin_(origin), data_(std::make_shared<Program::Data>()) {
  data_->source = std::string(source);
}

absl::Status Builder::Error(size_t offset, absl::string_view message) const {
  return ErrorAt(source_, origin_, offset, message);
}

absl::string_view Builder::Keep(std::string text) {
  data_->texts.push_back(std::move(text));
  return data_->texts.back();
}

absl::StatusOr<NodeId> Builder::Add(Node node) {
  if (data_->nodes.size() >= kMaxNodes) {
    return Error(node.begin,
                 absl::StrCat("the expression is too long: at most ", kMaxNodes, " parts"));
  }
  data_->nodes.push_back(node);
  return static_cast<NodeId>(data_->nodes.size() - 1);
}

absl::StatusOr<NodeId> Builder::Join(Op op, Type type, NodeId a, NodeId b) {
  Node made;
  made.op = op;
  made.type = type;
  made.a = a;
  made.b = b;
  made.begin = std::min(node(a).begin, node(b).begin);
  made.end = std::max(node(a).end, node(b).end);
  return Add(made);
}

absl::Status Builder::Expect(NodeId id, Type type, absl::string_view where) const {
  if (node(id).type == type) return absl::OkStatus();
  return Error(node(id).begin, absl::StrCat("expected a ", TypeName(type), " ", where,
                                            ", this is a ", TypeName(node(id).type)));
}

void Builder::Widen(NodeId id, uint32_t begin, uint32_t end) {
  data_->nodes[id].begin = begin;
  data_->nodes[id].end = end;
}

absl::StatusOr<NodeId> Builder::Constant(const Literal& literal) {
  Node made;
  made.type = literal.value.type;
  made.index = static_cast<uint32_t>(data_->constants.size());
  made.begin = literal.begin;
  made.end = literal.end;
  data_->constants.push_back(literal.value);
  return Add(made);
}

absl::StatusOr<NodeId> Builder::FieldNode(const Field& field, const Token& name) {
  Node made;
  made.op = Op::kField;
  made.type = field.type;
  made.begin = name.begin;
  made.end = name.end;
  auto& ids = data_->field_ids;
  made.index = static_cast<uint32_t>(std::find(ids.begin(), ids.end(), field.id) - ids.begin());
  if (made.index == ids.size()) ids.push_back(field.id);
  return Add(made);
}

absl::StatusOr<std::vector<Value>> Builder::Arrange(const Function& function, const Token& name,
                                                    const std::vector<Argument>& arguments) const {
  const auto& parameters = function.parameters;
  std::vector<Value> values(parameters.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Argument& argument = arguments[i];
    size_t at = i;
    if (!argument.name.empty()) {
      std::vector<absl::string_view> names;
      for (const Parameter& parameter : parameters) names.push_back(parameter.name);
      at =
          static_cast<size_t>(std::find(names.begin(), names.end(), argument.name) - names.begin());
      if (at == parameters.size()) {
        return Error(argument.begin,
                     absl::StrCat(name.text, "() has no argument \"", argument.name.substr(0, 40),
                                  "\"", DidYouMean(argument.name, names)));
      }
    } else if (i > 0 && !arguments[i - 1].name.empty()) {
      return Error(argument.begin, "expected \"name: value\", as after the first named argument");
    }
    if (at >= parameters.size()) {
      return Error(argument.begin,
                   absl::StrCat(name.text, "() has ", parameters.size(), " arguments, not more"));
    }
    const Parameter& parameter = parameters[at];
    if (values[at].present) {
      return Error(argument.begin,
                   absl::StrCat("argument \"", parameter.name, "\" is given twice"));
    }
    if (argument.literal.value.type != parameter.type) {
      return Error(argument.literal.begin,
                   absl::StrCat("expected a ", TypeName(parameter.type), " for \"", parameter.name,
                                "\", this is a ", TypeName(argument.literal.value.type)));
    }
    values[at] = argument.literal.value;
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].required && !values[i].present) {
      return Error(name.begin,
                   absl::StrCat(name.text, "() needs the argument \"", parameters[i].name, "\", a ",
                                TypeName(parameters[i].type)));
    }
  }
  return values;
}

absl::StatusOr<NodeId> Builder::CallNode(const Schema&, const Function& function, const Token& name,
                                         const std::vector<Argument>& arguments, uint32_t end) {
  KINDRED_ASSIGN_OR_RETURN(std::vector<Value> values, Arrange(function, name, arguments));
  Node made;
  made.op = Op::kCall;
  made.type = function.type;
  made.begin = name.begin;
  made.end = end;
  for (const CallSite& call : data_->calls) {
    if (call.function == function.id && SameArguments(call.arguments, values)) break;
    ++made.index;
  }
  if (made.index == data_->calls.size()) {
    CallSite call;
    call.function = function.id;
    call.index = static_cast<int>(made.index);
    call.arguments = std::move(values);
    data_->calls.push_back(std::move(call));
  }
  return Add(made);
}

absl::StatusOr<NodeId> Builder::Now(const Token& name) {
  Node made;
  made.op = Op::kNow;
  made.type = Type::kTime;
  made.begin = name.begin;
  made.end = name.end;
  data_->uses_now = true;
  return Add(made);
}

absl::StatusOr<NodeId> Builder::Logic(Op op, NodeId a, NodeId b, const Token& at) {
  KINDRED_RETURN_IF_ERROR(Expect(a, Type::kBool, absl::StrCat("for \"", at.text, "\"")));
  KINDRED_RETURN_IF_ERROR(Expect(b, Type::kBool, absl::StrCat("for \"", at.text, "\"")));
  KINDRED_ASSIGN_OR_RETURN(const NodeId made, Join(op, Type::kBool, a, b));
  data_->nodes[made].begin = std::min(node(made).begin, at.begin);
  return made;
}

absl::StatusOr<NodeId> Builder::Compare(const Token& symbol, NodeId a, NodeId b) {
  const Type type = node(a).type;
  const bool equality = symbol.text == "==" || symbol.text == "!=";
  if (type == Type::kTextSet) {
    return Error(symbol.begin, "a set is asked with \"in\": \"name\" in the_set");
  }
  KINDRED_RETURN_IF_ERROR(
      Expect(b, type, absl::StrCat("after \"", symbol.text, "\", as on its left")));
  if (!equality && !HasOrder(type)) {
    return Error(symbol.begin, absl::StrCat("\"", symbol.text,
                                            "\" compares numbers, times and durations, this is a ",
                                            TypeName(type)));
  }
  const bool swap = symbol.text[0] == '>';
  const Op op = equality ? Op::kEqual : symbol.text.size() == 2 ? Op::kLessEqual : Op::kLess;
  KINDRED_ASSIGN_OR_RETURN(const NodeId made, Join(op, Type::kBool, swap ? b : a, swap ? a : b));
  data_->nodes[made].negated = symbol.text == "!=";
  return made;
}

absl::StatusOr<NodeId> Builder::Between(NodeId value, NodeId low, NodeId high, bool negated) {
  if (!HasOrder(node(value).type)) {
    return Error(node(value).begin,
                 absl::StrCat("\"between\" is for numbers, times and durations, this is a ",
                              TypeName(node(value).type)));
  }
  KINDRED_RETURN_IF_ERROR(Expect(low, node(value).type, "as the lower bound"));
  KINDRED_RETURN_IF_ERROR(Expect(high, node(value).type, "as the upper bound"));
  KINDRED_ASSIGN_OR_RETURN(const NodeId made, Join(Op::kBetween, Type::kBool, value, low));
  data_->nodes[made].c = high;
  data_->nodes[made].end = node(high).end;
  data_->nodes[made].negated = negated;
  return made;
}

absl::StatusOr<NodeId> Builder::InList(NodeId value, const std::vector<Literal>& list, bool negated,
                                       uint32_t end) {
  const Type type = node(value).type;
  if (type != Type::kText && !HasOrder(type)) {
    return Error(node(value).begin, absl::StrCat("a ", TypeName(type), " is not in a list"));
  }
  Node made;
  made.op = type == Type::kText ? Op::kInTexts : Op::kInNumbers;
  made.negated = negated;
  made.a = value;
  made.b = value;
  made.begin = node(value).begin;
  made.end = end;
  std::vector<absl::string_view> texts;
  std::vector<double> numbers;
  for (const Literal& literal : list) {
    if (literal.value.type != type) {
      return Error(literal.begin, absl::StrCat("expected a ", TypeName(type),
                                               " as on the left of the list, this is a ",
                                               TypeName(literal.value.type)));
    }
    if (type == Type::kText) {
      texts.push_back(literal.value.text());
    } else {
      numbers.push_back(type == Type::kNumber ? literal.value.number
                                              : static_cast<double>(literal.value.ms));
    }
  }
  std::sort(texts.begin(), texts.end());
  std::sort(numbers.begin(), numbers.end());
  if (type == Type::kText) {
    made.index = static_cast<uint32_t>(data_->text_lists.size());
    data_->text_lists.push_back(std::move(texts));
  } else {
    made.index = static_cast<uint32_t>(data_->number_lists.size());
    data_->number_lists.push_back(std::move(numbers));
  }
  return Add(made);
}

absl::StatusOr<NodeId> Builder::InSet(NodeId value, NodeId set, bool negated) {
  if (node(set).type != Type::kTextSet) {
    return Error(node(set).begin, absl::StrCat("expected a list, as in [\"a\", \"b\"], or a set of "
                                               "text after \"in\", this is a ",
                                               TypeName(node(set).type)));
  }
  KINDRED_RETURN_IF_ERROR(Expect(value, Type::kText, "before \"in\""));
  KINDRED_ASSIGN_OR_RETURN(const NodeId made, Join(Op::kInSet, Type::kBool, value, set));
  data_->nodes[made].negated = negated;
  return made;
}

absl::StatusOr<NodeId> Builder::Arithmetic(const Token& symbol, NodeId a, NodeId b) {
  Type type;
  if (!ArithmeticType(symbol.text, node(a).type, node(b).type, &type)) {
    return Error(symbol.begin, absl::StrCat("there is no ", TypeName(node(a).type), " ",
                                            symbol.text, " ", TypeName(node(b).type),
                                            symbol.text == "+" && node(a).type == Type::kText
                                                ? "; texts are compared, not joined"
                                                : ""));
  }
  const Op op = symbol.text == "+"   ? Op::kAdd
                : symbol.text == "-" ? Op::kSubtract
                : symbol.text == "*" ? Op::kMultiply
                                     : Op::kDivide;
  return Join(op, type, a, b);
}

absl::StatusOr<NodeId> Builder::Negate(NodeId a, uint32_t begin) {
  const Type type = node(a).type;
  if (type != Type::kNumber && type != Type::kDuration) {
    return Error(begin, absl::StrCat("expected a number or a duration after \"-\", this is a ",
                                     TypeName(type)));
  }
  KINDRED_ASSIGN_OR_RETURN(const NodeId made, Join(Op::kNegate, type, a, a));
  data_->nodes[made].begin = begin;
  return made;
}

absl::StatusOr<NodeId> Builder::TextTest(Op op, const Token& name,
                                         const std::vector<NodeId>& operands, uint32_t end) {
  const NodeId text = operands[0];
  if (op == Op::kContains && node(text).type == Type::kTextSet) {
    KINDRED_ASSIGN_OR_RETURN(const NodeId made, InSet(operands[1], text, false));
    Widen(made, name.begin, end);
    return made;
  }
  KINDRED_RETURN_IF_ERROR(Expect(text, Type::kText, absl::StrCat("for ", name.text, "()")));
  KINDRED_RETURN_IF_ERROR(Expect(operands[1], Type::kText, absl::StrCat("for ", name.text, "()")));
  return Join(op, Type::kBool, text, operands[1]);
}

absl::StatusOr<NodeId> Builder::BuiltIn(const Token& name, const std::vector<NodeId>& operands,
                                        uint32_t end) {
  const absl::string_view which = name.text;
  const size_t wanted = which == "has" || which == "lower" || which == "abs" ? 1 : 2;
  if (operands.size() != wanted) {
    return Error(name.begin,
                 absl::StrCat(which, "() takes ", wanted,
                              wanted == 1 ? " value, not " : " values, not ", operands.size()));
  }
  const NodeId first = operands[0];
  const Type type = node(first).type;
  absl::StatusOr<NodeId> made = 0;
  if (which == "has") {
    if (node(first).op != Op::kField && node(first).op != Op::kCall) {
      return Error(node(first).begin, "has() takes a field or a function");
    }
    made = Join(Op::kHas, Type::kBool, first, first);
  } else if (which == "lower") {
    KINDRED_RETURN_IF_ERROR(Expect(first, Type::kText, "for lower()"));
    made = Join(Op::kLower, Type::kText, first, first);
  } else if (which == "abs") {
    if (type != Type::kNumber && type != Type::kDuration) {
      return Error(node(first).begin,
                   absl::StrCat("abs() takes a number or a duration, this is a ", TypeName(type)));
    }
    made = Join(Op::kAbs, type, first, first);
  } else if (which == "min" || which == "max") {
    if (!HasOrder(type)) {
      return Error(
          node(first).begin,
          absl::StrCat(which, "() takes numbers, times or durations, this is a ", TypeName(type)));
    }
    KINDRED_RETURN_IF_ERROR(Expect(operands[1], type, absl::StrCat("for ", which, "()")));
    made = Join(which == "min" ? Op::kMin : Op::kMax, type, first, operands[1]);
  } else {
    made = TextTest(which == "starts_with" ? Op::kStartsWith
                    : which == "ends_with" ? Op::kEndsWith
                                           : Op::kContains,
                    name, operands, end);
  }
  if (made.ok()) Widen(*made, name.begin, end);
  return made;
}

absl::StatusOr<Program> Builder::Finish(NodeId root, Type expected) {
  KINDRED_RETURN_IF_ERROR(Expect(root, expected, "as the whole expression"));
  data_->root = root;
  data_->type = expected;
  return Program(std::move(data_));
}

}  // namespace kindred::expression
