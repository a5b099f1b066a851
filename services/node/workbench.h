// What a worker needs to move a partition forward.
#ifndef KINDRED_NODE_WORKBENCH_H_
#define KINDRED_NODE_WORKBENCH_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clean/cleaner.h"
#include "event/decoder.h"
#include "event/event.h"
#include "node/catalogue.h"
#include "node/rule_set.h"
#include "node/shared_state.h"
#include "profile/profile.h"
#include "recommend/interaction.h"

namespace kindred::node {

// What a worker needs for itself; any partition's records may go through it.
struct Workbench {
  explicit Workbench(const SharedOptions& options);
  event::Decoder decoder;
  clean::Cleaner cleaner;
  std::vector<event::Event> events;
  std::vector<event::Header> headers;
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

}  // namespace kindred::node

#endif  // KINDRED_NODE_WORKBENCH_H_
