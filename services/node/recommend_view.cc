// LiveServing's recommendations: requests in names → the recommender's numbers → answers in words.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/live_serving.h"
#include "node/profile_view.h"
#include "node/request_error.h"

namespace kindred::node {
namespace {

constexpr int kDefaultCount = 10;
constexpr int kMaxCount = 100;
constexpr int kMaxSessionItems = 50;
constexpr int kMaxExcluded = 1000;

v1::Source SourceOf(recommend::Source source) {
  switch (source) {
    case recommend::Source::kSimilar:
      return v1::SOURCE_TOGETHER;
    case recommend::Source::kNext:
      return v1::SOURCE_NEXT;
    case recommend::Source::kReminder:
      return v1::SOURCE_REMINDER;
    case recommend::Source::kRepeat:
      return v1::SOURCE_REPEAT_PURCHASE;
    case recommend::Source::kPopular:
      return v1::SOURCE_POPULAR;
  }
  return v1::SOURCE_UNSPECIFIED;
}

event::v1::EventType TypeOf(recommend::SeedKind kind) {
  switch (kind) {
    case recommend::SeedKind::kViewed:
    case recommend::SeedKind::kPage:
      return event::v1::EVENT_TYPE_VIEW;
    case recommend::SeedKind::kCart:
      return event::v1::EVENT_TYPE_ADD_TO_CART;
    case recommend::SeedKind::kBought:
      return event::v1::EVENT_TYPE_PURCHASE;
    case recommend::SeedKind::kNone:
      break;
  }
  return event::v1::EVENT_TYPE_UNSPECIFIED;
}

void CheckCount(int32_t count, RequestCheck* check) {
  if (count < 0 || count > kMaxCount) check->Violation("count", "expected 0 to 100");
}

void CheckFilter(const v1::ItemFilter& filter, RequestCheck* check) {
  if (filter.exclude_item_ids_size() > kMaxExcluded) {
    check->Violation("filter.exclude_item_ids", "expected at most 1000 items");
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
}

// A filter in numbers. Owns what the recommender's request points at.
class FilterNumbers {
 public:
  FilterNumbers(const v1::ItemFilter& filter, const SharedState& shared) : index_(shared.index) {
    for (const std::string& id : filter.exclude_item_ids()) {
      const ItemId item(shared.items.names().Find(id));
      if (item.value() != 0) exclude_.push_back(item);
    }
    for (const std::string& name : filter.categories()) {
      // A category that nobody named yet has no items: an id that no item has stands for it.
      const uint32_t known = shared.terms.names().Find(name);
      categories_.insert(TermId(known == 0 ? std::numeric_limits<uint32_t>::max() : known));
    }
  }

  void Apply(const v1::ItemFilter& filter, recommend::Request* request) {
    request->exclude = exclude_;
    request->exclude_purchased = filter.exclude_purchased();
    if (filter.has_min_price()) request->min_price = static_cast<float>(filter.min_price());
    if (filter.has_max_price()) request->max_price = static_cast<float>(filter.max_price());
    if (categories_.size() == 1) {
      request->category = *categories_.begin();
    } else if (!categories_.empty()) {
      request->filter = [this](ItemId item) {
        return categories_.contains(index_.GetFacts(item.value()).category);
      };
    }
  }

 private:
  const recommend::ItemIndex& index_;
  std::vector<ItemId> exclude_;
  absl::flat_hash_set<TermId> categories_;
};

// Turns an answer into messages.
class AnswerWords {
 public:
  explicit AnswerWords(const SharedState& shared) : shared_(shared) {}

  void Fill(const recommend::Answer& answer,
            google::protobuf::RepeatedPtrField<v1::Recommendation>* out) const {
    for (const recommend::RankedItem& item : answer.items) FillOne(answer, item, out->Add());
  }

 private:
  std::string Words(ItemId item) const {
    std::string title = shared_.index.Title(item);
    return title.empty() ? std::string(shared_.items.names().Name(item.value())) : title;
  }

  void FillOne(const recommend::Answer& answer, const recommend::RankedItem& item,
               v1::Recommendation* out) const {
    const recommend::ItemIndex::Facts facts = shared_.index.GetFacts(item.item.value());
    out->set_item_id(std::string(shared_.items.names().Name(item.item.value())));
    out->set_title(shared_.index.Title(item.item));
    out->set_category(std::string(shared_.terms.names().Name(facts.category.value())));
    if (facts.price > 0) out->set_price(facts.price);
    out->set_score(item.score);
    out->set_source(SourceOf(item.source));
    out->set_reason(recommend::Sentence(
        item.reason, [this](ItemId id) { return Words(id); },
        [this](TermId id) { return std::string(shared_.terms.names().Name(id.value())); }));
    const absl::Span<const recommend::Contribution> parts = answer.ContributionsOf(item);
    std::vector<recommend::Contribution> sorted(parts.begin(), parts.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
      return std::abs(a.amount) > std::abs(b.amount);
    });
    for (const recommend::Contribution& from : sorted) {
      v1::Contribution& to = *out->add_contributions();
      to.set_source(SourceOf(from.source));
      to.set_amount(from.amount);
      if (from.seed.value() == 0) continue;
      to.set_because_item_id(std::string(shared_.items.names().Name(from.seed.value())));
      to.set_because_title(shared_.index.Title(from.seed));
      to.set_because_type(TypeOf(from.seed_kind));
    }
  }

  const SharedState& shared_;
};

// What the recommender needs of a customer, copied out so that the partition is free meanwhile.
struct CustomerNumbers {
  std::vector<recommend::Touch> recent;
  std::vector<recommend::OwnedItem> owned;

  void Read(const profile::Profile& profile) {
    TouchesOf(profile, &recent);
    for (const profile::PurchasedItem& item : profile.purchases().items) {
      owned.push_back({item.item, static_cast<float>(item.count), item.last_ms});
    }
    std::reverse(owned.begin(), owned.end());
  }
};

recommend::Answer& ScratchAnswer() {
  thread_local recommend::Answer answer;
  answer.clear();
  return answer;
}

}  // namespace

absl::Status LiveServing::Recommend(const v1::RecommendRequest& request,
                                    v1::RecommendResponse* response) {
  RequestCheck check;
  CheckCount(request.count(), &check);
  CheckFilter(request.filter(), &check);
  if (request.session_item_ids_size() > kMaxSessionItems) {
    check.Violation("session_item_ids", "expected at most 50 items");
  }
  if (request.cart_item_ids_size() > kMaxSessionItems) {
    check.Violation("cart_item_ids", "expected at most 50 items");
  }
  KINDRED_RETURN_IF_ERROR(check.status());

  CustomerNumbers customer;
  bool known = false;
  if (!request.customer_id().empty()) {
    KINDRED_ASSIGN_OR_RETURN(
        known, Visit(request.customer_id(),
                     [&](const profile::Profile& profile) { customer.Read(profile); }));
  }
  const int64_t as_of_ms = partitions_.newest_event_ms();
  const base::Dictionary& items = shared_.items.names();
  std::vector<recommend::Touch> session;
  for (int i = request.session_item_ids_size(); i-- > 0;) {
    const ItemId item(items.Find(request.session_item_ids(i)));
    if (item.value() != 0) session.push_back({item, recommend::Interaction::kView, as_of_ms});
  }
  std::vector<ItemId> cart;
  for (const std::string& id : request.cart_item_ids()) {
    const ItemId item(items.Find(id));
    if (item.value() != 0) cart.push_back(item);
  }
  FilterNumbers filter(request.filter(), shared_);
  recommend::Request numbers;
  numbers.now_ms = as_of_ms;
  numbers.count = static_cast<uint32_t>(request.count() == 0 ? kDefaultCount : request.count());
  numbers.session = session;
  numbers.recent = customer.recent;
  numbers.page_item = ItemId(items.Find(request.page_item_id()));
  numbers.cart = cart;
  numbers.purchased = customer.owned;
  filter.Apply(request.filter(), &numbers);
  recommend::Answer& answer = ScratchAnswer();
  recommender_.Recommend(numbers, shared_.index, &answer);
  AnswerWords(shared_).Fill(answer, response->mutable_recommendations());
  if (known) FillFreshness(partitions_.Home(request.customer_id()), response->mutable_freshness());
  SetTime(as_of_ms, response->mutable_as_of_time());
  return absl::OkStatus();
}

absl::Status LiveServing::SimilarItems(const v1::SimilarItemsRequest& request,
                                       v1::SimilarItemsResponse* response) {
  RequestCheck check;
  CheckCount(request.count(), &check);
  CheckFilter(request.filter(), &check);
  if (request.item_id().empty()) check.Violation("item_id", "is required");
  KINDRED_RETURN_IF_ERROR(check.status());
  const ItemId item(shared_.items.names().Find(request.item_id()));
  if (item.value() == 0 || !shared_.index.Known(item)) {
    return absl::NotFoundError(
        absl::StrCat("neither an event nor the catalogue named item \"", request.item_id(), "\""));
  }
  FilterNumbers filter(request.filter(), shared_);
  recommend::Request numbers;
  numbers.now_ms = partitions_.newest_event_ms();
  numbers.count = static_cast<uint32_t>(request.count() == 0 ? kDefaultCount : request.count());
  filter.Apply(request.filter(), &numbers);
  recommend::Answer& answer = ScratchAnswer();
  recommender_.SimilarItems(item, numbers, shared_.index, &answer);
  AnswerWords(shared_).Fill(answer, response->mutable_recommendations());
  SetTime(numbers.now_ms, response->mutable_as_of_time());
  return absl::OkStatus();
}

}  // namespace kindred::node
