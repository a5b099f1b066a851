// A partition against the oracle, and two stores against each other.
#ifndef KINDRED_SIMULATION_COMPARISON_H_
#define KINDRED_SIMULATION_COMPARISON_H_

#include <map>
#include <string>
#include <utility>

#include "node/partition.h"
#include "simulation/oracle.h"
#include "store/store.h"

namespace kindred::simulation {

// The first thing that differs, in words; empty when nothing does.
std::string Difference(const node::Partition& partition, const node::SharedState& shared,
                       const node::ColdReader& cold, const OracleState& expected);

// The same of one id's links, as its partition keeps them, against Linked().
std::string LinkDifference(const node::Partition& partition, const node::ColdReader& cold,
                           const std::string& id,
                           const std::map<std::pair<std::string, std::string>, bool>& expected);

// The first record of the partition that differs; outboxes are left out.
std::string Difference(const store::Store& actual, const store::Store& expected,
                       PartitionId partition);

}  // namespace kindred::simulation

#endif  // KINDRED_SIMULATION_COMPARISON_H_
