// What the scores of an answer are made of.
#include <algorithm>
#include <array>

#include "recommend/query.h"

namespace kindred::recommend {

void Query::Explain(Answer* answer) {
  scratch_.numbers.clear();
  for (const Top& top : scratch_.top) {
    scratch_.numbers.push_back(scratch_.candidates.Find(top.item));
  }
  SplitAmounts();
  if (has_content_) SplitContent();
  for (uint32_t place = 0; place < scratch_.top.size(); ++place) AppendItem(place, answer);
  std::sort(answer->items.begin(), answer->items.end(),
            [](const RankedItem& a, const RankedItem& b) {
              return a.score != b.score ? a.score > b.score : a.item < b.item;
            });
}

// The entries of the chosen items once more, in the order of the rows. Their sums may have grown
// since: the score becomes the sum of what is found now, so contributions always sum to it.
void Query::SplitAmounts() {
  const size_t n = scratch_.top.size();
  const Seed* const seeds = scratch_.seeds.data();
  const uint32_t* const earlier = scratch_.earlier.data();
  const float similar_scale = similar_scale_, next_scale = next_scale_, shrink = shrink_;
  scratch_.amounts.assign(n * scratch_.seeds.size() * 2, 0.0f);
  for (uint32_t place = 0; place < n; ++place) {
    const uint32_t number = scratch_.numbers[place];
    if (number == CandidateTable::kNone) continue;
    const RelationSums sums = scratch_.candidates.sums(number);
    if (sums.last_entry == 0) continue;
    scratch_.entries.clear();
    for (uint32_t entry = sums.last_entry; entry != 0; entry = earlier[entry - 1]) {
      scratch_.entries.push_back(entry - 1);
    }
    float* const amounts = Amount(place, 0);
    const SeedRow* from = scratch_.rows.data();
    for (auto entry = scratch_.entries.rbegin(); entry != scratch_.entries.rend(); ++entry) {
      while (*entry - from->begin >= from->row.size) ++from;
      const uint32_t i = *entry - from->begin;
      const Seed& seed = seeds[from->seed];
      float* const amount = amounts + size_t{from->seed} * 2;
      amount[0] += similar_scale * seed.similar_weight * RowView::Load(from->row.symmetric + i) /
                   (seed.root_support * sums.root_support + shrink);
      amount[1] += next_scale * seed.next_weight * RowView::Load(from->row.directed + i);
    }
  }
}

void Query::SplitContent() {
  const size_t n = scratch_.top.size();
  const size_t seeds = scratch_.seeds.size();
  scratch_.alike.assign(n * seeds, 0.0f);
  CandidateTable& candidates = scratch_.candidates;
  for (uint32_t place = 0; place < n; ++place) {
    const uint32_t number = scratch_.numbers[place];
    if (number != CandidateTable::kNone) candidates.candidate(number).place = place;
  }
  for (size_t s = 0; s < seeds; ++s) {
    const Seed& seed = scratch_.seeds[s];
    index_.content().ForEach(seed.item, [&](uint32_t item, float likeness) {
      const uint32_t number = candidates.Find(item);
      if (number == CandidateTable::kNone) return;
      const uint32_t place = candidates.candidate(number).place;
      if (place == CandidateTable::kNone) return;
      scratch_.alike[place * seeds + s] +=
          ContentAmount(seed, candidates.sums(number).root_support, likeness);
    });
  }
}

void Query::AppendItem(uint32_t place, Answer* answer) {
  const uint32_t item = scratch_.top[place].item;
  RankedItem ranked;
  ranked.item = ItemId(item);
  ranked.first_contribution = static_cast<uint32_t>(answer->contributions.size());
  std::array<float, kSources> parts{};
  scratch_.contributions.resize(scratch_.seeds.size() * 4 + request_.purchased.size() + 1);
  Contribution* end = scratch_.contributions.data();
  const auto add = [&](Source source, SeedKind kind, uint32_t seed, float amount) {
    if (amount == 0) return;
    parts[static_cast<size_t>(source)] += amount;
    ranked.score += amount;
    *end++ = {.source = source, .seed_kind = kind, .seed = ItemId(seed), .amount = amount};
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
  const uint32_t number = scratch_.numbers[place];
  const size_t owned =
      number == CandidateTable::kNone ? 0 : scratch_.candidates.candidate(number).owned;
  if (owned > 0) add(Source::kRepeat, SeedKind::kNone, 0, RepeatAmount(owned - 1));
  for (size_t i = owned; owned_twice_ && owned > 0 && i < request_.purchased.size(); ++i) {
    if (request_.purchased[i].item.value() == item) {
      add(Source::kRepeat, SeedKind::kNone, 0, RepeatAmount(i));
    }
  }
  add(Source::kPopular, SeedKind::kNone, 0, PopularAmount(item));
  answer->contributions.insert(answer->contributions.end(), scratch_.contributions.data(), end);
  ranked.contribution_count = static_cast<uint32_t>(end - scratch_.contributions.data());
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

}  // namespace kindred::recommend
