#include "recommend/evaluate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "profile/bounded_sets.h"

namespace kindred::recommend {
namespace {

constexpr uint32_t kColdTouches = 3;
constexpr double kRareSessions = 5;
constexpr size_t kLeastRelationBytes = 1 << 20;
constexpr size_t kPopularListBytes = 4096;  // of the list over all, which is made when it is asked
constexpr uint64_t kCheckpointEvents = 65'536;

struct Sums {
  uint64_t queries = 0;
  double p = 0, mrr = 0, ndcg = 0, recall = 0;
  void Add(const Sums& other) {
    queries += other.queries;
    p += other.p;
    mrr += other.mrr;
    ndcg += other.ndcg;
    recall += other.recall;
  }
  Metrics Mean() const {
    const double n = queries == 0 ? 1 : static_cast<double>(queries);
    return {.queries = queries, .p = p / n, .mrr = mrr / n, .ndcg = ndcg / n, .recall = recall / n};
  }
};

// The mean rank an item of this score has when its equals are shuffled: ties count half. 0 =
// absent.
double RankOf(const Answer& answer, uint32_t item) {
  float score = 0;
  bool found = false;
  for (const RankedItem& ranked : answer.items) {
    if (ranked.item.value() != item) continue;
    score = ranked.score;
    found = true;
  }
  if (!found) return 0;
  double rank = 1;
  for (const RankedItem& ranked : answer.items) {
    if (ranked.score > score) rank += 1;
    if (ranked.score == score && ranked.item.value() != item) rank += 0.5;
  }
  return rank;
}

// Puts the catalogue in. What the facts of the items leave of the bound is the relations'.
PairOptions PairsWithin(const EvaluateOptions& options, uint32_t largest_item, ItemIndex* index) {
  PairOptions pairs = options.pairs;
  if (options.prepare) options.prepare(index);
  if (options.max_index_bytes == 0) return pairs;
  // Makes the room that they will take, so that it is there to be counted.
  for (uint32_t item = 1; item <= largest_item; ++item) index->Add(ItemId(item), 0, 0);
  const size_t facts = index->memory_bytes() + kPopularListBytes;
  pairs.max_bytes = std::max(kLeastRelationBytes,
                             options.max_index_bytes - std::min(facts, options.max_index_bytes));
  return pairs;
}

// Runs the queries of one evaluation against one index and keeps the score.
class Judge {
 public:
  Judge(const EvaluateOptions& options, uint64_t expected_queries, uint32_t largest_item)
      : options_(options),
        recommender_(options.blend),
        index_(options.decay),
        table_(std::make_shared<PairTable>(PartitionId(0),
                                           PairsWithin(options, largest_item, &index_), &index_)),
        every_(options.sample >= 1 ? 1 : static_cast<uint64_t>(std::lround(1 / options.sample))),
        slice_(std::max<uint64_t>(1, expected_queries / every_ / options.course_points)) {
    index_.Attach(table_);
  }

  void Learn(const Touch& event, absl::Span<const Touch> recent) {
    table_->AddEvent(event, recent);
    // As the service does, or the list of what is to be stored would grow for ever.
    if (++events_ % kCheckpointEvents == 0) table_->TakeDirty([](ItemId, absl::string_view) {});
  }

  // Counts every query, scores every `every_`-th. `targets` are distinct.
  // False: the subject gave up.
  bool Ask(const Request& asked, const LogEvent& event, absl::Span<const uint32_t> targets,
           uint64_t touches) {
    if (options_.subject == nullptr) {
      Ask(asked, targets, touches);
      return true;
    }
    if (asked_++ % every_ != 0) return true;
    const auto start = std::chrono::steady_clock::now();
    answer_.clear();
    if (!options_.subject->Recommend(event, options_.k + kTieRoom, &answer_)) return false;
    micros_.push_back(
        std::chrono::duration<float, std::micro>(std::chrono::steady_clock::now() - start).count());
    Note(asked, targets, touches);
    return true;
  }
  void Ask(const Request& asked, absl::Span<const uint32_t> targets, uint64_t touches) {
    if (asked_++ % every_ != options_.sample_phase % every_) return;
    Request request = asked;
    // Room behind the cut shows which items tie at the border.
    request.count = options_.k + kTieRoom;
    const auto start = std::chrono::steady_clock::now();
    recommender_.Recommend(request, index_, &answer_);
    micros_.push_back(
        std::chrono::duration<float, std::micro>(std::chrono::steady_clock::now() - start).count());
    Note(request, targets, touches);
  }

  EvaluationReport Finish();
  const ItemIndex& index() const { return index_; }

 private:
  static constexpr uint32_t kTieRoom = 20;

  Sums Score(absl::Span<const uint32_t> targets) {
    Sums sums{.queries = 1};
    double best_rank = 0, ideal = 0;
    for (size_t i = 0; i < targets.size(); ++i) {
      if (i < options_.k) ideal += 1 / std::log2(static_cast<double>(i) + 2);
      const double rank = RankOf(answer_, targets[i]);
      if (rank == 0 || rank > options_.k) continue;
      sums.recall += 1;
      sums.ndcg += 1 / std::log2(rank + 1);
      if (best_rank == 0 || rank < best_rank) best_rank = rank;
    }
    sums.recall /= static_cast<double>(targets.size());
    sums.ndcg /= ideal;
    sums.p = best_rank > 0 ? 1 : 0;
    sums.mrr = best_rank > 0 ? 1 / best_rank : 0;
    return sums;
  }

  void Note(const Request& request, absl::Span<const uint32_t> targets, uint64_t touches) {
    const Sums sums = Score(targets);
    all_.Add(sums);
    (touches < kColdTouches ? cold_ : warm_).Add(sums);
    if (targets.size() == 1) {
      bool repeat = false;
      for (const Touch& touch : request.recent) repeat |= touch.item.value() == targets[0];
      (repeat ? repeats_ : new_items_).Add(sums);
    }
    if (options_.subject == nullptr) {  // else the index knows nothing
      rare_targets_.clear();
      for (uint32_t target : targets) {
        if (index_.Support(ItemId(target), request.now_ms) < kRareSessions) {
          rare_targets_.push_back(target);
        }
      }
      if (!rare_targets_.empty()) rare_.Add(Score(rare_targets_));
    }
    bool known = false;
    for (uint32_t target : targets) known |= index_.Known(ItemId(target));
    if (!known) ++unknown_;
    for (size_t i = 0; i < answer_.items.size() && i < options_.k; ++i) {
      ++shown_[answer_.items[i].item.value()];
    }
    slice_sums_.Add(sums);
    if (slice_sums_.queries == slice_) CloseSlice();
  }
  void CloseSlice() {
    if (slice_sums_.queries == 0) return;
    const Metrics mean = slice_sums_.Mean();
    course_.push_back({.queries = all_.queries, .p = mean.p, .mrr = mean.mrr});
    slice_sums_ = {};
  }
  double PopularShare() const;

  const EvaluateOptions& options_;
  const Recommender recommender_;
  ItemIndex index_;
  std::shared_ptr<PairTable> table_;
  const uint64_t every_;
  const uint64_t slice_;
  uint64_t asked_ = 0, events_ = 0, unknown_ = 0;
  Sums all_, repeats_, new_items_, cold_, warm_, rare_, slice_sums_;
  std::vector<uint32_t> rare_targets_;
  std::vector<float> micros_;
  std::vector<EvaluationReport::Point> course_;
  absl::flat_hash_map<uint32_t, uint64_t> shown_;
  Answer answer_;
};

double Judge::PopularShare() const {
  std::vector<std::pair<double, uint32_t>> popular;
  for (uint32_t item = 1; item <= index_.max_item(); ++item) {
    if (index_.Known(ItemId(item))) popular.emplace_back(-index_.RawPopularity(item), item);
  }
  std::sort(popular.begin(), popular.end());
  popular.resize((popular.size() + 99) / 100);
  uint64_t places = 0, popular_places = 0;
  for (const auto& [item, count] : shown_) places += count;
  for (const auto& [popularity, item] : popular) {
    const auto found = shown_.find(item);
    if (found != shown_.end()) popular_places += found->second;
  }
  return places == 0 ? 0 : static_cast<double>(popular_places) / static_cast<double>(places);
}

EvaluationReport Judge::Finish() {
  CloseSlice();
  EvaluationReport report;
  report.all = all_.Mean();
  report.repeats = repeats_.Mean();
  report.new_items = new_items_.Mean();
  report.cold = cold_.Mean();
  report.warm = warm_.Mean();
  report.rare = rare_.Mean();
  report.queries = all_.queries;
  report.unknown_targets = unknown_;
  report.items = index_.item_count();
  report.events = events_;
  report.coverage = report.items == 0
                        ? 0
                        : static_cast<double>(shown_.size()) / static_cast<double>(report.items);
  report.popular_share = PopularShare();
  report.relation_bytes = table_->memory_bytes();
  report.memory_bytes = report.relation_bytes + index_.memory_bytes();
  report.course = std::move(course_);
  if (!micros_.empty()) {
    std::sort(micros_.begin(), micros_.end());
    double sum = 0;
    for (float micros : micros_) sum += micros;
    report.micros_mean = sum / static_cast<double>(micros_.size());
    report.micros_p50 = micros_[micros_.size() / 2];
    report.micros_p99 = micros_[micros_.size() * 99 / 100];
  }
  return report;
}

// The newest touches of one customer, newest first, as the profile keeps them.
class Recent {
 public:
  explicit Recent(uint32_t limit) : limit_(limit) {}
  void Push(const Touch& touch) {
    touches_.insert(touches_.begin(), touch);
    if (touches_.size() > limit_) touches_.pop_back();
    ++total_;
  }
  absl::Span<const Touch> newest_first() const { return touches_; }
  uint64_t total() const { return total_; }

 private:
  uint32_t limit_;
  uint64_t total_ = 0;
  std::vector<Touch> touches_;
};

// What the profile keeps of a customer, as far as a recommendation needs it.
struct CustomerState {
  explicit CustomerState(uint32_t recent_items) : recent(recent_items) {}
  void Buy(const LogEvent& event) {
    profile::AddPurchasedItem(bought, {event.touch.time_ms, event.touch.item, 1});
    owned.clear();
    for (const profile::PurchasedItem& item : bought) {
      owned.push_back({item.item, static_cast<float>(item.count), item.last_ms});
    }
    std::reverse(owned.begin(), owned.end());
  }
  Recent recent;
  uint64_t order = 0;
  profile::PackedVector<profile::PurchasedItem> bought;  // the profile's own set, with its bound
  std::vector<OwnedItem> owned;                          // the same, newest first
};

void LearnSession(const Session& session, int64_t time_ms, const EvaluateOptions& options,
                  Judge& judge) {
  Recent recent(options.recent_items);
  for (uint32_t item : session) {
    const Touch touch{.item = ItemId(item), .kind = Interaction::kView, .time_ms = time_ms};
    judge.Learn(touch, recent.newest_first());
    recent.Push(touch);
  }
}

uint32_t LargestItem(absl::Span<const Session> train, absl::Span<const PrefixTarget> test) {
  uint32_t largest = 0;
  const auto look = [&largest](const Session& session) {
    for (uint32_t item : session) largest = std::max(largest, item);
  };
  for (const Session& session : train) look(session);
  for (const PrefixTarget& query : test) {
    look(query.prefix);
    largest = std::max(largest, query.target);
  }
  return largest;
}

// Is `shorter` the beginning of `longer`, which is the session up to there?
bool SameTestSession(const PrefixTarget& longer, const PrefixTarget& shorter) {
  return shorter.prefix.size() + 1 == longer.prefix.size() &&
         std::equal(shorter.prefix.begin(), shorter.prefix.end(), longer.prefix.begin()) &&
         shorter.target == longer.prefix.back();
}

}  // namespace

EvaluationReport EvaluateSplit(absl::Span<const Session> train, absl::Span<const PrefixTarget> test,
                               const EvaluateOptions& options) {
  Judge judge(options, test.size(), LargestItem(train, test));
  const uint64_t steps = train.size() + test.size();
  uint64_t done = 0;
  const auto step = [&] {
    if (++done % 1024 == 0 && options.progress) options.progress(done, steps);
  };
  int64_t time_ms = 0;
  for (const Session& session : train) {
    LearnSession(session, time_ms, options, judge);
    time_ms += options.split_interval_ms;
    step();
  }
  for (size_t i = 0; i < test.size(); ++i) {
    const PrefixTarget& query = test[i];
    Recent recent(options.recent_items);
    for (uint32_t item : query.prefix) {
      recent.Push({.item = ItemId(item), .kind = Interaction::kView, .time_ms = time_ms});
    }
    judge.Ask({.now_ms = time_ms, .recent = recent.newest_first()}, {query.target}, recent.total());
    step();
    const bool last = i + 1 == test.size() || !SameTestSession(test[i], test[i + 1]);
    if (!last || !options.learn) continue;
    size_t first = i;
    while (first > 0 && SameTestSession(test[first - 1], test[first])) --first;
    Session session = test[first].prefix;
    session.push_back(test[first].target);
    LearnSession(session, time_ms, options, judge);
    time_ms += options.split_interval_ms;
  }
  if (options.progress) options.progress(steps, steps);
  return judge.Finish();
}

EvaluationReport EvaluatePrequential(absl::Span<const LogEvent> events, int64_t from_ms,
                                     const EvaluateOptions& options) {
  // The true items of each order, known before its first event is asked for.
  absl::flat_hash_map<std::pair<uint32_t, uint64_t>, std::vector<uint32_t>> orders;
  uint64_t expected = 0;
  uint32_t largest_item = 0;
  for (const LogEvent& event : events) {
    largest_item = std::max(largest_item, event.touch.item.value());
    if (event.touch.time_ms < from_ms) continue;
    if (event.order == 0) {
      ++expected;
      continue;
    }
    std::vector<uint32_t>& items = orders[{event.customer, event.order}];
    if (items.empty()) ++expected;
    const uint32_t item = event.touch.item.value();
    if (std::find(items.begin(), items.end(), item) == items.end()) items.push_back(item);
  }
  Judge judge(options, expected, largest_item);
  absl::flat_hash_map<uint32_t, CustomerState> customers;
  uint64_t done = 0;
  for (const LogEvent& event : events) {
    CustomerState& customer =
        customers.try_emplace(event.customer, options.recent_items).first->second;
    const bool new_order = event.order == 0 || event.order != customer.order;
    if (event.touch.time_ms >= from_ms && new_order && customer.recent.total() > 0) {
      const uint32_t single[] = {event.touch.item.value()};
      absl::Span<const uint32_t> targets = single;
      if (event.order != 0) targets = orders[{event.customer, event.order}];
      const bool answered = judge.Ask({.now_ms = event.touch.time_ms,
                                       .recent = customer.recent.newest_first(),
                                       .purchased = customer.owned},
                                      event, targets, customer.recent.total());
      if (!answered) break;
    }
    judge.Learn(event.touch, customer.recent.newest_first());
    if (options.subject != nullptr && !options.subject->Learn(event)) break;
    customer.recent.Push(event.touch);
    if (event.touch.kind == Interaction::kPurchase) customer.Buy(event);
    customer.order = event.order;
    if (++done % 1024 == 0 && options.progress) options.progress(done, events.size());
  }
  if (options.progress) options.progress(done, events.size());
  return judge.Finish();
}

void SplitTail(absl::Span<const Session> sessions, double share, std::vector<Session>* train,
               std::vector<PrefixTarget>* test) {
  const size_t cut =
      sessions.size() - static_cast<size_t>(share * static_cast<double>(sessions.size()));
  train->assign(sessions.begin(), sessions.begin() + cut);
  test->clear();
  for (const Session& session : sessions.subspan(cut)) {
    for (size_t length = session.size() - 1; length >= 1 && length < session.size(); --length) {
      test->push_back({.prefix = Session(session.begin(), session.begin() + length),
                       .target = session[length]});
    }
  }
}

}  // namespace kindred::recommend
