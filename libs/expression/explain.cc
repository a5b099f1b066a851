#include "absl/strings/ascii.h"
#include "expression/evaluator.h"

namespace kindred::expression {

// As it is written, with white space of any length as one space.
std::string Evaluator::SourceOf(const Node& node) const {
  std::string text = data_.source.substr(node.begin, node.end - node.begin);
  absl::RemoveExtraAsciiWhitespace(&text);
  return text;
}

void Evaluator::Flatten(NodeId id, Op op, Clause* out) const {
  const Node& node = data_.nodes[id];
  if (node.op == op) {
    Flatten(node.a, op, out);
    Flatten(node.b, op, out);
  } else {
    out->parts.push_back(Explain(id));
  }
}

void Evaluator::CollectOperands(NodeId id, Clause* out) const {
  const Node& node = data_.nodes[id];
  switch (node.op) {
    case Op::kConstant:
      return;
    case Op::kField:
    case Op::kCall:
    case Op::kNow: {
      Clause::Operand operand{SourceOf(node), Get(id).ToString()};
      for (const Clause::Operand& known : out->operands) {
        if (known.text == operand.text) return;
      }
      out->operands.push_back(std::move(operand));
      return;
    }
    default:
      break;
  }
  CollectOperands(node.a, out);
  if (node.b != node.a) CollectOperands(node.b, out);
  if (node.op == Op::kBetween) CollectOperands(node.c, out);
}

Clause Evaluator::Explain(NodeId id) const {
  const Node& node = data_.nodes[id];
  Clause clause;
  clause.text = SourceOf(node);
  clause.value = Test(id).value;
  if (node.op == Op::kAnd || node.op == Op::kOr) {
    Flatten(id, node.op, &clause);
  } else if (node.op == Op::kNot) {
    clause.parts.push_back(Explain(node.a));
  } else {
    CollectOperands(id, &clause);
  }
  return clause;
}

}  // namespace kindred::expression
