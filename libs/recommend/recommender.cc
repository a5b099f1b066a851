#include "recommend/recommender.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "recommend/query.h"

namespace kindred::recommend {
namespace {

constexpr double kMillisPerDay = 86'400'000.0;
constexpr double kPriorEvents = 50;
constexpr double kLeastShare = 0.01;   // of the most popular item's popularity, for repeat purchase
constexpr uint32_t kSpareSeeds = 12;   // page and cart come on top of max_seeds
constexpr size_t kRowsAhead = 4;       // rows that are fetched while one is read
constexpr size_t kFetchedBytes = 256;  // of each; the processor sees the stream by then

float Fade(double steps, double reach) { return static_cast<float>(std::exp(-steps / reach)); }

double Halving(double age_ms, double half_life_days) {
  return std::exp2(-std::max(age_ms, 0.0) / (half_life_days * kMillisPerDay));
}

void Fetch(const void* memory) {
  const char* const begin = static_cast<const char*>(memory);
  for (size_t at = 0; at < kFetchedBytes; at += 64) __builtin_prefetch(begin + at);
}

}  // namespace

Query::Query(const BlendOptions& options, const Request& request, const ItemIndex& index,
             QueryScratch& scratch)
    : options_(options),
      request_(request),
      index_(index),
      scratch_(scratch),
      tables_(index.tables()),
      now_weight_(static_cast<float>(index.RelationWeight(request.now_ms))),
      shrink_(static_cast<float>(options.shrink) * now_weight_),
      count_(std::min(request.count, Request::kMaxCount)),
      has_content_(options.content_weight > 0 && !index.content().empty()),
      unfiltered_(request.category.value() == 0 && !(request.min_price > -kInfinity) &&
                  !(request.max_price < kInfinity) && !request.filter) {}

void Query::Run(Answer* answer) {
  scratch_.candidates.Clear();
  scratch_.seeds.clear();
  scratch_.top.clear();
  BlockExcluded();
  CollectSeeds();
  const Reclaimer::ReadGuard guard(index_.reclaimer());
  FindRows();
  for (size_t i = 0; i < scratch_.rows.size(); ++i) {
    if (i + kRowsAhead < scratch_.rows.size()) {
      const RowView& ahead = scratch_.rows[i + kRowsAhead].row;
      Fetch(ahead.neighbours);
      Fetch(ahead.symmetric);
      Fetch(ahead.directed);
    }
    Accumulate(scratch_.rows[i]);
  }
  related_ = scratch_.candidates.size();
  if (has_content_) AddContent();
  popular_ = index_.Popular(request_.category);
  if (popular_ != nullptr && !popular_->empty()) {
    most_popular_ = index_.RawPopularity(popular_->front());
  }
  AddOwn();
  owned_ = scratch_.candidates.size();
  FindMaxima();
  AddPopular();
  answer->candidates = scratch_.candidates.size();
  Select();
  if (scratch_.top.size() < count_) FillFromAll();
  std::sort(scratch_.top.begin(), scratch_.top.end());
  Explain(answer);
}

void Query::BlockExcluded() {
  for (ItemId item : request_.exclude) Block(item);
  for (ItemId item : request_.cart) Block(item);
  if (request_.page_item.value() != 0) Block(request_.page_item);
  if (request_.exclude_purchased) {
    for (const OwnedItem& owned : request_.purchased) Block(owned.item);
    for (const auto& touches : {request_.session, request_.recent}) {
      for (const Touch& touch : touches) {
        if (touch.kind == Interaction::kPurchase) Block(touch.item);
      }
    }
  }
  if (request_.exclude_recent) {
    for (const auto& touches : {request_.session, request_.recent}) {
      for (const Touch& touch : touches) Block(touch.item);
    }
  }
}

void Query::Block(ItemId item) {
  if (item.value() >= ItemIndex::kMaxItems) return;
  CandidateTable& candidates = scratch_.candidates;
  candidates.candidate(candidates.At(item.value(), index_)).blocked = 1;
}

void Query::CollectSeeds() {
  for (const auto& table : *tables_) table->revisits().AddTo(&revisits_);
  if (request_.page_item.value() != 0) AddSeed(request_.page_item, SeedKind::kPage, 1, 1, false);
  for (ItemId item : request_.cart) {
    if (scratch_.seeds.size() >= kSpareSeeds) break;
    AddSeed(item, SeedKind::kCart, 1, 1, false);
  }
  const size_t limit = scratch_.seeds.size() + options_.max_seeds;
  double step = 0;
  int64_t newest_ms = 0;
  for (const auto& touches : {request_.session, request_.recent}) {
    for (const Touch& touch : touches) {
      if (scratch_.seeds.size() >= limit) return;
      if (++step == 1) newest_ms = touch.time_ms;
      const float weight = request_.seed_weight[static_cast<size_t>(touch.kind)];
      if (!(weight > 0)) continue;
      const double age = static_cast<double>(newest_ms) - static_cast<double>(touch.time_ms);
      const bool bought = touch.kind == Interaction::kPurchase;
      AddSeed(touch.item, bought ? SeedKind::kBought : SeedKind::kViewed, step,
              weight * Halving(age, options_.seed_half_life_days), !bought);
    }
  }
}

// Only the newest touch of an item is a seed.
void Query::AddSeed(ItemId item, SeedKind kind, double step, double fade, bool remind) {
  for (const Seed& seed : scratch_.seeds) {
    if (seed.item == item.value()) return;
  }
  const float root = item.value() < ItemIndex::kMaxItems ? index_.RootSupport(item.value()) : 0;
  const float weight = static_cast<float>(fade);
  Seed seed{.item = item.value(),
            .kind = kind,
            .similar_weight = weight * Fade(step, options_.similar_reach),
            .next_weight = 0,
            .root_support = root,
            .reminder = 0};
  if (root > 0) seed.next_weight = weight * Fade(step, options_.next_reach) / (root * root);
  if (remind) {
    seed.reminder = weight * Reminder(static_cast<size_t>(step));
  }
  scratch_.seeds.push_back(seed);
}

float Query::Reminder(size_t step) const {
  const double newest = revisits_.RevisitShare(1, Prior());
  const double fall = revisits_.RevisitShare(step, Prior()) / newest;
  return static_cast<float>(options_.reminder_weight * newest / revisits_.ForetoldShare(Prior()) *
                            std::pow(fall, options_.reminder_contrast));
}

double Query::Prior() const { return kPriorEvents * now_weight_; }

// Rows lie anywhere in memory: each step asks for all that the next one looks at.
void Query::FindRows() {
  for (const Seed& seed : scratch_.seeds) {
    if (seed.root_support <= 0) continue;
    for (const auto& table : *tables_) table->PrefetchSlots(ItemId(seed.item), {});
  }
  scratch_.found.clear();
  for (const Seed& seed : scratch_.seeds) {
    if (seed.root_support <= 0) continue;
    for (const auto& table : *tables_) scratch_.found.push_back(table->FindRow(seed.item));
  }
  ReadRows();
}

void Query::ReadRows() {
  scratch_.rows.clear();
  uint32_t entries = 0;
  const PairTable::Block* const* found = scratch_.found.data();
  for (size_t s = 0; s < scratch_.seeds.size(); ++s) {
    if (scratch_.seeds[s].root_support <= 0) continue;
    for (size_t t = 0; t < tables_->size(); ++t) {
      const RowView row = PairTable::ReadRow(*found++);
      if (row.size == 0) continue;
      scratch_.rows.push_back({.row = row, .seed = static_cast<uint32_t>(s), .begin = entries});
      entries += row.size;
    }
  }
  if (scratch_.earlier.size() < entries) scratch_.earlier.resize(entries);
}

void Query::Accumulate(const SeedRow& from) {
  const Seed seed = scratch_.seeds[from.seed];
  const RowView row = from.row;
  const float shrink = shrink_;
  const uint32_t begin = from.begin;
  uint32_t* const earlier = scratch_.earlier.data() + begin;
  scratch_.candidates.Reserve(row.size);
  CandidateTable::Adder candidates(&scratch_.candidates, &index_);
  for (size_t i = 0; i < row.size; ++i) {
    RelationSums& sums = candidates.sums(candidates.At(row.neighbours[i]));
    sums.similar += seed.similar_weight * RowView::Load(row.symmetric + i) /
                    (seed.root_support * sums.root_support + shrink);
    sums.next += seed.next_weight * RowView::Load(row.directed + i);
    earlier[i] = sums.last_entry;
    sums.last_entry = begin + static_cast<uint32_t>(i) + 1;
  }
}

void Query::AddContent() {
  for (const Seed& seed : scratch_.seeds) {
    index_.content().ForEach(seed.item, [&](uint32_t item, float likeness) {
      CandidateTable& candidates = scratch_.candidates;
      const uint32_t number = candidates.At(item, index_);
      candidates.candidate(number).extra +=
          ContentAmount(seed, candidates.sums(number).root_support, likeness);
    });
  }
}

float Query::ContentAmount(const Seed& seed, float root_support, float likeness) const {
  const float root = std::min(seed.root_support, root_support);
  const float few = static_cast<float>(options_.content_evidence) * now_weight_;
  return static_cast<float>(options_.content_weight) * seed.similar_weight * likeness * few /
         (few + root * root);
}

// Reminders and repeat purchases.
void Query::AddOwn() {
  for (const Seed& seed : scratch_.seeds) {
    if (seed.reminder > 0 && seed.item < ItemIndex::kMaxItems) AddExtra(seed.item, seed.reminder);
  }
  const size_t bought = request_.purchased.size();
  scratch_.frequencies.resize(bought);
  // Reads from all over memory, apart from the arithmetic, so that they overlap.
  for (size_t i = 0; i < bought; ++i) {
    const uint32_t item = request_.purchased[i].item.value();
    scratch_.frequencies[i] = item < ItemIndex::kMaxItems ? index_.RawPopularity(item) : 0;
  }
  for (size_t i = 0; i < bought; ++i) {
    double& frequency = scratch_.frequencies[i];
    frequency = Frequency(request_.purchased[i], frequency);
    max_repeat_ = std::max(max_repeat_, frequency);
  }
  if (options_.repeat_weight <= 0) max_repeat_ = 0;
  if (max_repeat_ <= 0) return;
  for (size_t i = 0; i < bought; ++i) {
    const uint32_t item = request_.purchased[i].item.value();
    if (item >= ItemIndex::kMaxItems) continue;
    Candidate& candidate = AddExtra(item, RepeatAmount(i));
    if (candidate.owned == 0) {
      candidate.owned = static_cast<uint32_t>(i + 1) & Candidate::kMostOwned;
    } else {
      owned_twice_ = true;
    }
  }
}

// `item` is below ItemIndex::kMaxItems.
Candidate& Query::AddExtra(uint32_t item, float amount) {
  CandidateTable& candidates = scratch_.candidates;
  Candidate& candidate = candidates.candidate(candidates.At(item, index_));
  candidate.extra += amount;
  return candidate;
}

// How often the customer bought it, tilted towards what is bought these days: what is out of
// season or sold no more fades.
double Query::Frequency(const OwnedItem& owned, double popularity) const {
  const double age = static_cast<double>(request_.now_ms) - static_cast<double>(owned.last_ms);
  const double share = most_popular_ > 0 ? popularity / most_popular_ : 0;
  return owned.orders * Halving(age, options_.repeat_half_life_days) *
         std::pow(share + kLeastShare, options_.repeat_trend);
}

float Query::RepeatAmount(size_t owned) const {
  return static_cast<float>(options_.repeat_weight * scratch_.frequencies[owned] / max_repeat_);
}

void Query::FindMaxima() {
  float similar = 0, next = 0;
  for (const RelationSums& sums : scratch_.candidates.sums()) {
    similar = std::max(similar, sums.similar);
    next = std::max(next, sums.next);
  }
  const float w = static_cast<float>(options_.next_weight);
  similar_scale_ = similar > 0 ? (1 - w) / similar : 0;
  next_scale_ = next > 0 ? w / next : 0;
}

// The best of the popular list become candidates too: as many as are asked for.
void Query::AddPopular() {
  if (most_popular_ <= 0) return;
  popular_scale_ = options_.popular_weight / most_popular_;
  uint32_t added = 0;
  CandidateTable& candidates = scratch_.candidates;
  for (uint32_t item : *popular_) {
    if (added == count_) break;
    if (candidates.candidate(candidates.At(item, index_)).blocked != 0 || !Eligible(item)) continue;
    ++added;
  }
}

float Query::PopularAmount(uint32_t item) const {
  return static_cast<float>(popular_scale_ * index_.RawPopularity(item));
}

bool Query::Eligible(uint32_t item) const {
  if (unfiltered_) return index_.Eligible(item);
  const ItemIndex::Facts facts = index_.GetFacts(item);
  if (!facts.eligible) return false;
  if (request_.category.value() != 0 && facts.category != request_.category) return false;
  // A bound that is not infinite fails items of unknown price (NaN compares false).
  if (request_.min_price > -kInfinity && !(facts.price >= request_.min_price)) return false;
  if (request_.max_price < kInfinity && !(facts.price <= request_.max_price)) return false;
  return !request_.filter || request_.filter(ItemId(item));
}

// Keeps the best `count_` eligible candidates.
void Query::Select() {
  if (count_ == 0) return;
  // What the customer owns is often far ahead: then few of the others need a closer look. What is
  // popular rarely gets in.
  SelectAmong(related_, owned_);
  SelectAmong(0, related_);
  SelectAmong(owned_, scratch_.candidates.size());
  if (scratch_.top.size() > count_) DropWorse();
}

void Query::SelectAmong(uint32_t begin, uint32_t end) {
  // The list may be a thousandth of all events behind.
  const float most_from_popularity = static_cast<float>(1.01 * popular_scale_ * most_popular_);
  const float similar_scale = similar_scale_, next_scale = next_scale_;
  const Candidate* candidate = scratch_.candidates.candidates().data() + begin;
  const Candidate* const last = scratch_.candidates.candidates().data() + end;
  const RelationSums* sums = scratch_.candidates.sums().data() + begin;
  float least = least_;
  for (; candidate != last; ++candidate, ++sums) {
    const float own = sums->similar * similar_scale + sums->next * next_scale + candidate->extra;
    // Most lose whatever their popularity, which is far away in memory.
    if (own + most_from_popularity < least || candidate->blocked != 0) continue;
    Consider({.score = own + PopularAmount(candidate->item), .item = candidate->item});
    least = least_;
  }
}

// Up to twice as many as are wanted are kept, and then the worse half is dropped at once.
void Query::Consider(const Top& entry) {
  if (entry.score < least_ || !Eligible(entry.item)) return;
  scratch_.top.push_back(entry);
  if (scratch_.top.size() == size_t{count_} * 2 ||
      (scratch_.top.size() == count_ && least_ == -kInfinity)) {
    DropWorse();
  }
}

// Leaves the best `count_`, of at least so many.
void Query::DropWorse() {
  std::vector<Top>& top = scratch_.top;
  const auto last = top.begin() + (count_ - 1);
  std::nth_element(top.begin(), last, top.end());
  least_ = last->score;
  top.resize(count_);
}

// Rare: relations and popular lists hold too few eligible items, so look at every item.
void Query::FillFromAll() {
  for (uint32_t item = 1; item <= index_.max_item(); ++item) {
    if (scratch_.candidates.Find(item) != CandidateTable::kNone) continue;
    Consider({.score = PopularAmount(item), .item = item});
  }
  if (scratch_.top.size() > count_) DropWorse();
}

Recommender::Recommender(const BlendOptions& options) : options_(options) {
  KINDRED_CHECK(Validate(options).ok()) << Validate(options).message();
}

void Recommender::Recommend(const Request& request, const ItemIndex& index, Answer* answer) const {
  thread_local QueryScratch scratch;
  answer->clear();
  Query(options_, request, index, scratch).Run(answer);
}

void Recommender::SimilarItems(ItemId item, const Request& request, const ItemIndex& index,
                               Answer* answer) const {
  Request page = request;
  page.session = {};
  page.recent = {};
  page.cart = {};
  page.purchased = {};
  page.page_item = item;
  Recommend(page, index, answer);
}

}  // namespace kindred::recommend
