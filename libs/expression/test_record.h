// A schema with every type, and one customer of it; for tests, the fuzz target and the benchmark.
#ifndef KINDRED_EXPRESSION_TEST_RECORD_H_
#define KINDRED_EXPRESSION_TEST_RECORD_H_

#include <algorithm>
#include <vector>

#include "absl/strings/string_view.h"
#include "expression/program.h"

namespace kindred::expression {

enum TestField {
  kTestCountry,
  kTestCity,  // absent
  kTestPurchases,
  kTestSpend,
  kTestRating,  // absent
  kTestLastPurchase,
  kTestFirstSeen,
  kTestNever,  // a time, absent
  kTestGap,
  kTestConsent,
  kTestRefused,
  kTestUnsaid,  // a bool, absent
  kTestTags,
  kTestEmpty,
};
enum TestFunction { kTestTrait, kTestViews };

constexpr int64_t kTestNowMs = 1'795'348'800'000;  // 2026-11-22T12:00:00Z
constexpr int64_t kTestDayMs = 86'400'000;

inline const Schema& TestSchema() {
  static const Schema* const schema = [] {
    auto* made = new Schema;
    made->Add(Field{kTestCountry, "country", Type::kText, "Usual country."});
    made->Add(Field{kTestCity, "geo.city", Type::kText, "Last city."});
    made->Add(Field{kTestPurchases, "purchases", Type::kNumber, "Number of purchases."});
    made->Add(Field{kTestSpend, "spend", Type::kNumber, "Sum of amounts."});
    made->Add(Field{kTestRating, "rating", Type::kNumber, "Mean rating; absent without one."});
    made->Add(Field{kTestLastPurchase, "last_purchase", Type::kTime, "Newest purchase."});
    made->Add(Field{kTestFirstSeen, "first_seen", Type::kTime, "First event."});
    made->Add(Field{kTestNever, "last_refund", Type::kTime, "Newest refund; absent without one."});
    made->Add(Field{kTestGap, "gap", Type::kDuration, "Mean time between purchases."});
    made->Add(Field{kTestConsent, "consent", Type::kBool, "Marketing is allowed."});
    made->Add(Field{kTestRefused, "refused", Type::kBool, "Marketing is refused."});
    made->Add(Field{kTestUnsaid, "unsaid", Type::kBool, "Absent."});
    made->Add(Field{kTestTags, "tags", Type::kTextSet, "Names of tags."});
    made->Add(Field{kTestEmpty, "labels", Type::kTextSet, "No labels."});
    made->Add(Function{kTestTrait,
                       "trait",
                       {Parameter{"name", Type::kText, true, "of the trait"}},
                       Type::kText,
                       "A trait as text; absent without it."});
    made->Add(Function{kTestViews,
                       "views",
                       {Parameter{"category", Type::kText, false, "only of this one"},
                        Parameter{"within", Type::kDuration, false, "before now"},
                        Parameter{"at_least", Type::kNumber, false, "a price"},
                        Parameter{"known", Type::kBool, false, "only of known items"},
                        Parameter{"since", Type::kTime, false, "from this time"}},
                       Type::kNumber,
                       "Number of views."});
    return made;
  }();
  return *schema;
}

// Gold customer from DE: 4 purchases, spend 120.5, last bought 10 days before kTestNowMs, first
// seen 100 days before, gap 20 days, tags tea and gold; trait plan = Pro; viewed tea 1, 3 and 9
// days before kTestNowMs.
class TestRecord : public Record {
 public:
  Value Field(int id) const override {
    switch (id) {
      case kTestCountry:
        return Value::Text("DE");
      case kTestPurchases:
        return Value::Number(4);
      case kTestSpend:
        return Value::Number(120.5);
      case kTestLastPurchase:
        return Value::Time(kTestNowMs - 10 * kTestDayMs);
      case kTestFirstSeen:
        return Value::Time(kTestNowMs - 100 * kTestDayMs);
      case kTestGap:
        return Value::Duration(20 * kTestDayMs);
      case kTestConsent:
        return Value::Bool(true);
      case kTestRefused:
        return Value::Bool(false);
      case kTestTags:
        return Value::TextSet(kTags);
      case kTestEmpty:
        return Value::TextSet({});
      default:
        return Value::Absent();
    }
  }
  Value Call(const CallSite& call) const override {
    const Value& first = call.arguments[0];
    if (call.function == kTestTrait) {
      return first.text() == "plan" ? Value::Text("Pro") : Value::Absent();
    }
    if (first.present && first.text() != "tea") return Value::Number(0);
    const Value& within = call.arguments[1];
    int count = 0;
    int64_t until_ms = kForever;
    for (const int days : {9, 3, 1}) {
      const int64_t time_ms = kTestNowMs - days * kTestDayMs;
      if (within.present) {
        if (time_ms <= now_ms - within.ms) continue;
        until_ms = std::min(until_ms, time_ms + within.ms);
      }
      ++count;
    }
    return Value::Number(count).Until(until_ms);
  }
  int64_t now_ms = kTestNowMs;

 private:
  static constexpr absl::string_view kTags[] = {"tea", "gold"};
};

}  // namespace kindred::expression

#endif  // KINDRED_EXPRESSION_TEST_RECORD_H_
