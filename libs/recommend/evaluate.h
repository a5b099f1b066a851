// The offline judge: drives PairTable, ItemIndex and Recommender as the service does and measures
// how well the next items are foretold. All items are ranked; ties count half.
//
// Metrics at k = 20 over queries with a set of true items (one item for next-item tests): p = share
// of queries with a true item in the first 20 (hit rate); mrr = mean of 1 / rank of the first true
// item, 0 beyond 20; recall = true items found / true items; ndcg with binary gains.
#ifndef KINDRED_RECOMMEND_EVALUATE_H_
#define KINDRED_RECOMMEND_EVALUATE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "recommend/interaction.h"
#include "recommend/item_index.h"
#include "recommend/pair_table.h"
#include "recommend/recommender.h"

namespace kindred::recommend {

class Subject;

struct EvaluateOptions {
  DecayOptions decay;
  PairOptions pairs;
  BlendOptions blend;
  // Bound of EvaluationReport::memory_bytes: what the facts of the items leave of it is
  // pairs.max_bytes, at least 1 MiB. 0: pairs.max_bytes alone counts.
  size_t max_index_bytes = 0;
  uint32_t k = 20;
  bool learn = false;  // split: learn the test sessions too, each after its last query
  double sample =
      1.0;  // share of the queries that are scored (every 1/sample-th); learning is whole
  uint32_t sample_phase = 0;           // which of the 1/sample queries in a row; below 1/sample
  uint32_t recent_items = 20;          // what the profile keeps
  int64_t split_interval_ms = 60'000;  // split files have no times: a session every so often
  uint32_t course_points = 50;         // points of EvaluationReport::course
  // Called before the first event, to put a catalogue into the index; may be empty.
  std::function<void(ItemIndex* index)> prepare;
  // Told now and then; may be empty.
  std::function<void(uint64_t done, uint64_t total)> progress;
  // Prequential: who answers and learns instead of the core, say a running service; null: the core.
  Subject* subject = nullptr;
};

struct LogEvent;

// What is judged when it is not the core itself. Every call may fail for reasons of its own: false
// ends the evaluation with what was scored so far.
class Subject {
 public:
  virtual ~Subject() = default;
  // What it would recommend to the event's customer at the time of the event, which it has not been
  // told yet: `count` items with their scores, best first.
  virtual bool Recommend(const LogEvent& event, uint32_t count, Answer* answer) = 0;
  // The event happened.
  virtual bool Learn(const LogEvent& event) = 0;
};

absl::Status Validate(const EvaluateOptions& options);

struct Metrics {
  uint64_t queries = 0;
  double p = 0, mrr = 0, ndcg = 0, recall = 0;
};

struct EvaluationReport {
  Metrics all;
  Metrics repeats;    // true items the customer had touched before (single-item queries)
  Metrics new_items;  // the others
  Metrics cold;       // customers with fewer than 3 touches before the query
  Metrics warm;
  Metrics rare;  // true items that fewer than 5 sessions had, of queries with such; core only
  uint64_t queries = 0;
  uint64_t unknown_targets = 0;  // queries none of whose true items had been met
  double micros_mean = 0, micros_p50 = 0, micros_p99 = 0;  // one Recommend call, wall clock
  double coverage = 0;       // share of the known items that appeared in some answer
  double popular_share = 0;  // share of the answers' places held by the 1 % most popular items
  uint64_t items = 0, events = 0;
  size_t memory_bytes = 0;    // all the index takes: relations, facts of items, popular lists
  size_t relation_bytes = 0;  // the pair table alone, under PairOptions::max_bytes
  struct Point {
    uint64_t queries;
    double p, mrr;
  };
  std::vector<Point> course;  // running means over consecutive slices of the queries
};

// One item id per click, in order.
using Session = std::vector<uint32_t>;
struct PrefixTarget {
  Session prefix;
  uint32_t target = 0;
};

// Train sessions in order of time, then each prefix must foretell its target. Prefixes of one
// session stand together, longest first (options.learn relies on it).
EvaluationReport EvaluateSplit(absl::Span<const Session> train, absl::Span<const PrefixTarget> test,
                               const EvaluateOptions& options);

// An event of a log. `customer` and `order` are any numbers; consecutive events of a customer with
// the same order (not 0) are one query with several true items, e.g. an invoice.
struct LogEvent {
  uint32_t customer = 0;
  uint64_t order = 0;
  Touch touch;
};

// Events in order of time; those from `from_ms` on are foretold, then learnt, one by one. A
// customer without any event before is learnt but not asked for.
EvaluationReport EvaluatePrequential(absl::Span<const LogEvent> events, int64_t from_ms,
                                     const EvaluateOptions& options);

// The last part of a training set as a test, to tune on: the last `share` of the sessions become
// prefixes and targets, longest first.
void SplitTail(absl::Span<const Session> sessions, double share, std::vector<Session>* train,
               std::vector<PrefixTarget>* test);

std::string ReportAsJson(const EvaluationReport& report);
std::string ReportAsTable(const EvaluationReport& report);
// The course over time, a stand-alone SVG.
std::string ReportAsSvg(const EvaluationReport& report);

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_EVALUATE_H_
