// A log made from a seed: what producers sent, and what a reader of the specification says of it.
#ifndef KINDRED_SIMULATION_SIMULATED_LOG_H_
#define KINDRED_SIMULATION_SIMULATED_LOG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "learn/random.h"

namespace kindred::simulation {

// What a seed decides.
class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  // 0 to bound - 1.
  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(random_.Below(static_cast<uint64_t>(bound)));
  }
  bool Percent(int percent) { return Below(100) < percent; }

 private:
  learn::Random random_;
};

// What is wrong with a record, if anything.
enum class Flaw { kNone, kNotJson, kNoCustomer, kNoItem, kFuture, kNegativePrice, kFreePurchase };

// What the producer meant; the oracle reads this and never the bytes.
struct Sent {
  std::string event_id;
  std::string customer;
  std::string type;   // view, purchase, refund, identify, delete, alias, unlink, message
  std::string other;  // alias, unlink: the other id
  std::string item;
  int64_t quantity = 1;
  int64_t price_cents = 0;
  int64_t time_ms = 0;
  Flaw flaw = Flaw::kNone;
};

struct LogRecord {
  int64_t offset = 0;
  int64_t arrival_ms = 0;
  std::string key;
  std::string value;
  Sent sent;
};

// Offsets ascend, with gaps. Events repeat with the same id within the window of duplicates and
// beyond it, never near its edge, which the specification leaves open by one bucket.
using PartitionLog = std::vector<LogRecord>;
std::vector<PartitionLog> MakeLogs(uint64_t seed);

// A record that a partition sends to another one; what it says is between the two.
LogRecord Message(const PartitionLog& log, std::string id, std::string key, std::string value,
                  int64_t time_ms);

// Ids that alias and unlink events name, and the partition that has their events.
std::vector<std::string> AllLinkedIds();
size_t PartitionOfLinkedId(const std::string& id, size_t partitions);

// Everything that MakeLogs() may name.
std::vector<std::string> AllItems();
std::vector<std::string> AllTerms();
std::vector<std::string> AllCustomers();

}  // namespace kindred::simulation

#endif  // KINDRED_SIMULATION_SIMULATED_LOG_H_
