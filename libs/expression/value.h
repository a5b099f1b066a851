// The values of the language, as a record gives them and as a program makes them.
//
// A value may be absent: a field that a customer does not have. What that means for each operator
// is in README.md; in short: a comparison with it is false, arithmetic with it is absent.
// Ownership: texts and sets are views; who makes a value keeps them alive during the evaluation.
#ifndef KINDRED_EXPRESSION_VALUE_H_
#define KINDRED_EXPRESSION_VALUE_H_

#include <cstdint>
#include <limits>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kindred::expression {

enum class Type : uint8_t { kBool, kNumber, kText, kTime, kDuration, kTextSet };

// "bool", "number", "text", "time", "duration", "set of text".
absl::string_view TypeName(Type type);

constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

class Value {
 public:
  Value() = default;  // absent
  static Value Absent() { return Value(); }
  static Value Bool(bool value);
  static Value Number(double value);  // absent unless finite
  static Value Text(absl::string_view value);
  static Value Time(int64_t ms);      // since 1970, UTC
  static Value Duration(int64_t ms);  // may be negative
  static Value TextSet(absl::Span<const absl::string_view> value);

  // The value holds until this instant if nothing happens to the customer: a count of the last
  // seven days, until its oldest event is seven days old. kForever if time does not change it.
  Value& Until(int64_t time_ms) {
    until_ms = time_ms;
    return *this;
  }

  bool present = false;
  bool folded = false;  // a text that is read with A to Z as a to z
  Type type = Type::kBool;
  union {
    double number = 0;
    int64_t ms;
    bool boolean;
    struct {
      const void* data;  // of the text or of the set
      size_t size;
    } view;
  };
  int64_t until_ms = kForever;
  double slope = 0;  // how much a number, time or duration grows in a millisecond of `now`

  absl::string_view text() const {
    return absl::string_view(static_cast<const char*>(view.data), view.size);
  }
  absl::Span<const absl::string_view> set() const {
    return absl::MakeConstSpan(static_cast<const absl::string_view*>(view.data), view.size);
  }
  // As a person reads it: 2.5, "tea", 2026-11-22T10:00:00Z, 3d 4h, ["a", "b"], true, absent.
  std::string ToString() const;
};

// As it is written in an expression, or "3d 4h" for what has no single unit.
std::string DurationText(int64_t ms);

}  // namespace kindred::expression

#endif  // KINDRED_EXPRESSION_VALUE_H_
