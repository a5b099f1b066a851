#include "event/event.h"

#include <memory>
#include <utility>

namespace kindred::event {

void Event::Clear() {
  std::vector<JsonField> kept_traits = std::move(traits);
  std::vector<JsonField> kept_properties = std::move(properties);
  std::vector<ConsentChange> kept_consents = std::move(consents);
  kept_traits.clear();
  kept_properties.clear();
  kept_consents.clear();
  // Written in place; an assignment would make one and copy it.
  std::destroy_at(this);
  std::construct_at(this);
  traits = std::move(kept_traits);
  properties = std::move(kept_properties);
  consents = std::move(kept_consents);
}

}  // namespace kindred::event
