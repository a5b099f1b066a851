// A request's controls: checked, and turned from names into numbers and conditions.
#ifndef KINDRED_NODE_RECOMMEND_CONTROLS_H_
#define KINDRED_NODE_RECOMMEND_CONTROLS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "kindred/v1/recommendation.pb.h"
#include "node/item_fields.h"
#include "node/page_token.h"
#include "node/request_error.h"
#include "node/shared_state.h"
#include "recommend/control.h"
#include "recommend/recommender.h"

namespace kindred::node {

// Made on the stack of a call, after the checks passed; owns what Request and Controls point at.
// Threads: one.
class RecommendControls {
 public:
  // Adds a violation for everything that cannot be used; then nothing else may be called.
  RecommendControls(const v1::ItemFilter& filter, const SharedState& shared, RequestCheck* check);
  RecommendControls(const RecommendControls&) = delete;
  RecommendControls& operator=(const RecommendControls&) = delete;
  void AddRules(const v1::RecommendRequest& request, RequestCheck* check);
  void AddPageToken(const v1::RecommendRequest& request, RequestCheck* check);

  // Leaves out further items.
  void Exclude(ItemId item) { exclude_.push_back(item); }
  // Sets filter, category, prices and exclusions of `request`; now_ms must be set.
  void Apply(recommend::Request* request);
  const recommend::Controls& controls() const { return controls_; }
  // Items on earlier pages.
  const PageToken& page() const { return page_; }

 private:
  std::optional<ItemExpression> Compile(const std::string& source, const std::string& field,
                                        RequestCheck* check);

  const v1::ItemFilter& filter_;
  const SharedState& shared_;
  int64_t now_ms_ = 0;
  std::vector<ItemId> exclude_;
  absl::flat_hash_set<TermId> categories_;
  std::optional<ItemExpression> expression_;
  std::vector<std::optional<ItemExpression>> conditions_;
  std::vector<recommend::ControlRule> rules_;
  std::vector<recommend::AttributeCap> caps_;
  PageToken page_;
  absl::flat_hash_set<uint32_t> returned_;
  recommend::Controls controls_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_RECOMMEND_CONTROLS_H_
