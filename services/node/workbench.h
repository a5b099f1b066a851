// What a worker needs to move a partition forward.
#ifndef KINDRED_NODE_WORKBENCH_H_
#define KINDRED_NODE_WORKBENCH_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/dictionary.h"
#include "clean/clean_event.h"
#include "node/catalogue.h"
#include "node/prepared_record.h"
#include "node/rule_set.h"
#include "node/shared_state.h"
#include "profile/profile.h"
#include "recommend/interaction.h"

namespace kindred::node {

// What an accepted event still has to teach once the records of its slice are applied.
struct Lesson {
  const clean::CleanEvent* event = nullptr;
  profile::ApplyContext context;
  uint64_t customer_hash = 0;
  // In Workbench::touches, what the customer had touched before.
  size_t touches_begin = 0;
  size_t touches_end = 0;
};

// What a worker needs for itself; records of any partition of `shared`, which
// must outlive it, may go through it.
struct Workbench {
  explicit Workbench(SharedState* shared)
      : item_names(&shared->items.names(), kItemSets),
        term_names(&shared->terms.names()),
        turn(shared->options) {}

  static constexpr size_t kItemSets = 1 << 15;  // 2 MiB
  base::DictionaryCache item_names;
  base::DictionaryCache term_names;

  std::deque<PreparedRecord> prepared;  // of a slice; as many as there ever were in one
  PreparedRecord turn;                  // of a record that was not prepared
  std::vector<Lesson> lessons;
  std::vector<recommend::Touch> touches;
  std::vector<recommend::Touch> recent;
  CatalogueItem catalogue_item;
  std::shared_ptr<const RuleSet> rules;  // the operators' rules, as of the generation
  uint64_t rules_generation = 0;
  std::deque<std::string> rule_texts;  // texts that rules made for the event at hand
};

// How the recommender sees an event; none for events that say nothing of items wanted.
std::optional<recommend::Interaction> InteractionOf(event::EventType type);

// The customer's recent items as the recommender takes them, newest first.
void TouchesOf(const profile::Profile& profile, std::vector<recommend::Touch>* touches);
// The same, after what `touches` holds.
void AppendTouches(const profile::Profile& profile, std::vector<recommend::Touch>* touches);

}  // namespace kindred::node

#endif  // KINDRED_NODE_WORKBENCH_H_
