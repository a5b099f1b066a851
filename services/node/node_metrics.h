// What a node tells Prometheus beyond what its parts count themselves: figures read from the
// partitions when the page is rendered.
#ifndef KINDRED_NODE_NODE_METRICS_H_
#define KINDRED_NODE_NODE_METRICS_H_

#include <memory>
#include <vector>

#include "node/checkpointer.h"
#include "node/ingest.h"
#include "node/learner.h"
#include "node/partition_set.h"
#include "node/shared_state.h"
#include "store/store.h"
#include "telemetry/metrics.h"

namespace kindred::node {

// Everything passed in must outlive the collectors returned.
std::vector<std::unique_ptr<telemetry::Registry::Collector>> AddNodeCollectors(
    telemetry::Registry* registry, const SharedState* shared, const PartitionSet* partitions,
    const store::Store* store, const Checkpointer* checkpointer, const Ingest* ingest,
    const Learner* learner);

}  // namespace kindred::node

#endif  // KINDRED_NODE_NODE_METRICS_H_
