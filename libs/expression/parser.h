// The grammar, by recursive descent; types are Builder's. Internal to the library.
//
//   expression := conjunction { "or" conjunction }
//   conjunction := negation { "and" negation }
//   negation   := "not" negation | relation
//   relation   := sum [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) sum
//                     | [ "not" ] "in" ( list | sum )
//                     | [ "not" ] "between" sum "and" sum ]
//   sum        := product { ( "+" | "-" ) product }
//   product    := unary { ( "*" | "/" ) unary }
//   unary      := "-" unary | primary
//   primary    := literal | "now" | field | function "(" arguments ")" | "(" expression ")"
//   list       := "[" [ literal { "," literal } ] "]"
//   arguments  := [ [ name ":" ] literal { "," [ name ":" ] literal } ]
//   literal    := [ "-" ] ( number | duration ) | text | "true" | "false" | "date" "(" text ")"
#ifndef KINDRED_EXPRESSION_PARSER_H_
#define KINDRED_EXPRESSION_PARSER_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "expression/builder.h"
#include "expression/lexer.h"
#include "expression/program.h"

namespace kindred::expression {

class Parser {
 public:
  Parser(absl::string_view source, const Schema& schema, const Origin& origin)
      : source_(source), schema_(schema), lexer_(source, origin), builder_(source, origin) {}
  absl::StatusOr<Program> Run(Type expected);

 private:
  absl::StatusOr<NodeId> Expression();
  absl::StatusOr<NodeId> Conjunction();
  absl::StatusOr<NodeId> Negation();
  absl::StatusOr<NodeId> Relation();
  absl::StatusOr<NodeId> MemberOf(NodeId value, bool negated);
  absl::StatusOr<NodeId> Range(NodeId value, bool negated);
  absl::StatusOr<NodeId> Sum();
  absl::StatusOr<NodeId> Product();
  absl::StatusOr<NodeId> Unary();
  absl::StatusOr<NodeId> Primary();
  absl::StatusOr<NodeId> Name();
  absl::StatusOr<NodeId> BuiltIn(const Token& name);
  absl::StatusOr<NodeId> Call(const Token& name, const Function& function);
  absl::StatusOr<Literal> ParseLiteral(absl::string_view what);
  absl::StatusOr<Literal> Date(const Token& name);
  absl::StatusOr<Argument> ParseArgument();

  bool Is(absl::string_view word) const;  // the current token is this name or symbol
  absl::Status Advance();
  absl::StatusOr<Token> Take();
  absl::Status Expect(absl::string_view symbol, absl::string_view where);
  absl::Status Unexpected(absl::string_view expected) const;
  // Counts how deep the recursion is; an error beyond kMaxDepth.
  class Level;
  absl::Status CheckDepth() const;

  const absl::string_view source_;
  const Schema& schema_;
  Lexer lexer_;
  Builder builder_;
  Token token_;
  uint32_t last_end_ = 0;  // of the token before
  int depth_ = 0;
};

}  // namespace kindred::expression

#endif  // KINDRED_EXPRESSION_PARSER_H_
