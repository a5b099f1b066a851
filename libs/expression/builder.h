// The rules of types: makes nodes of operands that fit, and says what would have fitted. Internal
// to the library.
#ifndef KINDRED_EXPRESSION_BUILDER_H_
#define KINDRED_EXPRESSION_BUILDER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "expression/lexer.h"
#include "expression/program.h"
#include "expression/tree.h"

namespace kindred::expression {

// A literal with its place.
struct Literal {
  Value value;
  uint32_t begin = 0;
  uint32_t end = 0;
};

struct Argument {
  std::string name;  // empty: by position
  uint32_t begin = 0;
  Literal literal;
};

class Builder {
 public:
  Builder(absl::string_view source, const Origin& origin);

  absl::StatusOr<NodeId> Constant(const Literal& literal);
  absl::StatusOr<NodeId> FieldNode(const Field& field, const Token& name);
  absl::StatusOr<NodeId> CallNode(const Schema& schema, const Function& function, const Token& name,
                                  const std::vector<Argument>& arguments, uint32_t end);
  absl::StatusOr<NodeId> Now(const Token& name);
  // "and", "or", "not".
  absl::StatusOr<NodeId> Logic(Op op, NodeId a, NodeId b, const Token& at);
  // "==", "!=", "<", "<=", ">", ">=".
  absl::StatusOr<NodeId> Compare(const Token& symbol, NodeId a, NodeId b);
  absl::StatusOr<NodeId> Between(NodeId value, NodeId low, NodeId high, bool negated);
  absl::StatusOr<NodeId> InList(NodeId value, const std::vector<Literal>& list, bool negated,
                                uint32_t end);
  absl::StatusOr<NodeId> InSet(NodeId value, NodeId set, bool negated);
  // "+", "-", "*", "/".
  absl::StatusOr<NodeId> Arithmetic(const Token& symbol, NodeId a, NodeId b);
  absl::StatusOr<NodeId> Negate(NodeId a, uint32_t begin);
  // has, starts_with, ends_with, contains, lower, abs, min, max.
  absl::StatusOr<NodeId> BuiltIn(const Token& name, const std::vector<NodeId>& operands,
                                 uint32_t end);
  // Parentheses belong to what they enclose, in explanations.
  void Widen(NodeId node, uint32_t begin, uint32_t end);

  // A text that lives as long as the program.
  absl::string_view Keep(std::string text);
  absl::Status Error(size_t offset, absl::string_view message) const;
  const Node& node(NodeId id) const { return data_->nodes[id]; }
  // `root` must be of the type.
  absl::StatusOr<Program> Finish(NodeId root, Type expected);

 private:
  absl::StatusOr<NodeId> Add(Node node);
  absl::StatusOr<NodeId> Join(Op op, Type type, NodeId a, NodeId b);
  absl::Status Expect(NodeId id, Type type, absl::string_view where) const;
  absl::StatusOr<std::vector<Value>> Arrange(const Function& function, const Token& name,
                                             const std::vector<Argument>& arguments) const;
  absl::StatusOr<NodeId> TextTest(Op op, const Token& name, const std::vector<NodeId>& operands,
                                  uint32_t end);

  const absl::string_view source_;
  const Origin& origin_;
  std::shared_ptr<Program::Data> data_;
};

}  // namespace kindred::expression

#endif  // KINDRED_EXPRESSION_BUILDER_H_
