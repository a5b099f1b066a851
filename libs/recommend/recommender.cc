#include "recommend/recommender.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "base/check.h"
#include "recommend/pair_table.h"
#include "recommend/scratch.h"

namespace kindred::recommend {
namespace {

constexpr double kMillisPerDay = 86'400'000.0;
constexpr double kPriorEvents = 50;
constexpr double kLeastShare = 0.01;  // of the most popular item's popularity, for repeat purchase
constexpr uint32_t kSpareSeeds = 12;  // page and cart come on top of max_seeds

struct Seed {
  uint32_t item;
  SeedKind kind;
  float similar_weight;  // of c_ij / (√(n_i n_j) + h)
  float next_weight;     // of R_ij, division by n_i included
  float root_support;
  float reminder;  // amount it gets itself
};

struct Scratch {
  CandidateTable candidates;
  std::vector<Seed> seeds;
  std::vector<Top> top;
  std::vector<std::pair<uint32_t, uint32_t>> places;  // item → place in top, sorted by item
  std::vector<float> amounts;                         // [place][seed][similar, next]
  std::vector<float> alike;                           // [place][seed], by content
  Marks marks;
};

float Fade(double steps, double reach) { return static_cast<float>(std::exp(-steps / reach)); }

double Halving(double age_ms, double half_life_days) {
  return std::exp2(-std::max(age_ms, 0.0) / (half_life_days * kMillisPerDay));
}

// One call of Recommend(): everything it needs, in the order of its steps.
class Query {
 public:
  Query(const BlendOptions& options, const Request& request, const ItemIndex& index,
        Scratch& scratch)
      : options_(options),
        request_(request),
        index_(index),
        scratch_(scratch),
        tables_(index.tables()),
        now_weight_(static_cast<float>(index.RelationWeight(request.now_ms))),
        count_(std::min(request.count, Request::kMaxCount)),
        has_content_(options.content_weight > 0 && !index.content().empty()) {}

  void Run(Answer* answer) {
    scratch_.candidates.Clear();
    scratch_.seeds.clear();
    scratch_.top.clear();
    BlockExcluded();
    CollectSeeds();
    {
      const Reclaimer::ReadGuard guard(index_.reclaimer());
      for (const Seed& seed : scratch_.seeds) Accumulate(seed);
      if (has_content_) AddContent();
      popular_ = index_.Popular(request_.category);
      if (popular_ != nullptr && !popular_->empty()) {
        most_popular_ = index_.RawPopularity(popular_->front());
      }
      AddOwn();
      FindMaxima();
      AddPopular();
      answer->candidates = static_cast<uint32_t>(scratch_.candidates.size());
      Select();
      if (scratch_.top.size() < count_) FillFromAll();
      std::sort(scratch_.top.begin(), scratch_.top.end());
      Explain(answer);
    }
  }

 private:
  void BlockExcluded() {
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
  void Block(ItemId item) { scratch_.candidates.At(item.value()).blocked = true; }

  void CollectSeeds() {
    if (request_.page_item.value() != 0) AddSeed(request_.page_item, SeedKind::kPage, 1, 1, false);
    for (ItemId item : request_.cart) {
      if (scratch_.seeds.size() >= kSpareSeeds) break;
      AddSeed(item, SeedKind::kCart, 1, 1, false);
    }
    for (const auto& table : *tables_) table->revisits().AddTo(&revisits_);
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
  void AddSeed(ItemId item, SeedKind kind, double step, double fade, bool remind) {
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

  float Reminder(size_t step) const {
    const double newest = revisits_.RevisitShare(1, Prior());
    const double fall = revisits_.RevisitShare(step, Prior()) / newest;
    return static_cast<float>(options_.reminder_weight * newest / revisits_.ForetoldShare(Prior()) *
                              std::pow(fall, options_.reminder_contrast));
  }
  double Prior() const { return kPriorEvents * now_weight_; }

  void Accumulate(const Seed& seed) {
    if (seed.root_support <= 0) return;
    const float shrink = static_cast<float>(options_.shrink) * now_weight_;
    for (const auto& table : *tables_) {
      const RowView row = table->Row(seed.item);
      for (uint32_t i = 0; i < row.size; ++i) {
        const uint32_t item = row.neighbours[i];
        Candidate& candidate = scratch_.candidates.At(item);
        const float root = index_.RootSupport(item);
        candidate.similar += seed.similar_weight * RowView::Load(row.symmetric + i) /
                             (seed.root_support * root + shrink);
        candidate.next += seed.next_weight * RowView::Load(row.directed + i);
      }
    }
  }

  float ContentAmount(const Seed& seed, uint32_t item, float likeness) const {
    const float root = std::min(seed.root_support, index_.RootSupport(item));
    const float few = static_cast<float>(options_.content_evidence) * now_weight_;
    return static_cast<float>(options_.content_weight) * seed.similar_weight * likeness * few /
           (few + root * root);
  }

  // Reminders and repeat purchases.
  void AddOwn() {
    for (const Seed& seed : scratch_.seeds) {
      if (seed.reminder > 0) scratch_.candidates.At(seed.item).extra += seed.reminder;
    }
    for (const OwnedItem& owned : request_.purchased) {
      max_repeat_ = std::max(max_repeat_, Frequency(owned));
    }
    if (max_repeat_ <= 0 || options_.repeat_weight <= 0) return;
    for (const OwnedItem& owned : request_.purchased) {
      scratch_.candidates.At(owned.item.value()).extra += RepeatAmount(owned);
    }
  }
  // How often the customer bought it, tilted towards what is bought these days: what is out of
  // season or sold no more fades.
  double Frequency(const OwnedItem& owned) const {
    const double age = static_cast<double>(request_.now_ms) - static_cast<double>(owned.last_ms);
    const double share =
        most_popular_ > 0 ? index_.RawPopularity(owned.item.value()) / most_popular_ : 0;
    return owned.orders * Halving(age, options_.repeat_half_life_days) *
           std::pow(share + kLeastShare, options_.repeat_trend);
  }
  float RepeatAmount(const OwnedItem& owned) const {
    return static_cast<float>(options_.repeat_weight * Frequency(owned) / max_repeat_);
  }

  void FindMaxima() {
    float similar = 0, next = 0;
    for (size_t i = 0; i < scratch_.candidates.size(); ++i) {
      similar = std::max(similar, scratch_.candidates[i].similar);
      next = std::max(next, scratch_.candidates[i].next);
    }
    const float w = static_cast<float>(options_.next_weight);
    similar_scale_ = similar > 0 ? (1 - w) / similar : 0;
    next_scale_ = next > 0 ? w / next : 0;
  }

  // The best of the popular list become candidates too: as many as are asked for.
  void AddPopular() {
    if (most_popular_ <= 0) return;
    popular_scale_ = options_.popular_weight / most_popular_;
    uint32_t added = 0;
    for (uint32_t item : *popular_) {
      if (added == count_) break;
      if (scratch_.candidates.At(item).blocked || !Eligible(item)) continue;
      ++added;
    }
  }
  float PopularAmount(uint32_t item) const {
    return static_cast<float>(popular_scale_ * index_.RawPopularity(item));
  }

  bool Eligible(uint32_t item) const {
    const ItemIndex::Facts facts = index_.GetFacts(item);
    if (!facts.eligible) return false;
    if (request_.category.value() != 0 && facts.category != request_.category) return false;
    // A bound that is not infinite fails items of unknown price (NaN compares false).
    if (request_.min_price > -kInfinity && !(facts.price >= request_.min_price)) return false;
    if (request_.max_price < kInfinity && !(facts.price <= request_.max_price)) return false;
    return !request_.filter || request_.filter(ItemId(item));
  }

  // Keeps the best `count_` eligible candidates; a heap whose first is the worst kept.
  void Select() {
    if (count_ == 0) return;
    // The list may be a thousandth of all events behind.
    const float most_from_popularity = static_cast<float>(1.01 * popular_scale_ * most_popular_);
    for (size_t i = 0; i < scratch_.candidates.size(); ++i) {
      const Candidate& candidate = scratch_.candidates[i];
      if (candidate.blocked) continue;
      const float own =
          candidate.similar * similar_scale_ + candidate.next * next_scale_ + candidate.extra;
      // Most lose whatever their popularity, which is far away in memory.
      const bool full = scratch_.top.size() == count_;
      if (full && own + most_from_popularity < scratch_.top.front().score) continue;
      Consider({.score = own + PopularAmount(candidate.item), .item = candidate.item});
    }
  }
  void Consider(const Top& entry) {
    std::vector<Top>& top = scratch_.top;
    if (top.size() == count_ && !(entry < top.front())) return;
    if (!Eligible(entry.item)) return;
    if (top.size() == count_) {
      std::pop_heap(top.begin(), top.end());
      top.pop_back();
    }
    top.push_back(entry);
    std::push_heap(top.begin(), top.end());
  }

  // Rare: relations and popular lists hold too few eligible items, so look at every item.
  void FillFromAll() {
    for (uint32_t item = 1; item <= index_.max_item(); ++item) {
      if (scratch_.candidates.Find(item) != nullptr) continue;
      Consider({.score = PopularAmount(item), .item = item});
    }
  }

  void Explain(Answer* answer);
  void SplitAmounts();
  void AddContent();
  void SplitContent();
  void AppendItem(uint32_t place, Answer* answer);
  Reason MakeReason(uint32_t place, Source source) const;
  float* Amount(size_t place, size_t seed) {
    return &scratch_.amounts[(place * scratch_.seeds.size() + seed) * 2];
  }
  // Of an item among the chosen ones; their number for others.
  size_t PlaceOf(uint32_t item) const {
    const auto found =
        std::lower_bound(scratch_.places.begin(), scratch_.places.end(), std::make_pair(item, 0u));
    const bool there = found != scratch_.places.end() && found->first == item;
    return there ? found->second : scratch_.places.size();
  }
  float AlikeAmount(size_t place, size_t seed) const {
    return scratch_.alike[place * scratch_.seeds.size() + seed];
  }
  const float* Amount(size_t place, size_t seed) const {
    return &scratch_.amounts[(place * scratch_.seeds.size() + seed) * 2];
  }

  static constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const BlendOptions& options_;
  const Request& request_;
  const ItemIndex& index_;
  Scratch& scratch_;
  const std::shared_ptr<const ItemIndex::Tables> tables_;
  const float now_weight_;
  const uint32_t count_;
  const bool has_content_;
  RevisitSums revisits_;
  double max_repeat_ = 0;
  float similar_scale_ = 0, next_scale_ = 0;
  double popular_scale_ = 0;
  double most_popular_ = 0;
  std::shared_ptr<const ItemIndex::PopularItems> popular_;
};

// Walks the seeds' rows once more, for the chosen items only. Rows may have grown since the first
// walk: the score becomes the sum of what is found now, so contributions always sum to it.
void Query::SplitAmounts() {
  const size_t n = scratch_.top.size();
  scratch_.amounts.assign(n * scratch_.seeds.size() * 2, 0.0f);
  scratch_.places.clear();
  scratch_.marks.Clear();
  for (uint32_t place = 0; place < n; ++place) {
    scratch_.places.emplace_back(scratch_.top[place].item, place);
    scratch_.marks.Set(scratch_.top[place].item);
  }
  std::sort(scratch_.places.begin(), scratch_.places.end());
  const float shrink = static_cast<float>(options_.shrink) * now_weight_;
  for (size_t s = 0; s < scratch_.seeds.size(); ++s) {
    const Seed& seed = scratch_.seeds[s];
    if (seed.root_support <= 0) continue;
    for (const auto& table : *tables_) {
      const RowView row = table->Row(seed.item);
      for (uint32_t i = 0; i < row.size; ++i) {
        const uint32_t item = row.neighbours[i];
        if (!scratch_.marks.Has(item)) continue;
        const size_t place = PlaceOf(item);
        if (place == n) continue;
        float* amount = Amount(place, s);
        amount[0] += similar_scale_ * seed.similar_weight * RowView::Load(row.symmetric + i) /
                     (seed.root_support * index_.RootSupport(item) + shrink);
        amount[1] += next_scale_ * seed.next_weight * RowView::Load(row.directed + i);
      }
    }
  }
}

void Query::AddContent() {
  for (const Seed& seed : scratch_.seeds) {
    index_.content().ForEach(seed.item, [&](uint32_t item, float likeness) {
      scratch_.candidates.At(item).extra += ContentAmount(seed, item, likeness);
    });
  }
}

void Query::SplitContent() {
  const size_t seeds = scratch_.seeds.size();
  scratch_.alike.assign(scratch_.top.size() * seeds, 0.0f);
  for (size_t s = 0; s < seeds; ++s) {
    const Seed& seed = scratch_.seeds[s];
    index_.content().ForEach(seed.item, [&](uint32_t item, float likeness) {
      const size_t place = PlaceOf(item);
      if (place == scratch_.top.size()) return;
      scratch_.alike[place * seeds + s] += ContentAmount(seed, item, likeness);
    });
  }
}

void Query::Explain(Answer* answer) {
  SplitAmounts();
  if (has_content_) SplitContent();
  for (uint32_t place = 0; place < scratch_.top.size(); ++place) AppendItem(place, answer);
  std::sort(answer->items.begin(), answer->items.end(),
            [](const RankedItem& a, const RankedItem& b) {
              return a.score != b.score ? a.score > b.score : a.item < b.item;
            });
}

void Query::AppendItem(uint32_t place, Answer* answer) {
  const uint32_t item = scratch_.top[place].item;
  RankedItem ranked;
  ranked.item = ItemId(item);
  ranked.first_contribution = static_cast<uint32_t>(answer->contributions.size());
  std::array<float, kSources> parts{};
  const auto add = [&](Source source, SeedKind kind, uint32_t seed, float amount) {
    if (amount == 0) return;
    parts[static_cast<size_t>(source)] += amount;
    ranked.score += amount;
    answer->contributions.push_back(
        {.source = source, .seed_kind = kind, .seed = ItemId(seed), .amount = amount});
  };
  for (size_t s = 0; s < scratch_.seeds.size(); ++s) {
    const Seed& seed = scratch_.seeds[s];
    const float* amount = Amount(place, s);
    add(Source::kSimilar, seed.kind, seed.item, amount[0]);
    add(Source::kNext, seed.kind, seed.item, amount[1]);
    if (seed.item == item) add(Source::kReminder, seed.kind, item, seed.reminder);
  }
  for (size_t s = 0; has_content_ && s < scratch_.seeds.size(); ++s) {
    const Seed& seed = scratch_.seeds[s];
    add(Source::kContent, seed.kind, seed.item, AlikeAmount(place, s));
  }
  if (max_repeat_ > 0 && options_.repeat_weight > 0) {
    for (const OwnedItem& owned : request_.purchased) {
      if (owned.item.value() == item) {
        add(Source::kRepeat, SeedKind::kNone, 0, RepeatAmount(owned));
      }
    }
  }
  add(Source::kPopular, SeedKind::kNone, 0, PopularAmount(item));
  ranked.contribution_count =
      static_cast<uint32_t>(answer->contributions.size()) - ranked.first_contribution;
  // Similar and next are one story to a person ("because you viewed"): together they compete.
  const float related = parts[0] + parts[1];
  ranked.source = Source::kPopular;
  float largest = parts[static_cast<size_t>(Source::kPopular)];
  for (Source source : {Source::kReminder, Source::kRepeat, Source::kContent}) {
    if (parts[static_cast<size_t>(source)] > largest) {
      largest = parts[static_cast<size_t>(source)];
      ranked.source = source;
    }
  }
  if (related > largest) ranked.source = parts[0] >= parts[1] ? Source::kSimilar : Source::kNext;
  ranked.reason = MakeReason(place, ranked.source);
  answer->items.push_back(ranked);
}

Reason Query::MakeReason(uint32_t place, Source source) const {
  Reason reason;
  switch (source) {
    case Source::kReminder:
      return {.kind = ReasonKind::kLookAgain, .items = {}, .category = {}};
    case Source::kRepeat:
      return {.kind = ReasonKind::kBuyAgain, .items = {}, .category = {}};
    case Source::kPopular:
    case Source::kRule:
      reason.kind =
          request_.category.value() != 0 ? ReasonKind::kPopularInCategory : ReasonKind::kPopular;
      reason.category = request_.category;
      return reason;
    case Source::kSimilar:
    case Source::kNext:
    case Source::kContent:
      break;
  }
  const bool content = source == Source::kContent;
  const auto sum = [&](size_t s) {
    return content ? AlikeAmount(place, s) : Amount(place, s)[0] + Amount(place, s)[1];
  };
  size_t best = 0;
  for (size_t s = 1; s < scratch_.seeds.size(); ++s) {
    if (sum(s) > sum(best)) best = s;
  }
  const SeedKind kind = scratch_.seeds[best].kind;
  reason.kind = content                     ? ReasonKind::kAlike
                : kind == SeedKind::kPage   ? ReasonKind::kSimilarToPage
                : kind == SeedKind::kCart   ? ReasonKind::kBecauseInCart
                : kind == SeedKind::kBought ? ReasonKind::kBecauseBought
                                            : ReasonKind::kBecauseViewed;
  reason.items[0] = ItemId(scratch_.seeds[best].item);
  // A second one of the same kind, if it weighs at least a third as much.
  float second = sum(best) / 3;
  for (size_t s = 0; s < scratch_.seeds.size(); ++s) {
    if (s == best || scratch_.seeds[s].kind != kind || sum(s) < second || sum(s) <= 0) continue;
    second = sum(s);
    reason.items[1] = ItemId(scratch_.seeds[s].item);
  }
  return reason;
}

}  // namespace

Recommender::Recommender(const BlendOptions& options) : options_(options) {
  KINDRED_CHECK(Validate(options).ok()) << Validate(options).message();
}

void Recommender::Recommend(const Request& request, const ItemIndex& index, Answer* answer) const {
  thread_local Scratch scratch;
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
