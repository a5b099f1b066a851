// From what is known of a customer, a session, a page or a cart to a ranked, explained list of
// items.
//
// Score of item j (reference: the blend measured in README.md), i running over the seeds (distinct
// items of session and history, newest first, step 1, 2, …; a page item and cart items are step 1):
//   similar  (1 - w) · Σ e^(-step_i / similar_reach) c_ij / (√(n_i n_j) + h)  / its maximum
//   next     w       · Σ e^(-step_i / next_reach)    R_ij / n_i               / its maximum
//   reminder          reminder_weight · r_1 / f · (r_s / r_1)^contrast, s = step_j, j a seed;
//                     r_s = share of events that come back to what was touched s touches ago, f =
//                     share that the strongest pair foretells, both learnt live (revisits.h)
//   repeat            repeat_weight · f_j / its maximum, over what the customer bought:
//                     f_j = orders_j · 2^(-age_j / half-life) · (popularity_j / maximum +
//                     0.01)^trend
//   content           content_weight · Σ e^(-step_i / similar_reach) · l_ij · m / (m + n),
//                     l_ij = likeness by what the catalogue says (content_index.h), n = the smaller
//                     of n_i and n_j, m = content_evidence: it speaks for items that few have met
//                     and falls silent as relations learn
//   popular           popular_weight · popularity of j / maximum (of the asked category if any)
#ifndef KINDRED_RECOMMEND_RECOMMENDER_H_
#define KINDRED_RECOMMEND_RECOMMENDER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/strong_int.h"
#include "recommend/interaction.h"
#include "recommend/item_index.h"

namespace kindred::recommend {

struct BlendOptions {
  uint32_t max_seeds = 12;
  double shrink = 30;        // h: sessions that a pair must outweigh
  double similar_reach = 3;  // steps
  double next_reach = 0.7;
  double next_weight = 0.5;  // w
  double reminder_weight = 0.6;
  double reminder_contrast = 1.4;
  double repeat_weight = 5;
  double repeat_half_life_days = 365;
  double repeat_trend = 0.3;  // exponent of popularity in repeat
  double popular_weight = 0.05;
  double content_weight = 0.3;
  double content_evidence = 5;  // sessions with the less known of two items
  // Seeds of earlier visits fade with age besides their step.
  double seed_half_life_days = 14;
};

// InvalidArgument names the first value out of range. Check what operators write before use: the
// constructors below end the process on it.
absl::Status Validate(const BlendOptions& options);
// Sets the option of that name, as it is written above. InvalidArgument lists the names there are.
absl::Status SetByName(absl::string_view name, double value, BlendOptions* options);

// kRule: what a rule of the caller added (control.h).
enum class Source : uint8_t { kSimilar, kNext, kReminder, kRepeat, kPopular, kRule, kContent };
inline constexpr int kSources = 7;
// "similar", "next", "reminder", "repeat", "popular", "rule", "content".
absl::string_view SourceName(Source source);

// Where a seed came from; decides the words of a reason.
enum class SeedKind : uint8_t { kNone, kViewed, kCart, kBought, kPage };

// A part of a score. The contributions of an item sum to its score.
struct Contribution {
  Source source = Source::kPopular;
  SeedKind seed_kind = SeedKind::kNone;
  ItemId seed = {};  // the customer's item behind it; 0 for repeat and popular
  float amount = 0;
};

enum class ReasonKind : uint8_t {
  kBecauseViewed,  // items[0], and items[1] unless 0
  kBecauseBought,
  kBecauseInCart,
  kSimilarToPage,  // items[0]
  kAlike,          // by content, to items[0], and items[1] unless 0
  kLookAgain,      // seen before, not bought
  kBuyAgain,
  kPopularInCategory,  // category
  kPopular,
};
struct Reason {
  ReasonKind kind = ReasonKind::kPopular;
  ItemId items[2] = {};
  TermId category = {};
};
// "Because you viewed Green tea and Teapot". The functions give words for ids (title or id).
std::string Sentence(const Reason& reason, const std::function<std::string(ItemId)>& item_words,
                     const std::function<std::string(TermId)>& term_words);

struct RankedItem {
  ItemId item = {};
  float score = 0;
  Source source = Source::kPopular;  // the source with the largest part
  Reason reason = {};
  uint32_t first_contribution = 0;  // into Answer::contributions
  uint32_t contribution_count = 0;
};

// Reused between calls: clear() keeps the memory.
struct Answer {
  std::vector<RankedItem> items;  // best first; ties in order of item id
  std::vector<Contribution> contributions;
  uint32_t candidates = 0;  // items that were scored
  absl::Span<const Contribution> ContributionsOf(const RankedItem& item) const {
    return absl::MakeConstSpan(contributions)
        .subspan(item.first_contribution, item.contribution_count);
  }
  void clear() {
    items.clear();
    contributions.clear();
    candidates = 0;
  }
};

// All spans are newest first and only read during the call. Everything is optional.
struct Request {
  int64_t now_ms = 0;
  uint32_t count = 20;                         // at most kMaxCount
  absl::Span<const Touch> session = {};        // given with the call; comes before `recent`
  absl::Span<const Touch> recent = {};         // the profile's recent items
  ItemId page_item = {};                       // never recommended itself
  absl::Span<const ItemId> cart = {};          // never recommended themselves
  absl::Span<const OwnedItem> purchased = {};  // for repeat purchase and exclude_purchased

  // Filters; they apply before the list is cut to `count`.
  TermId category = {};  // 0: any
  float min_price = -std::numeric_limits<float>::infinity();
  float max_price =
      std::numeric_limits<float>::infinity();  // a bound excludes items without a price
  absl::Span<const ItemId> exclude = {};
  bool exclude_purchased = false;
  bool exclude_recent = false;              // nothing the customer touched lately: no reminders
  std::function<bool(ItemId)> filter = {};  // further condition; empty: none. Must be pure.
  // How much a touch counts as a seed, by Interaction; 0: not at all.
  std::array<float, kInteractionKinds> seed_weight = {1, 1, 1, 1, 1, 1};

  static constexpr uint32_t kMaxCount = 1000;
};

// Threads: const, from any thread; each thread keeps scratch memory of its own.
// Never empty while an eligible item exists: what relations do not fill, popular items of the
// category fill, then any eligible item by popularity.
// Costs no allocation once scratch and answer have grown to size.
class Recommender {
 public:
  explicit Recommender(const BlendOptions& options = {});

  void Recommend(const Request& request, const ItemIndex& index, Answer* answer) const;
  // Items like `item`, with the filters, count and time of `request`; its customer is left out.
  void SimilarItems(ItemId item, const Request& request, const ItemIndex& index,
                    Answer* answer) const;

  const BlendOptions& options() const { return options_; }

 private:
  BlendOptions options_;
};

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_RECOMMENDER_H_
