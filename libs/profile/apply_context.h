// What an event means in a node's own numbers, as Profile::Apply() takes it.
#ifndef KINDRED_PROFILE_APPLY_CONTEXT_H_
#define KINDRED_PROFILE_APPLY_CONTEXT_H_

#include "base/strong_int.h"
#include "clean/outliers.h"
#include "learn/forward_decay.h"

namespace kindred::profile {

// The event's names as numbers (0: not named), after what it lacks was filled from the catalogue.
struct ApplyContext {
  const learn::ForwardDecay* affinity_decay = nullptr;  // the same for the life of the state
  const clean::OutlierRules* outlier_rules = nullptr;   // never null
  TermId default_currency;                              // the node's; never changes either
  ItemId item;
  TermId category;
  TermId brand;
  TermId channel;
  TermId device;
  TermId country;
  TermId region;
  TermId city;
  TermId currency;  // 0 is taken as the default
};

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_APPLY_CONTEXT_H_
