// What a partition's state must be after a prefix of its log, by the specification alone: shares no
// code with the product and does not read its bytes.
#ifndef KINDRED_SIMULATION_ORACLE_H_
#define KINDRED_SIMULATION_ORACLE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "simulation/simulated_log.h"

namespace kindred::simulation {

struct OracleCustomer {
  std::map<std::string, int64_t> by_type;
  int64_t first_seen_ms = 0;
  int64_t last_seen_ms = 0;
  int64_t purchase_lines = 0;
  int64_t purchase_cents = 0;
  int64_t units = 0;
  int64_t refund_lines = 0;
  int64_t refund_cents = 0;
  std::set<int64_t> purchase_times;  // its size is the frequency
  int64_t late = 0;
  // Events with an item, by time; of equal times the later arrival is the newer.
  std::multimap<int64_t, std::string> items;
};

struct OracleState {
  int64_t read = 0;
  int64_t accepted = 0;
  int64_t duplicates = 0;
  int64_t late = 0;
  int64_t skipped_offsets = 0;
  int64_t newest_event_ms = 0;
  std::map<std::string, int64_t> rejected;                    // by reason
  std::vector<std::pair<int64_t, std::string>> dead_letters;  // offset and reason, in order
  std::map<std::string, OracleCustomer> customers;
};

// Whether two ids are one customer by the newest word on them in all logs; an unlink wins a tie. By
// pair in the order of their names; pairs that no event named are absent.
std::map<std::pair<std::string, std::string>, bool> Linked(const std::vector<PartitionLog>& logs);

// Folds the records with offsets below `next`.
OracleState Fold(const PartitionLog& log, int64_t next);

}  // namespace kindred::simulation

#endif  // KINDRED_SIMULATION_ORACLE_H_
