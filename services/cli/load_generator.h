// Events of a shop that does not exist: the same from the same options, on every machine.
#ifndef KINDRED_CLI_LOAD_GENERATOR_H_
#define KINDRED_CLI_LOAD_GENERATOR_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "event/event.h"
#include "learn/random.h"

namespace kindred::cli {

// Ranks 0 … n-1 with probability proportional to (rank + 1)^-skew, in constant time and memory:
// rejection-inversion (W. Hörmann, G. Derflinger, "Rejection-inversion to generate variates from
// monotone discrete distributions", ACM TOMACS 6(3), 1996). Skew 0 is uniform.
// Threads: one (the random numbers are the caller's).
class ZipfRanks {
 public:
  ZipfRanks(uint64_t n, double skew);  // n >= 1, 0 <= skew <= 10
  uint64_t Next(learn::Random* random) const;

 private:
  double Integral(double x) const;
  double Inverse(double y) const;
  double Mass(double x) const;

  double n_, skew_, first_, last_, accept_;
};

enum class LoadFormat : uint8_t { kJson, kSegmentJson, kProtobuf };

struct LoadOptions {
  uint64_t seed = 1;
  uint64_t customers = 200'000;
  uint64_t items = 50'000;
  uint64_t categories = 200;
  uint64_t brands = 500;
  double customer_skew = 1.0;
  double item_skew = 1.0;
  // Customers who are about at once. Each step of a session takes the time of so many records.
  uint64_t sessions = 2000;
  // Shares of the records.
  double duplicates = 0.01;  // an earlier record again, byte for byte
  double late = 0.02;        // an event time one hour to three days back
  double bad = 0.001;        // truncated, empty, noise, or from the year 9999
  // Share of the events that also name one of the customer's three browsers.
  double anonymous = 0;
  LoadFormat format = LoadFormat::kJson;
};

// InvalidArgument names the option that makes no sense.
absl::Status Validate(const LoadOptions& options);

enum class LoadKind : uint8_t { kNormal, kDuplicate, kLate, kBad };
inline constexpr int kLoadKinds = 4;
const char* LoadKindName(LoadKind kind);  // "normal", "duplicate" …

struct LoadRecord {
  std::string key;    // the customer
  std::string value;  // in the format of the options
  LoadKind kind = LoadKind::kNormal;
};

// Several customers are about at once, each in a session: page or search, then views of items that
// mostly share a category, some put into the cart, and at the end perhaps one order of the cart's
// items. Customers and items are drawn by Zipf's law; an item's category, brand and price are
// functions of its number.
// Threads: one.
class LoadGenerator {
 public:
  explicit LoadGenerator(const LoadOptions& options);

  // The next record; it lives until the next call. `time_ms` is the event time, which should not
  // fall from call to call; a late event lies before it.
  const LoadRecord& Next(int64_t time_ms);

 private:
  struct Session {
    uint64_t customer = 0;
    uint64_t number = 0;  // of all sessions
    uint32_t views_left = 0;
    uint64_t home_category = 0;
    bool opened = false;
    bool ordering = false;
    uint64_t last_item = 0;
    bool has_last_item = false;
    std::vector<uint64_t> cart;
  };

  void Begin(Session* session);
  // Fills event_ with the session's next step; begins a new session after its last.
  void Step(Session* session);
  uint64_t PickItem(const Session& session);
  void SetItem(uint64_t item, event::EventType type);
  void Encode(LoadRecord* record);
  void Spoil(LoadRecord* record);

  const LoadOptions options_;
  learn::Random random_;
  const ZipfRanks customers_;
  const ZipfRanks items_;
  std::vector<Session> sessions_;
  uint64_t begun_ = 0;
  uint64_t sequence_ = 0;
  event::Event event_;
  // What event_ points into.
  std::string event_id_, user_id_, anonymous_id_, item_id_, category_, brand_, title_, query_,
      session_id_, order_id_;
  LoadRecord record_;
  std::deque<LoadRecord> sent_;  // the latest, to be sent again
};

}  // namespace kindred::cli

#endif  // KINDRED_CLI_LOAD_GENERATOR_H_
