// What a worker needs to move a partition forward.
#ifndef KINDRED_NODE_WORKBENCH_H_
#define KINDRED_NODE_WORKBENCH_H_

#include <vector>

#include "clean/cleaner.h"
#include "event/decoder.h"
#include "event/event.h"
#include "node/catalogue.h"
#include "node/shared_state.h"
#include "recommend/pair_table.h"

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
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_WORKBENCH_H_
