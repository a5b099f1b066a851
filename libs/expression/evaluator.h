// One evaluation of a program: the tree, a record and an instant. Internal to the library.
//
// Besides its value, each part knows until when it holds. A number, time or duration knows how fast
// `now` moves it (Value::slope), so a comparison knows the instant at which its sides meet.
#ifndef KINDRED_EXPRESSION_EVALUATOR_H_
#define KINDRED_EXPRESSION_EVALUATOR_H_

#include <cstdint>

#include "expression/program.h"
#include "expression/tree.h"

namespace kindred::expression {

class Evaluator {
 public:
  Evaluator(const Program::Data& data, const Record& record, int64_t now_ms)
      : data_(data), record_(record), now_ms_(now_ms) {}
  Outcome Test(NodeId id) const;  // of a node of type bool
  Value Get(NodeId id) const;
  Clause Explain(NodeId id) const;

 private:
  Outcome And(const Node& node) const;
  Outcome Or(const Node& node) const;
  Outcome Equal(const Value& a, const Value& b) const;
  Outcome Less(const Value& a, const Value& b, bool or_equal) const;
  Outcome Between(const Node& node) const;
  Outcome InTexts(const Node& node) const;
  Outcome InNumbers(const Node& node) const;
  Outcome InSet(const Node& node) const;
  Outcome TextTest(const Node& node) const;
  Value Asked(const Node& node) const;  // a field or a call
  Value Add(const Value& a, const Value& b, int sign, Type type) const;
  Value Multiply(const Value& a, const Value& b, Type type) const;
  Value Divide(const Value& a, const Value& b, Type type) const;
  Value Negate(Value a) const;
  Value Least(const Value& a, const Value& b, bool greatest) const;
  // The instant from which a - b may have another sign.
  int64_t MeetMs(const Value& a, const Value& b) const;
  void Flatten(NodeId id, Op op, Clause* out) const;
  void CollectOperands(NodeId id, Clause* out) const;
  std::string SourceOf(const Node& node) const;

  const Program::Data& data_;
  const Record& record_;
  const int64_t now_ms_;
};

}  // namespace kindred::expression

#endif  // KINDRED_EXPRESSION_EVALUATOR_H_
