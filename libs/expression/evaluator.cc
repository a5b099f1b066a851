#include "expression/evaluator.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace kindred::expression {
namespace {

char Folded(char c, bool fold) { return fold ? absl::ascii_tolower(c) : c; }

// Below, at or above 0, as bytes.
int CompareTexts(absl::string_view a, bool fold_a, absl::string_view b, bool fold_b) {
  if (!fold_a && !fold_b) return a.compare(b);
  const size_t size = std::min(a.size(), b.size());
  for (size_t i = 0; i < size; ++i) {
    const auto x = static_cast<uint8_t>(Folded(a[i], fold_a));
    const auto y = static_cast<uint8_t>(Folded(b[i], fold_b));
    if (x != y) return x < y ? -1 : 1;
  }
  return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

bool SameText(const Value& a, const Value& b) {
  return a.view.size == b.view.size && CompareTexts(a.text(), a.folded, b.text(), b.folded) == 0;
}

bool Holds(const Value& text, const Value& part) {
  const absl::string_view a = text.text();
  const absl::string_view b = part.text();
  if (!text.folded && !part.folded) return absl::StrContains(a, b);
  for (size_t at = 0; at + b.size() <= a.size(); ++at) {
    if (CompareTexts(a.substr(at, b.size()), text.folded, b, part.folded) == 0) return true;
  }
  return false;
}

double AsNumber(const Value& value) {
  return value.type == Type::kNumber ? value.number : static_cast<double>(value.ms);
}

// A value of `type` from a result in doubles; absent when it cannot be held.
Value FromNumber(double result, Type type) {
  if (type == Type::kNumber) return Value::Number(result);
  constexpr double kMaxMs = 9e18;
  if (!(std::abs(result) < kMaxMs)) return Value::Absent();
  return Value::Duration(std::llround(result));
}

Outcome Negated(const Node& node, Outcome outcome) {
  outcome.value ^= node.negated;
  return outcome;
}

}  // namespace

int64_t Evaluator::MeetMs(const Value& a, const Value& b) const {
  const double slope = a.slope - b.slope;
  if (slope == 0) return kForever;
  const bool whole = a.type != Type::kNumber;
  // Exact for times that move with `now`; otherwise sooner by what rounding may hide.
  const double slack = !whole ? 1 : std::abs(slope) == 1 ? 0 : 1 / std::abs(slope);
  const double in_ms = -(AsNumber(a) - AsNumber(b)) / slope;
  if (in_ms + slack < 0) return kForever;
  constexpr double kFar = 1e17;
  if (!(in_ms < kFar)) return kForever;
  return now_ms_ + std::max<int64_t>(1, static_cast<int64_t>(std::floor(in_ms - slack)));
}

Outcome Evaluator::And(const Node& node) const {
  const Outcome a = Test(node.a);
  if (!a.value) return a;
  const Outcome b = Test(node.b);
  if (!b.value) return b;
  return {true, std::min(a.until_ms, b.until_ms)};
}

Outcome Evaluator::Or(const Node& node) const {
  const Outcome a = Test(node.a);
  if (a.value) return a;
  const Outcome b = Test(node.b);
  if (b.value) return b;
  return {false, std::min(a.until_ms, b.until_ms)};
}

Outcome Evaluator::Equal(const Value& a, const Value& b) const {
  const int64_t until_ms = std::min(a.until_ms, b.until_ms);
  if (!a.present || !b.present) return {false, until_ms};
  switch (a.type) {
    case Type::kBool:
      return {a.boolean == b.boolean, until_ms};
    case Type::kText:
      return {SameText(a, b), until_ms};
    case Type::kNumber:
      return {a.number == b.number, std::min(until_ms, MeetMs(a, b))};
    case Type::kTime:
    case Type::kDuration:
      return {a.ms == b.ms, std::min(until_ms, MeetMs(a, b))};
    case Type::kTextSet:
      break;
  }
  return {false, until_ms};
}

Outcome Evaluator::Less(const Value& a, const Value& b, bool or_equal) const {
  const int64_t until_ms = std::min(a.until_ms, b.until_ms);
  if (!a.present || !b.present) return {false, until_ms};
  bool less;
  if (a.type == Type::kNumber) {
    less = or_equal ? a.number <= b.number : a.number < b.number;
  } else {
    less = or_equal ? a.ms <= b.ms : a.ms < b.ms;
  }
  return {less, std::min(until_ms, MeetMs(a, b))};
}

Outcome Evaluator::Between(const Node& node) const {
  const Value value = Get(node.a);
  const Outcome low = Less(Get(node.b), value, true);
  const Outcome high = Less(value, Get(node.c), true);
  return {low.value && high.value, std::min(low.until_ms, high.until_ms)};
}

Outcome Evaluator::InTexts(const Node& node) const {
  const Value value = Get(node.a);
  if (!value.present) return {false, value.until_ms};
  const auto& list = data_.text_lists[node.index];
  const auto found = std::lower_bound(list.begin(), list.end(), value,
                                      [](absl::string_view entry, const Value& x) {
                                        return CompareTexts(entry, false, x.text(), x.folded) < 0;
                                      });
  return {found != list.end() && CompareTexts(*found, false, value.text(), value.folded) == 0,
          value.until_ms};
}

Outcome Evaluator::InNumbers(const Node& node) const {
  const Value value = Get(node.a);
  if (!value.present) return {false, value.until_ms};
  const auto& list = data_.number_lists[node.index];
  const bool in = std::binary_search(list.begin(), list.end(), AsNumber(value));
  return {in, value.slope == 0 ? value.until_ms : now_ms_ + 1};
}

Outcome Evaluator::InSet(const Node& node) const {
  const Value value = Get(node.a);
  const Value set = Get(node.b);
  const int64_t until_ms = std::min(value.until_ms, set.until_ms);
  if (!value.present || !set.present) return {false, until_ms};
  for (const absl::string_view entry : set.set()) {
    if (SameText(value, Value::Text(entry))) return {true, until_ms};
  }
  return {false, until_ms};
}

Outcome Evaluator::TextTest(const Node& node) const {
  const Value text = Get(node.a);
  Value part = Get(node.b);
  const int64_t until_ms = std::min(text.until_ms, part.until_ms);
  if (!text.present || !part.present) return {false, until_ms};
  if (node.op == Op::kContains) return {Holds(text, part), until_ms};
  if (text.view.size < part.view.size) return {false, until_ms};
  const absl::string_view end = node.op == Op::kStartsWith
                                    ? text.text().substr(0, part.view.size)
                                    : text.text().substr(text.view.size - part.view.size);
  return {CompareTexts(end, text.folded, part.text(), part.folded) == 0, until_ms};
}

Outcome Evaluator::Test(NodeId id) const {
  const Node& node = data_.nodes[id];
  switch (node.op) {
    case Op::kAnd:
      return And(node);
    case Op::kOr:
      return Or(node);
    case Op::kNot: {
      const Outcome inner = Test(node.a);
      return {!inner.value, inner.until_ms};
    }
    case Op::kEqual:
      return Negated(node, Equal(Get(node.a), Get(node.b)));
    case Op::kLess:
    case Op::kLessEqual:
      return Less(Get(node.a), Get(node.b), node.op == Op::kLessEqual);
    case Op::kBetween:
      return Negated(node, Between(node));
    case Op::kInTexts:
      return Negated(node, InTexts(node));
    case Op::kInNumbers:
      return Negated(node, InNumbers(node));
    case Op::kInSet:
      return Negated(node, InSet(node));
    case Op::kHas: {
      const Value value = Get(node.a);
      return {value.present, value.until_ms};
    }
    case Op::kStartsWith:
    case Op::kEndsWith:
    case Op::kContains:
      return TextTest(node);
    default: {
      const Value value = Get(id);
      return {value.present && value.boolean, value.until_ms};
    }
  }
}

Value Evaluator::Asked(const Node& node) const {
  const Value value = node.op == Op::kField ? record_.Field(data_.field_ids[node.index])
                                            : record_.Call(data_.calls[node.index]);
  // A record that breaks its word is not to be read as another type.
  return !value.present || value.type == node.type ? value : Value::Absent();
}

Value Evaluator::Add(const Value& a, const Value& b, int sign, Type type) const {
  Value out;
  if (!a.present || !b.present) return out.Until(std::min(a.until_ms, b.until_ms));
  if (type == Type::kNumber) {
    out = Value::Number(a.number + sign * b.number);
  } else {
    int64_t ms;
    const bool overflow = sign > 0 ? __builtin_add_overflow(a.ms, b.ms, &ms)
                                   : __builtin_sub_overflow(a.ms, b.ms, &ms);
    if (!overflow) out = type == Type::kTime ? Value::Time(ms) : Value::Duration(ms);
  }
  out.slope = a.slope + sign * b.slope;
  return out.Until(std::min(a.until_ms, b.until_ms));
}

Value Evaluator::Multiply(const Value& a, const Value& b, Type type) const {
  int64_t until_ms = std::min(a.until_ms, b.until_ms);
  if (!a.present || !b.present) return Value().Until(until_ms);
  Value out = FromNumber(AsNumber(a) * AsNumber(b), type);
  if (a.slope != 0 && b.slope != 0) {
    until_ms = now_ms_ + 1;  // not linear: anything may be true a moment later
  } else {
    out.slope = a.slope * AsNumber(b) + b.slope * AsNumber(a);
  }
  return out.Until(until_ms);
}

Value Evaluator::Divide(const Value& a, const Value& b, Type type) const {
  int64_t until_ms = std::min(a.until_ms, b.until_ms);
  if (b.present && b.slope != 0) until_ms = now_ms_ + 1;
  if (!a.present || !b.present || AsNumber(b) == 0) return Value().Until(until_ms);
  Value out = FromNumber(AsNumber(a) / AsNumber(b), type);
  if (b.slope == 0) out.slope = a.slope / AsNumber(b);
  return out.Until(until_ms);
}

Value Evaluator::Negate(Value a) const {
  if (!a.present) return a;
  if (a.type == Type::kNumber) {
    a.number = -a.number;
  } else if (__builtin_sub_overflow(int64_t{0}, a.ms, &a.ms)) {
    return Value().Until(a.until_ms);
  }
  a.slope = -a.slope;
  return a;
}

Value Evaluator::Least(const Value& a, const Value& b, bool greatest) const {
  int64_t until_ms = std::min(a.until_ms, b.until_ms);
  if (!a.present || !b.present) return Value().Until(until_ms);
  const Outcome less = Less(a, b, false);
  Value out = less.value != greatest ? a : b;
  return out.Until(std::min(until_ms, less.until_ms));
}

Value Evaluator::Get(NodeId id) const {
  const Node& node = data_.nodes[id];
  switch (node.op) {
    case Op::kConstant:
      return data_.constants[node.index];
    case Op::kField:
    case Op::kCall:
      return Asked(node);
    case Op::kNow: {
      Value now = Value::Time(now_ms_);
      now.slope = 1;
      return now;
    }
    case Op::kLower: {
      Value text = Get(node.a);
      text.folded = true;
      return text;
    }
    case Op::kAdd:
    case Op::kSubtract:
      return Add(Get(node.a), Get(node.b), node.op == Op::kAdd ? 1 : -1, node.type);
    case Op::kMultiply:
      return Multiply(Get(node.a), Get(node.b), node.type);
    case Op::kDivide:
      return Divide(Get(node.a), Get(node.b), node.type);
    case Op::kNegate:
      return Negate(Get(node.a));
    case Op::kAbs: {
      const Value value = Get(node.a);
      return Least(value, Negate(value), true);
    }
    case Op::kMin:
    case Op::kMax:
      return Least(Get(node.a), Get(node.b), node.op == Op::kMax);
    default: {
      const Outcome outcome = Test(id);
      return Value::Bool(outcome.value).Until(outcome.until_ms);
    }
  }
}

}  // namespace kindred::expression
