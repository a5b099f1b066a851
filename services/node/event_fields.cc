#include "node/event_fields.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "profile/features.h"

namespace kindred::node {
namespace {

using expression::Parameter;
using expression::Schema;
using expression::Type;
using expression::Value;

struct TextField {
  const char* name;
  absl::string_view clean::CleanEvent::*member;
  bool settable;
  const char* doc;
};
constexpr TextField kTexts[] = {
    {"customer_id", &clean::CleanEvent::customer_id, false, "user_id, else anonymous_id."},
    {"user_id", &clean::CleanEvent::user_id, false, "As the producer gave it."},
    {"anonymous_id", &clean::CleanEvent::anonymous_id, false, "As the producer gave it."},
    {"custom_type", &clean::CleanEvent::custom_type, false,
     "Name of a type of the producer's own."},
    {"item_id", &clean::CleanEvent::item_id, false, "The item."},
    {"currency", &clean::CleanEvent::currency, false, "Of price and amount."},
    {"order_id", &clean::CleanEvent::order_id, false, "The order."},
    {"session_id", &clean::CleanEvent::session_id, false, "The producer's session."},
    {"category", &clean::CleanEvent::category, true, "Of the item."},
    {"brand", &clean::CleanEvent::brand, true, "Of the item."},
    {"title", &clean::CleanEvent::title, true, "Of the item."},
    {"query", &clean::CleanEvent::query, true, "What was searched for."},
    {"channel", &clean::CleanEvent::channel, true, "web, app, store …"},
    {"device", &clean::CleanEvent::device, true, "As the producer names it."},
    {"country", &clean::CleanEvent::country, true, "Two capital letters."},
    {"region", &clean::CleanEvent::region, true, "As the producer names it."},
    {"city", &clean::CleanEvent::city, true, "As the producer names it."}};
constexpr int kTextFields = static_cast<int>(std::size(kTexts));

enum NumberField : int { kType = 100, kQuantity, kPrice, kAmount, kRating, kEventTime, kArrival };
enum EventFunction : int { kProperty, kTraitOf };

Value JsonText(absl::string_view json) {
  if (json == "null") return Value::Absent();
  if (json.size() < 2 || json.front() != '"') return Value::Text(json);
  return Value::Text(json.substr(1, json.size() - 2));
}

}  // namespace

const Schema& EventSchema() {
  static const Schema* const schema = [] {
    auto* made = new Schema;
    for (int i = 0; i < kTextFields; ++i) {
      made->Add(expression::Field{i, kTexts[i].name, Type::kText, kTexts[i].doc});
    }
    const auto add = [made](int id, const char* name, Type type, const char* doc) {
      made->Add(expression::Field{id, name, type, doc});
    };
    add(kType, "type", Type::kText, "\"view\", \"purchase\" …; \"custom\" for types of one's own.");
    add(kQuantity, "quantity", Type::kNumber, "Of the line; 1 if not given.");
    add(kPrice, "price", Type::kNumber, "Of one unit; absent if not known.");
    add(kAmount, "amount", Type::kNumber, "Of the line; absent if not known.");
    add(kRating, "rating", Type::kNumber, "Absent if it is no rating.");
    add(kEventTime, "event_time", Type::kTime, "When it happened.");
    add(kArrival, "arrival_time", Type::kTime, "When Kafka got it; the same as now.");
    const auto call = [made](int id, const char* name, const char* doc) {
      made->Add(expression::Function{
          id, name, {Parameter{"name", Type::kText, true, "its name"}}, Type::kText, doc});
    };
    call(kProperty, "property", "A free-form property as text; absent without it.");
    call(kTraitOf, "trait", "A trait that the event tells, as text; absent without it.");
    return made;
  }();
  return *schema;
}

bool MayBeSet(int field) { return field >= 0 && field < kTextFields && kTexts[field].settable; }

std::vector<absl::string_view> SettableNames() {
  std::vector<absl::string_view> names;
  for (const TextField& field : kTexts) {
    if (field.settable) names.push_back(field.name);
  }
  return names;
}

bool IsFeature(absl::string_view name) { return profile::FeatureByName(name) >= 0; }

Value EventRecord::Field(int id) const {
  if (id >= 0 && id < kTextFields) {
    const absl::string_view text = event_.*kTexts[id].member;
    return text.empty() ? Value::Absent() : Value::Text(text);
  }
  switch (id) {
    case kType:
      return Value::Text(event::EventTypeName(event_.type));
    case kQuantity:
      return Value::Number(event_.quantity);
    case kPrice:
      return event_.has_price ? Value::Number(event_.price) : Value::Absent();
    case kAmount:
      return event_.has_amount ? Value::Number(event_.amount) : Value::Absent();
    case kRating:
      return event_.has_rating ? Value::Number(event_.rating) : Value::Absent();
    case kEventTime:
      return Value::Time(event_.event_time_ms);
    default:
      return Value::Time(event_.arrival_ms);
  }
}

Value EventRecord::Call(const expression::CallSite& call) const {
  const auto& fields = call.function == kProperty ? *event_.properties : *event_.traits;
  for (const event::JsonField& field : fields) {
    if (field.name == call.arguments[0].text()) return JsonText(field.json);
  }
  return Value::Absent();
}

Verdict ApplyCleaning(const RuleSet& rules, clean::CleanEvent* event,
                      std::deque<std::string>* texts) {
  Verdict verdict;
  const EventRecord record(event);
  for (size_t i = 0; i < rules.cleaning.size(); ++i) {
    const CleaningRule& rule = rules.cleaning[i];
    if (!rule.when.Test(record, event->arrival_ms).value) continue;
    verdict.matched |= uint64_t{1} << i;
    if (rule.action == CleaningAction::kDrop) {
      verdict.dropped_by = &rule;
      return verdict;
    }
    for (const CleaningRule::Assignment& assignment : rule.set) {
      const Value value = assignment.value.Evaluate(record, event->arrival_ms);
      absl::string_view text = value.present ? value.text() : absl::string_view();
      if (value.folded) {
        texts->push_back(absl::AsciiStrToLower(text));
        text = texts->back();
      }
      event->*kTexts[assignment.field].member = text;
    }
  }
  return verdict;
}

}  // namespace kindred::node
