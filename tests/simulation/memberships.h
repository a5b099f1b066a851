// Audiences in the simulation: who is judged when, and what a reader of the changes knows of it.
#ifndef KINDRED_SIMULATION_MEMBERSHIPS_H_
#define KINDRED_SIMULATION_MEMBERSHIPS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "node/outbox_entry.h"
#include "node/partition.h"
#include "simulation/oracle.h"

namespace kindred::simulation {

// A reader of the audience topic, which gets messages again and late, and outlives the processes.
class Memberships {
 public:
  explicit Memberships(size_t partitions) : heard_(partitions) {}

  // Judges those of all customers that `chosen` is true of, by their profiles as they are.
  static void Judge(node::Partition* partition, const node::ColdReader& cold,
                    absl::FunctionRef<bool()> chosen);
  // A change that was produced. Internal: its number came before with something else in it.
  absl::Status Hear(const node::OutboxEntry& entry);
  // The first thing in which what was heard, folded, is not who belongs to the audiences; empty
  // when nothing is.
  std::string Difference(size_t p, const OracleState& expected) const;

 private:
  // By partition and number: the message.
  std::vector<std::map<uint64_t, std::string>> heard_;
};

}  // namespace kindred::simulation

#endif  // KINDRED_SIMULATION_MEMBERSHIPS_H_
