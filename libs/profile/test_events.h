// Events for the tests of this library, made by the real Cleaner.
#ifndef KINDRED_PROFILE_TEST_EVENTS_H_
#define KINDRED_PROFILE_TEST_EVENTS_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/dictionary.h"
#include "clean/cleaner.h"
#include "event/event.h"
#include "learn/forward_decay.h"
#include "profile/profile.h"

namespace kindred::profile {

inline constexpr int64_t kTestStartMs = 1'750'000'000'000;  // 2025-06-15T15:06:40Z, a Sunday
inline constexpr int64_t kTestDayMs = 86'400'000;

struct TestEvent {
  event::EventType type = event::EventType::kView;
  int64_t time_ms = kTestStartMs;
  std::string item = "sku-1";
  std::string category;
  std::string brand;
  double price = 0;
  double quantity = 1;
  std::string currency = "EUR";
  std::string channel;
  std::string device;
  std::string country;
  std::string city;
  double rating = 0;
  std::string anonymous_id;
  std::string previous_id;
  std::string group_id;
  std::vector<std::pair<std::string, std::string>> traits;
  std::vector<std::pair<std::string, bool>> consents;
  int64_t arrival_delay_ms = 1000;
};

// Applies test events as a node would: clean, intern, apply. EUR is the default currency.
class TestApplier {
 public:
  void Apply(const TestEvent& from, Profile* profile) {
    profile->Apply(Clean(from), Context(from));
  }
  bool Undo(const TestEvent& from, Profile* profile) {
    return profile->Undo(Clean(from), Context(from));
  }

  Profile ApplyAll(const std::vector<TestEvent>& events) {
    Profile profile;
    for (const TestEvent& event : events) Apply(event, &profile);
    return profile;
  }
  TermId Term(const std::string& name) { return TermId(terms_.Intern(name)); }
  ItemId Item(const std::string& name) { return ItemId(items_.Intern(name)); }
  const learn::ForwardDecay& decay() const { return decay_; }

 private:
  const clean::CleanEvent& Clean(const TestEvent& from) {
    event_.Clear();
    event_.event_id = "e";
    event_.user_id = "u-1";
    event_.anonymous_id = from.anonymous_id;
    event_.previous_id = from.previous_id;
    event_.group_id = from.group_id;
    event_.type = from.type;
    event_.event_time_ms = from.time_ms;
    event_.item_id = from.item;
    event_.quantity = from.quantity;
    if (from.price > 0) event_.price = from.price;
    event_.currency = from.currency;
    if (from.rating > 0) event_.rating = from.rating;
    for (const auto& [name, json] : from.traits) event_.traits.push_back({name, json});
    for (const auto& [purpose, granted] : from.consents) {
      event_.consents.push_back({purpose, granted});
    }
    const clean::Outcome outcome = cleaner_.Clean(event_, from.time_ms + from.arrival_delay_ms);
    KINDRED_CHECK(outcome.ok()) << "rejected: " << outcome.rejection->detail;
    return *outcome.event;
  }
  ApplyContext Context(const TestEvent& from) {
    ApplyContext context;
    context.affinity_decay = &decay_;
    context.outlier_rules = &rules_.outliers;
    context.default_currency = Term("EUR");
    context.item = Item(from.item);
    context.category = Term(from.category);
    context.brand = Term(from.brand);
    context.channel = Term(from.channel);
    context.device = Term(from.device);
    context.country = Term(from.country);
    context.city = Term(from.city);
    context.currency = Term(from.currency);
    return context;
  }

  clean::CleanRules rules_;
  event::Event event_;
  clean::Cleaner cleaner_{rules_};
  learn::ForwardDecay decay_{30 * kTestDayMs};
  base::Dictionary terms_;
  base::Dictionary items_;
};

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_TEST_EVENTS_H_
