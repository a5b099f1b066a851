// What a shop wants of an answer besides relevance: which items may be in it, which are to be
// lifted, put last or put in a fixed place, how many of one kind, how varied. Works on top of
// Recommender: it asks it for as many candidates as it needs, in passes, and orders them.
//
// Guarantees:
// - No item twice. As many items as asked for, whenever as many are eligible and the caps allow.
// - An item that a rule lifts or pins is found wherever it stands, not only among the best.
// - The contributions of an item sum to its score; what rules add is a contribution of its own.
#ifndef KINDRED_RECOMMEND_CONTROL_H_
#define KINDRED_RECOMMEND_CONTROL_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/types/span.h"
#include "base/strong_int.h"
#include "recommend/item_index.h"
#include "recommend/recommender.h"

namespace kindred::recommend {

// Pure functions of an item; called often, from the thread of the call.
using ItemCondition = std::function<bool(ItemId)>;

struct ControlRule {
  enum class Action : uint8_t {
    // Adds `strength` times the score of the best candidate: 1 lifts any item to the level of the
    // best, -1 takes as much away.
    kBoost,
    // After all items that no such rule covers.
    kBury,
    // The best item that fulfils the condition comes at `position`, whatever its score.
    kPin,
  };
  ItemCondition condition = {};  // empty: every item
  Action action = Action::kBoost;
  double strength = 0;    // kBoost: -1 to 1
  uint32_t position = 1;  // kPin: 1 is the first place of the whole list, over all pages
};

// At most `max_items` items with the same value.
struct AttributeCap {
  // A number for the item's value of the attribute; 0: it has none, and is not capped.
  std::function<uint64_t(ItemId)> value = {};
  uint32_t max_items = 1;
};

struct Controls {
  // What may be returned, besides what Request says. Empty: everything.
  ItemCondition condition = {};
  // When too few items fulfil the condition, the request's category and the request's prices, fill
  // up with others. Exclusions hold all the same.
  bool soft = false;
  absl::Span<const ControlRule> rules = {};
  absl::Span<const AttributeCap> caps = {};
  // 0: by score alone; 1: by difference alone. In between, maximal marginal relevance (Carbonell
  // and Goldstein, SIGIR 1998): each place goes to the item with the highest
  //   (1 - diversity) · score / best score - diversity · likeness to the items before,
  // where likeness counts 0.6 for the same category and 0.4 for the same brand.
  double diversity = 0;
  // How many items of the whole list came on earlier pages; they are excluded by `request.filter`.
  uint32_t offset = 0;

  bool any() const {
    return condition != nullptr || soft || !rules.empty() || !caps.empty() || diversity > 0;
  }
};

// Beside Answer::items, one for each.
struct ControlNote {
  bool pinned = false;
  bool buried = false;
  bool outside_filter = false;  // fills up: it does not fulfil the filter
};

// Fills `answer` with at most request.count items in the order to show them, and `notes` likewise.
// Threads: as Recommender. Not reentrant: conditions must not call it.
void RecommendWithControls(const Recommender& recommender, const Request& request,
                           const Controls& controls, const ItemIndex& index, Answer* answer,
                           std::vector<ControlNote>* notes);

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_CONTROL_H_
