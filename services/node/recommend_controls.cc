#include "node/recommend_controls.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kindred::node {
namespace {

constexpr int kMaxExcluded = 1000;
constexpr int kMaxCategories = 1000;
constexpr int kMaxRules = 20;
constexpr int kMaxCaps = 5;
constexpr int kMaxCapItems = 100;
constexpr int kMaxPin = 1000;
constexpr size_t kMaxAttributeBytes = 256;

void CheckDuration(const google::protobuf::Duration& duration, absl::string_view field,
                   RequestCheck* check) {
  if (duration.seconds() < 0 || duration.nanos() < 0) check->Violation(field, "expected 0 or more");
}

}  // namespace

RecommendControls::RecommendControls(const v1::ItemFilter& filter, const SharedState& shared,
                                     RequestCheck* check)
    : filter_(filter), shared_(shared) {
  if (filter.exclude_item_ids_size() > kMaxExcluded) {
    check->Violation("filter.exclude_item_ids", "expected at most 1000 items");
    return;
  }
  if (filter.categories_size() > kMaxCategories) {
    check->Violation("filter.categories", "expected at most 1000 categories");
    return;
  }
  if (filter.has_min_price() && !(filter.min_price() >= 0)) {
    check->Violation("filter.min_price", "expected 0 or more");
  }
  if (filter.has_max_price() && !(filter.max_price() >= 0)) {
    check->Violation("filter.max_price", "expected 0 or more");
  }
  if (filter.has_min_price() && filter.has_max_price() && filter.min_price() > filter.max_price()) {
    check->Violation("filter.min_price", "is above max_price");
  }
  CheckDuration(filter.exclude_purchased_within(), "filter.exclude_purchased_within", check);
  CheckDuration(filter.exclude_seen_within(), "filter.exclude_seen_within", check);
  for (const std::string& id : filter.exclude_item_ids()) {
    const ItemId item(shared.items.names().Find(id));
    if (item.value() != 0) exclude_.push_back(item);
  }
  for (const std::string& name : filter.categories()) {
    // A category that nobody named yet has no items: an id that no item has stands for it.
    const uint32_t known = shared.terms.names().Find(name);
    categories_.insert(TermId(known == 0 ? std::numeric_limits<uint32_t>::max() : known));
  }
  expression_ = Compile(filter.expression(), "filter.expression", check);
}

std::optional<ItemExpression> RecommendControls::Compile(const std::string& source,
                                                         const std::string& field,
                                                         RequestCheck* check) {
  if (source.empty()) return std::nullopt;
  absl::StatusOr<ItemExpression> compiled = ItemExpression::Compile(source, &shared_);
  if (compiled.ok()) return *std::move(compiled);
  check->Violation(field, compiled.status().message());
  return std::nullopt;
}

void RecommendControls::AddRules(const v1::RecommendRequest& request, RequestCheck* check) {
  if (request.rules_size() > kMaxRules) {
    check->Violation("rules", absl::StrCat("expected at most ", kMaxRules));
    return;
  }
  if (request.caps_size() > kMaxCaps) {
    check->Violation("caps", absl::StrCat("expected at most ", kMaxCaps));
    return;
  }
  for (int i = 0; i < request.rules_size(); ++i) {
    const v1::Rule& rule = request.rules(i);
    const std::string field = absl::StrCat("rules[", i, "]");
    conditions_.push_back(Compile(rule.condition(), absl::StrCat(field, ".condition"), check));
    recommend::ControlRule made;
    switch (rule.action_case()) {
      case v1::Rule::kBoost:
        made.action = recommend::ControlRule::Action::kBoost;
        made.strength = rule.boost();
        if (!(rule.boost() >= -1 && rule.boost() <= 1)) {
          check->Violation(absl::StrCat(field, ".boost"), "expected -1 to 1");
        }
        break;
      case v1::Rule::kBury:
        made.action = recommend::ControlRule::Action::kBury;
        if (!rule.bury()) check->Violation(absl::StrCat(field, ".bury"), "expected true");
        break;
      case v1::Rule::kPin:
        made.action = recommend::ControlRule::Action::kPin;
        made.position = static_cast<uint32_t>(rule.pin());
        if (rule.pin() < 1 || rule.pin() > kMaxPin) {
          check->Violation(absl::StrCat(field, ".pin"), "expected a place from 1 to 1000");
        }
        break;
      case v1::Rule::ACTION_NOT_SET:
        check->Violation(field, "expected one of boost, bury and pin");
    }
    rules_.push_back(std::move(made));
  }
  for (int i = 0; i < request.caps_size(); ++i) {
    const v1::AttributeCap& cap = request.caps(i);
    const std::string field = absl::StrCat("caps[", i, "]");
    if (cap.attribute().empty() || cap.attribute().size() > kMaxAttributeBytes) {
      check->Violation(absl::StrCat(field, ".attribute"),
                       "expected category, brand or an attribute of the catalogue");
    }
    if (cap.max_items() < 1 || cap.max_items() > kMaxCapItems) {
      check->Violation(absl::StrCat(field, ".max_items"), "expected 1 to 100");
    }
    caps_.push_back(
        {.value = [this,
                   &cap](ItemId item) { return AttributeValue(cap.attribute(), item, shared_); },
         .max_items = static_cast<uint32_t>(cap.max_items())});
  }
  if (!(request.diversity() >= 0 && request.diversity() <= 1)) {
    check->Violation("diversity", "expected 0 to 1");
  }
  controls_.diversity = request.diversity();
}

void RecommendControls::AddPageToken(const v1::RecommendRequest& request, RequestCheck* check) {
  page_.request = RequestFingerprint(request);
  if (request.page_token().empty()) return;
  absl::StatusOr<PageToken> token = DecodePageToken(request.page_token());
  if (!token.ok()) {
    check->Violation("page_token", token.status().message());
    return;
  }
  if (token->request != page_.request) {
    check->Violation("page_token",
                     "belongs to another request; only count may change between pages");
    return;
  }
  page_ = *std::move(token);
  returned_.insert(page_.returned.begin(), page_.returned.end());
}

void RecommendControls::Apply(recommend::Request* request) {
  now_ms_ = request->now_ms;
  request->exclude = exclude_;
  request->exclude_purchased = filter_.exclude_purchased();
  if (filter_.has_min_price()) request->min_price = static_cast<float>(filter_.min_price());
  if (filter_.has_max_price()) request->max_price = static_cast<float>(filter_.max_price());
  if (categories_.size() == 1) request->category = *categories_.begin();
  if (!returned_.empty()) {
    request->filter = [this](ItemId item) {
      return !returned_.contains(ItemMark(shared_.items.names().Name(item.value())));
    };
  }
  if (categories_.size() > 1 || expression_.has_value()) {
    controls_.condition = [this](ItemId item) {
      return (categories_.size() < 2 ||
              categories_.contains(shared_.index.GetFacts(item.value()).category)) &&
             (!expression_.has_value() || expression_->Test(item, now_ms_));
    };
  }
  for (size_t i = 0; i < rules_.size(); ++i) {
    if (!conditions_[i].has_value()) continue;
    rules_[i].condition = [this, i](ItemId item) { return conditions_[i]->Test(item, now_ms_); };
  }
  controls_.soft = filter_.fill_up();
  controls_.rules = rules_;
  controls_.caps = caps_;
  controls_.offset = static_cast<uint32_t>(page_.returned.size());
}

}  // namespace kindred::node
