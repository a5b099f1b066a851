// What a program is made of: a flat tree, children before parents. Internal to the library.
#ifndef KINDRED_EXPRESSION_TREE_H_
#define KINDRED_EXPRESSION_TREE_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "expression/program.h"

namespace kindred::expression {

enum class Op : uint8_t {
  kConstant,  // index: of constants
  kField,     // index: of field_ids
  kCall,      // index: of calls
  kNow,
  kAnd,  // children a and b
  kOr,
  kNot,  // child a
  kEqual,
  kLess,
  kLessEqual,
  kBetween,  // b <= a and a <= c
  kInTexts,  // index: of text_lists
  kInNumbers,
  kInSet,  // a is one of the set b
  kHas,
  kStartsWith,
  kEndsWith,
  kContains,
  kLower,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kNegate,
  kAbs,
  kMin,
  kMax,
};

using NodeId = uint16_t;

struct Node {
  Op op = Op::kConstant;
  Type type = Type::kBool;
  bool negated = false;  // for `!=`, `not in`, `not between`
  NodeId a = 0;
  NodeId b = 0;
  NodeId c = 0;
  uint32_t index = 0;
  uint32_t begin = 0;  // bytes of the source
  uint32_t end = 0;
};

struct Program::Data {
  std::string source;
  Type type = Type::kBool;
  NodeId root = 0;
  bool uses_now = false;
  std::vector<Node> nodes;
  std::vector<Value> constants;
  std::vector<std::vector<absl::string_view>> text_lists;  // sorted
  std::vector<std::vector<double>> number_lists;           // sorted; times and durations in ms
  std::vector<CallSite> calls;
  std::vector<int> field_ids;
  std::deque<std::string> texts;  // what the views above point at
};

}  // namespace kindred::expression

#endif  // KINDRED_EXPRESSION_TREE_H_
