#include "expression/parser.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status_macros.h"

namespace kindred::expression {

class Parser::Level {
 public:
  explicit Level(Parser& parser) : parser_(parser) { ++parser_.depth_; }
  ~Level() { --parser_.depth_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  Parser& parser_;
};

bool Parser::Is(absl::string_view word) const {
  return (token_.kind == TokenKind::kSymbol || token_.kind == TokenKind::kName) &&
         token_.text == word;
}

absl::Status Parser::Advance() {
  last_end_ = token_.end;
  KINDRED_ASSIGN_OR_RETURN(token_, lexer_.Next());
  return absl::OkStatus();
}

absl::StatusOr<Token> Parser::Take() {
  Token taken = std::move(token_);
  token_.end = taken.end;
  KINDRED_RETURN_IF_ERROR(Advance());
  return taken;
}

absl::Status Parser::Unexpected(absl::string_view expected) const {
  return builder_.Error(
      token_.begin, absl::StrCat("expected ", expected, ", found ", TokenName(token_, source_)));
}

absl::Status Parser::Expect(absl::string_view symbol, absl::string_view where) {
  if (!Is(symbol)) return Unexpected(absl::StrCat("\"", symbol, "\" ", where));
  return Advance();
}

absl::Status Parser::CheckDepth() const {
  if (depth_ <= kMaxDepth) return absl::OkStatus();
  return builder_.Error(token_.begin,
                        absl::StrCat("nested too deep: at most ", kMaxDepth, " levels"));
}

absl::StatusOr<Program> Parser::Run(Type expected) {
  KINDRED_RETURN_IF_ERROR(Advance());
  if (token_.kind == TokenKind::kEnd) {
    return builder_.Error(
        0, absl::StrCat("expected a ", TypeName(expected), " expression, found nothing"));
  }
  KINDRED_ASSIGN_OR_RETURN(const NodeId root, Expression());
  if (token_.kind != TokenKind::kEnd) {
    return Unexpected("\"and\", \"or\" or the end of the expression");
  }
  return builder_.Finish(root, expected);
}

absl::StatusOr<NodeId> Parser::Expression() {
  const Level level(*this);
  KINDRED_RETURN_IF_ERROR(CheckDepth());
  KINDRED_ASSIGN_OR_RETURN(NodeId left, Conjunction());
  // A chain leans to the left, so that it needs no depth to be read, but some to be evaluated.
  for (int links = 0; Is("or"); ++links) {
    KINDRED_ASSIGN_OR_RETURN(const Token at, Take());
    KINDRED_ASSIGN_OR_RETURN(const NodeId right, Conjunction());
    KINDRED_ASSIGN_OR_RETURN(left, builder_.Logic(Op::kOr, left, right, at));
  }
  return left;
}

absl::StatusOr<NodeId> Parser::Conjunction() {
  KINDRED_ASSIGN_OR_RETURN(NodeId left, Negation());
  while (Is("and")) {
    KINDRED_ASSIGN_OR_RETURN(const Token at, Take());
    KINDRED_ASSIGN_OR_RETURN(const NodeId right, Negation());
    KINDRED_ASSIGN_OR_RETURN(left, builder_.Logic(Op::kAnd, left, right, at));
  }
  return left;
}

absl::StatusOr<NodeId> Parser::Negation() {
  if (!Is("not")) return Relation();
  const Level level(*this);
  KINDRED_RETURN_IF_ERROR(CheckDepth());
  KINDRED_ASSIGN_OR_RETURN(const Token at, Take());
  KINDRED_ASSIGN_OR_RETURN(const NodeId operand, Negation());
  return builder_.Logic(Op::kNot, operand, operand, at);
}

absl::StatusOr<NodeId> Parser::Relation() {
  KINDRED_ASSIGN_OR_RETURN(const NodeId left, Sum());
  bool negated = false;
  if (Is("not")) {
    KINDRED_RETURN_IF_ERROR(Advance());
    if (!Is("in") && !Is("between")) return Unexpected("\"in\" or \"between\" after \"not\"");
    negated = true;
  }
  if (Is("in")) return MemberOf(left, negated);
  if (Is("between")) return Range(left, negated);
  const auto compares = [this] {
    return Is("==") || Is("!=") || Is("<") || Is("<=") || Is(">") || Is(">=");
  };
  if (!compares()) return left;
  KINDRED_ASSIGN_OR_RETURN(const Token symbol, Take());
  KINDRED_ASSIGN_OR_RETURN(const NodeId right, Sum());
  KINDRED_ASSIGN_OR_RETURN(const NodeId made, builder_.Compare(symbol, left, right));
  if (compares()) {
    return builder_.Error(token_.begin,
                          "comparisons do not chain: expected \"and\", or \"x between 1 and 3\"");
  }
  return made;
}

absl::StatusOr<NodeId> Parser::MemberOf(NodeId value, bool negated) {
  KINDRED_RETURN_IF_ERROR(Advance());
  if (!Is("[")) {
    KINDRED_ASSIGN_OR_RETURN(const NodeId set, Sum());
    return builder_.InSet(value, set, negated);
  }
  KINDRED_RETURN_IF_ERROR(Advance());
  std::vector<Literal> list;
  while (!Is("]")) {
    if (!list.empty()) KINDRED_RETURN_IF_ERROR(Expect(",", "or \"]\" in a list"));
    if (list.size() == kMaxListEntries) {
      return builder_.Error(token_.begin,
                            absl::StrCat("a list has at most ", kMaxListEntries, " entries"));
    }
    KINDRED_ASSIGN_OR_RETURN(Literal literal, ParseLiteral("a literal in a list"));
    list.push_back(std::move(literal));
  }
  KINDRED_RETURN_IF_ERROR(Advance());
  return builder_.InList(value, list, negated, last_end_);
}

absl::StatusOr<NodeId> Parser::Range(NodeId value, bool negated) {
  KINDRED_RETURN_IF_ERROR(Advance());
  KINDRED_ASSIGN_OR_RETURN(const NodeId low, Sum());
  KINDRED_RETURN_IF_ERROR(Expect("and", "and the upper bound of \"between\""));
  KINDRED_ASSIGN_OR_RETURN(const NodeId high, Sum());
  return builder_.Between(value, low, high, negated);
}

absl::StatusOr<NodeId> Parser::Sum() {
  KINDRED_ASSIGN_OR_RETURN(NodeId left, Product());
  while (Is("+") || Is("-")) {
    KINDRED_ASSIGN_OR_RETURN(const Token symbol, Take());
    KINDRED_ASSIGN_OR_RETURN(const NodeId right, Product());
    KINDRED_ASSIGN_OR_RETURN(left, builder_.Arithmetic(symbol, left, right));
  }
  return left;
}

absl::StatusOr<NodeId> Parser::Product() {
  KINDRED_ASSIGN_OR_RETURN(NodeId left, Unary());
  while (Is("*") || Is("/")) {
    KINDRED_ASSIGN_OR_RETURN(const Token symbol, Take());
    KINDRED_ASSIGN_OR_RETURN(const NodeId right, Unary());
    KINDRED_ASSIGN_OR_RETURN(left, builder_.Arithmetic(symbol, left, right));
  }
  return left;
}

absl::StatusOr<NodeId> Parser::Unary() {
  if (!Is("-")) return Primary();
  const Level level(*this);
  KINDRED_RETURN_IF_ERROR(CheckDepth());
  const uint32_t begin = token_.begin;
  KINDRED_RETURN_IF_ERROR(Advance());
  KINDRED_ASSIGN_OR_RETURN(const NodeId operand, Unary());
  return builder_.Negate(operand, begin);
}

absl::StatusOr<NodeId> Parser::Primary() {
  switch (token_.kind) {
    case TokenKind::kNumber:
    case TokenKind::kDuration:
    case TokenKind::kText: {
      KINDRED_ASSIGN_OR_RETURN(const Literal literal, ParseLiteral("a value"));
      return builder_.Constant(literal);
    }
    case TokenKind::kName:
      return Name();
    case TokenKind::kEnd:
    case TokenKind::kSymbol:
      break;
  }
  if (!Is("(")) {
    if (Is("[")) return Unexpected("a value (a list stands after \"in\" only)");
    return Unexpected("a field, a function or a value");
  }
  const uint32_t begin = token_.begin;
  KINDRED_RETURN_IF_ERROR(Advance());
  KINDRED_ASSIGN_OR_RETURN(const NodeId inner, Expression());
  KINDRED_RETURN_IF_ERROR(Expect(")", "to close the parenthesis"));
  builder_.Widen(inner, begin, last_end_);
  return inner;
}

absl::StatusOr<NodeId> Parser::Name() {
  if (Is("true") || Is("false") || Is("date")) {
    KINDRED_ASSIGN_OR_RETURN(const Literal literal, ParseLiteral("a value"));
    return builder_.Constant(literal);
  }
  if (Is("and") || Is("or") || Is("not") || Is("in") || Is("between")) {
    return Unexpected("a field, a function or a value");
  }
  KINDRED_ASSIGN_OR_RETURN(const Token name, Take());
  if (name.text == "now") return builder_.Now(name);
  if (IsReserved(name.text)) return BuiltIn(name);
  const Function* function = schema_.FindFunction(name.text);
  const Field* field = schema_.FindField(name.text);
  const bool called = Is("(");
  if (function != nullptr && called) return Call(name, *function);
  if (field != nullptr && !called) return builder_.FieldNode(*field, name);
  const std::string shown = absl::StrCat("\"", name.text.substr(0, 64), "\"");
  if (function != nullptr) {
    return builder_.Error(name.begin,
                          absl::StrCat(shown, " is a function: expected \"(\" after it"));
  }
  if (field != nullptr) {
    return builder_.Error(name.begin, absl::StrCat(shown, " is a field, it takes no arguments"));
  }
  return builder_.Error(name.begin, absl::StrCat(called ? "unknown function " : "unknown field ",
                                                 shown, schema_.DidYouMean(name.text)));
}

absl::StatusOr<NodeId> Parser::BuiltIn(const Token& name) {
  KINDRED_RETURN_IF_ERROR(Expect("(", absl::StrCat("after ", name.text)));
  std::vector<NodeId> operands;
  while (!Is(")")) {
    if (!operands.empty()) KINDRED_RETURN_IF_ERROR(Expect(",", "or \")\" after a value"));
    KINDRED_ASSIGN_OR_RETURN(const NodeId operand, Expression());
    operands.push_back(operand);
  }
  KINDRED_RETURN_IF_ERROR(Advance());
  return builder_.BuiltIn(name, operands, last_end_);
}

absl::StatusOr<NodeId> Parser::Call(const Token& name, const Function& function) {
  KINDRED_RETURN_IF_ERROR(Advance());
  std::vector<Argument> arguments;
  while (!Is(")")) {
    if (!arguments.empty()) KINDRED_RETURN_IF_ERROR(Expect(",", "or \")\" after an argument"));
    KINDRED_ASSIGN_OR_RETURN(Argument argument, ParseArgument());
    arguments.push_back(std::move(argument));
  }
  KINDRED_RETURN_IF_ERROR(Advance());
  return builder_.CallNode(schema_, function, name, arguments, last_end_);
}

absl::StatusOr<Argument> Parser::ParseArgument() {
  Argument argument;
  argument.begin = token_.begin;
  if (token_.kind == TokenKind::kName && !Is("true") && !Is("false") && !Is("date")) {
    KINDRED_ASSIGN_OR_RETURN(Token name, Take());
    if (!Is(":")) {
      return builder_.Error(
          name.begin, absl::StrCat("expected a constant, as in \"tea\" or 7d, or \"name: value\", "
                                   "found \"",
                                   name.text.substr(0, 40), "\""));
    }
    argument.name = std::move(name.text);
    KINDRED_RETURN_IF_ERROR(Advance());
  }
  KINDRED_ASSIGN_OR_RETURN(argument.literal, ParseLiteral("a constant"));
  return argument;
}

absl::StatusOr<Literal> Parser::ParseLiteral(absl::string_view what) {
  Literal literal;
  literal.begin = token_.begin;
  const bool minus = Is("-");
  if (minus) KINDRED_RETURN_IF_ERROR(Advance());
  if (token_.kind == TokenKind::kNumber) {
    literal.value = Value::Number(minus ? -token_.number : token_.number);
  } else if (token_.kind == TokenKind::kDuration) {
    literal.value = Value::Duration(minus ? -token_.ms : token_.ms);
  } else if (minus) {
    return Unexpected("a number or a duration after \"-\"");
  } else if (token_.kind == TokenKind::kText) {
    literal.value = Value::Text(builder_.Keep(token_.text));
  } else if (Is("true") || Is("false")) {
    literal.value = Value::Bool(Is("true"));
  } else if (Is("date")) {
    KINDRED_ASSIGN_OR_RETURN(const Token name, Take());
    return Date(name);
  } else {
    return Unexpected(what);
  }
  KINDRED_RETURN_IF_ERROR(Advance());
  literal.end = last_end_;
  return literal;
}

absl::StatusOr<Literal> Parser::Date(const Token& name) {
  KINDRED_RETURN_IF_ERROR(Expect("(", "after date"));
  if (token_.kind != TokenKind::kText) return Unexpected("a text, as in date(\"2026-11-22\")");
  absl::Time time;
  std::string error;
  const bool parsed =
      absl::ParseTime("%Y-%m-%d", token_.text, absl::UTCTimeZone(), &time, &error) ||
      absl::ParseTime(absl::RFC3339_full, token_.text, &time, &error);
  constexpr int64_t kMaxMs = 253'402'300'800'000;  // the year 10000
  if (!parsed || absl::ToUnixMillis(time) > kMaxMs || absl::ToUnixMillis(time) < -kMaxMs) {
    return builder_.Error(token_.begin,
                          "expected a date, as in \"2026-11-22\" or \"2026-11-22T10:00:00Z\"");
  }
  Literal literal;
  literal.begin = name.begin;
  literal.value = Value::Time(absl::ToUnixMillis(time));
  KINDRED_RETURN_IF_ERROR(Advance());
  KINDRED_RETURN_IF_ERROR(Expect(")", "after the text of date"));
  literal.end = last_end_;
  return literal;
}

absl::StatusOr<Program> Compile(absl::string_view source, const Schema& schema, Type expected,
                                const Origin& origin) {
  if (source.size() > kMaxSourceBytes) {
    return ErrorAt(
        source, origin, 0,
        absl::StrCat("the expression has ", source.size(), " bytes, at most ", kMaxSourceBytes));
  }
  return Parser(source, schema, origin).Run(expected);
}

}  // namespace kindred::expression
