#include "recommend/control.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace kindred::recommend {
namespace {

// Candidates asked for, for each place, where rules may change the order.
constexpr uint32_t kPoolFactor = 5;
constexpr uint32_t kSmallestPool = 100;
constexpr float kCategoryLikeness = 0.6f;
constexpr float kBrandLikeness = 0.4f;

using Action = ControlRule::Action;

// One answer in the making.
class Controlled {
 public:
  Controlled(const Recommender& recommender, const Request& request, const Controls& controls,
             const ItemIndex& index, Answer* answer, std::vector<ControlNote>* notes)
      : recommender_(recommender),
        request_(request),
        controls_(controls),
        index_(index),
        answer_(*answer),
        notes_(*notes),
        count_(std::min(request.count, Request::kMaxCount)),
        diversity_(static_cast<float>(std::clamp(controls.diversity, 0.0, 1.0))),
        counts_(controls.caps.size()) {}

  void Run() {
    answer_.clear();
    notes_.clear();
    if (count_ == 0) return;
    FindPins();
    const bool buries = HasRule(Action::kBury);
    Collect(/*inside=*/true, /*buried=*/false);
    if (buries) Collect(/*inside=*/true, /*buried=*/true);
    if (controls_.soft) {
      Collect(/*inside=*/false, /*buried=*/false);
      if (buries) Collect(/*inside=*/false, /*buried=*/true);
    }
    Place();
  }

 private:
  // An item with all that is to be told of it, apart from the pass that found it.
  struct Entry {
    RankedItem ranked;
    std::vector<Contribution> contributions;
    ItemIndex::Facts facts;
    ControlNote note;
    float likeness = 0;  // to the most alike of the chosen ones
  };

  bool HasRule(Action action) const {
    return std::any_of(controls_.rules.begin(), controls_.rules.end(),
                       [action](const ControlRule& rule) { return rule.action == action; });
  }
  bool Matches(const ControlRule& rule, ItemId item) const {
    return rule.condition == nullptr || rule.condition(item);
  }
  bool Buried(ItemId item) const {
    return std::any_of(controls_.rules.begin(), controls_.rules.end(), [&](const auto& rule) {
      return rule.action == Action::kBury && Matches(rule, item);
    });
  }

  // One call of the recommender: the best `count` items inside or outside of the filter that were
  // not chosen yet and pass `further`.
  const Answer& Pass(uint32_t count, bool inside, const ItemCondition& further) {
    Request request = request_;
    request.count = count;
    if (!inside) {
      request.category = {};
      request.min_price = -std::numeric_limits<float>::infinity();
      request.max_price = std::numeric_limits<float>::infinity();
    }
    request.filter = [&](ItemId item) {
      return !chosen_.contains(item) && (!request_.filter || request_.filter(item)) &&
             (!inside || controls_.condition == nullptr || controls_.condition(item)) &&
             (further == nullptr || further(item));
    };
    pass_.clear();
    recommender_.Recommend(request, index_, &pass_);
    answer_.candidates = std::max(answer_.candidates, pass_.candidates);
    return pass_;
  }

  Entry MakeEntry(const RankedItem& ranked) const {
    Entry entry;
    entry.ranked = ranked;
    const auto parts = pass_.ContributionsOf(ranked);
    entry.contributions.assign(parts.begin(), parts.end());
    entry.facts = index_.GetFacts(ranked.item.value());
    return entry;
  }

  // Places of this page that a rule gives away; of two rules for one place the first counts.
  void FindPins() {
    for (const ControlRule& rule : controls_.rules) {
      if (rule.action != Action::kPin || rule.position <= controls_.offset ||
          rule.position - controls_.offset > count_) {
        continue;
      }
      const uint32_t place = rule.position - controls_.offset - 1;
      if (pins_.contains(place)) continue;
      const Answer& found =
          Pass(1, /*inside=*/true, [&](ItemId item) { return Matches(rule, item); });
      if (found.items.empty()) continue;
      Entry entry = MakeEntry(found.items.front());
      entry.note.pinned = true;
      Choose(entry);
      pins_.emplace(place, std::move(entry));
    }
  }

  void Choose(const Entry& entry) {
    chosen_.insert(entry.ranked.item);
    for (size_t cap = 0; cap < controls_.caps.size(); ++cap) {
      const uint64_t value = controls_.caps[cap].value(entry.ranked.item);
      if (value != 0) ++counts_[cap][value];
    }
    if (diversity_ == 0) return;
    for (Entry& other : pool_) other.likeness = std::max(other.likeness, Likeness(other, entry));
  }
  bool WithinCaps(ItemId item) const {
    for (size_t cap = 0; cap < controls_.caps.size(); ++cap) {
      const uint64_t value = controls_.caps[cap].value(item);
      if (value == 0) continue;
      const auto found = counts_[cap].find(value);
      if (found != counts_[cap].end() && found->second >= controls_.caps[cap].max_items) {
        return false;
      }
    }
    return true;
  }
  static float Likeness(const Entry& a, const Entry& b) {
    float likeness = 0;
    if (a.facts.category.value() != 0 && a.facts.category == b.facts.category) {
      likeness += kCategoryLikeness;
    }
    if (a.facts.brand.value() != 0 && a.facts.brand == b.facts.brand) likeness += kBrandLikeness;
    return likeness;
  }

  uint32_t Wanted() const {
    const uint32_t have = static_cast<uint32_t>(list_.size() + pins_.size());
    return have >= count_ ? 0 : count_ - have;
  }

  // Adds the best of one kind to the list, in rounds while caps shut out what a pass brought.
  void Collect(bool inside, bool buried) {
    while (Wanted() > 0) {
      const ItemCondition further = [&](ItemId item) {
        return Buried(item) == buried && WithinCaps(item);
      };
      if (!FillPool(inside, further)) return;
      ApplyBoosts();
      for (Entry& entry : pool_) {
        entry.note.buried = buried;
        entry.note.outside_filter = !inside;
      }
      if (!ChooseFromPool()) return;
    }
  }

  // The best candidates, and of each rule that lifts the best that it covers. False: there are
  // none.
  bool FillPool(bool inside, const ItemCondition& further) {
    pool_.clear();
    const bool reorders = diversity_ > 0 || !controls_.caps.empty() || HasRule(Action::kBoost);
    const uint32_t size =
        reorders ? std::min(Request::kMaxCount, std::max(Wanted() * kPoolFactor, kSmallestPool))
                 : Wanted();
    absl::flat_hash_set<ItemId> seen;
    const auto add = [&](const Answer& found) {
      for (const RankedItem& ranked : found.items) {
        if (seen.insert(ranked.item).second) pool_.push_back(MakeEntry(ranked));
      }
    };
    add(Pass(size, inside, further));
    if (pool_.empty()) return false;
    const bool all = pool_.size() < size;  // the pass brought every eligible item
    for (const ControlRule& rule : controls_.rules) {
      if (all || rule.action != Action::kBoost || rule.strength <= 0) continue;
      add(Pass(size, inside, [&](ItemId item) { return Matches(rule, item) && further(item); }));
    }
    if (diversity_ == 0) return true;
    for (Entry& entry : pool_) {
      for (const Entry& chosen : list_) {
        entry.likeness = std::max(entry.likeness, Likeness(entry, chosen));
      }
      for (const auto& [place, pin] : pins_) {
        entry.likeness = std::max(entry.likeness, Likeness(entry, pin));
      }
    }
    return true;
  }

  void ApplyBoosts() {
    if (best_ == 0) {
      for (const Entry& entry : pool_) best_ = std::max(best_, entry.ranked.score);
    }
    if (HasRule(Action::kBoost)) {
      for (Entry& entry : pool_) {
        float lift = 0;
        for (const ControlRule& rule : controls_.rules) {
          if (rule.action != Action::kBoost || !Matches(rule, entry.ranked.item)) continue;
          lift += static_cast<float>(rule.strength) * best_;
        }
        if (lift == 0) continue;
        entry.ranked.score += lift;
        entry.contributions.push_back({.source = Source::kRule, .amount = lift});
      }
    }
    std::sort(pool_.begin(), pool_.end(), [](const Entry& a, const Entry& b) {
      return a.ranked.score != b.ranked.score ? a.ranked.score > b.ranked.score
                                              : a.ranked.item < b.ranked.item;
    });
  }

  // False when nothing of the pool could be taken.
  bool ChooseFromPool() {
    bool took = false;
    const float scale = best_ > 0 ? (1 - diversity_) / best_ : 0;
    std::vector<bool> done(pool_.size());
    while (Wanted() > 0) {
      size_t best = pool_.size();
      float most = 0;
      for (size_t i = 0; i < pool_.size(); ++i) {
        if (done[i]) continue;
        if (!controls_.caps.empty() && !WithinCaps(pool_[i].ranked.item)) {
          done[i] = true;
          continue;
        }
        const float value = scale * pool_[i].ranked.score - diversity_ * pool_[i].likeness;
        if (best == pool_.size() || value > most) {
          best = i;
          most = value;
        }
        if (diversity_ == 0) break;  // in order of score already
      }
      if (best == pool_.size()) return took;
      done[best] = true;
      took = true;
      const Entry entry = pool_[best];
      Choose(entry);
      list_.push_back(entry);
    }
    return took;
  }

  void Place() {
    size_t next = 0;
    for (uint32_t place = 0; place < count_; ++place) {
      const auto pin = pins_.find(place);
      if (pin != pins_.end()) {
        Append(pin->second);
        pins_.erase(pin);
      } else if (next < list_.size()) {
        Append(list_[next++]);
      }
    }
  }
  void Append(const Entry& entry) {
    RankedItem ranked = entry.ranked;
    ranked.first_contribution = static_cast<uint32_t>(answer_.contributions.size());
    ranked.contribution_count = static_cast<uint32_t>(entry.contributions.size());
    answer_.contributions.insert(answer_.contributions.end(), entry.contributions.begin(),
                                 entry.contributions.end());
    answer_.items.push_back(ranked);
    notes_.push_back(entry.note);
  }

  const Recommender& recommender_;
  const Request& request_;
  const Controls& controls_;
  const ItemIndex& index_;
  Answer& answer_;
  std::vector<ControlNote>& notes_;
  const uint32_t count_;
  const float diversity_;

  Answer pass_;
  float best_ = 0;  // score of the best candidate before rules
  absl::flat_hash_set<ItemId> chosen_;
  std::vector<absl::flat_hash_map<uint64_t, uint32_t>> counts_;  // by cap: value → items chosen
  absl::flat_hash_map<uint32_t, Entry> pins_;                    // by place on this page
  std::vector<Entry> pool_;
  std::vector<Entry> list_;
};

}  // namespace

void RecommendWithControls(const Recommender& recommender, const Request& request,
                           const Controls& controls, const ItemIndex& index, Answer* answer,
                           std::vector<ControlNote>* notes) {
  if (!controls.any()) {
    answer->clear();
    recommender.Recommend(request, index, answer);
    notes->assign(answer->items.size(), ControlNote());
    return;
  }
  Controlled(recommender, request, controls, index, answer, notes).Run();
}

}  // namespace kindred::recommend
