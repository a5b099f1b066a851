// LiveServing's recommendations: requests in names → the recommender's numbers → answers in words.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/attribution_token.h"
#include "node/live_serving.h"
#include "node/partition.h"
#include "node/profile_view.h"
#include "node/recommend_controls.h"
#include "node/recommendation_writer.h"
#include "node/request_error.h"

namespace kindred::node {
namespace {

constexpr int kDefaultCount = 10;
constexpr int kMaxCount = 100;
constexpr int kMaxSessionItems = 50;
constexpr double kMaxEventWeight = 100;
constexpr int64_t kLatestSeconds = 4102444800;  // 2100-01-01

void CheckCount(int32_t count, RequestCheck* check) {
  if (count < 0 || count > kMaxCount) check->Violation("count", "expected 0 to 100");
}

void CheckRequest(const v1::RecommendRequest& request, RequestCheck* check) {
  CheckCount(request.count(), check);
  if (request.session_item_ids_size() > kMaxSessionItems) {
    check->Violation("session_item_ids", "expected at most 50 items");
  }
  if (request.cart_item_ids_size() > kMaxSessionItems) {
    check->Violation("cart_item_ids", "expected at most 50 items");
  }
  if (request.placement().size() > AttributionToken::kMaxLabelBytes) {
    check->Violation("placement", "expected at most 64 bytes");
  }
  if (request.has_as_of_time() &&
      (request.as_of_time().seconds() < 0 || request.as_of_time().seconds() > kLatestSeconds)) {
    check->Violation("as_of_time", "expected a time from 1970 to 2100");
  }
}

int64_t AsOf(const v1::RecommendRequest& request, int64_t newest_event_ms) {
  if (!request.has_as_of_time()) return newest_event_ms;
  return request.as_of_time().seconds() * 1000 + request.as_of_time().nanos() / 1'000'000;
}

// The weights of the request over those of the node.
std::array<float, recommend::kInteractionKinds> SeedWeights(const v1::RecommendRequest& request,
                                                            const SharedState& shared,
                                                            RequestCheck* check) {
  std::array<float, recommend::kInteractionKinds> weights = shared.options.event_weights;
  for (const auto& [type, weight] : request.event_weights()) {
    const std::string field = absl::StrCat("event_weights[", type, "]");
    const std::optional<recommend::Interaction> kind =
        InteractionOf(event::EventTypeFromName(type));
    if (!kind.has_value()) {
      check->Violation(field, "expected view, click, wishlist, add_to_cart, purchase or rating");
    } else if (!(weight >= 0 && weight <= kMaxEventWeight)) {
      check->Violation(field, "expected 0 to 100");
    } else {
      weights[static_cast<size_t>(*kind)] = static_cast<float>(weight);
    }
  }
  return weights;
}

// What the recommender needs of a customer, copied out so that the partition is free meanwhile.
struct CustomerNumbers {
  std::vector<recommend::Touch> recent;
  std::vector<recommend::OwnedItem> owned;
  std::vector<ItemId> refused;

  void Read(const profile::Profile& profile) {
    refused = RefusedItems(profile);
    TouchesOf(profile, &recent);
    for (const profile::PurchasedItem& item : profile.purchases().items) {
      owned.push_back({item.item, static_cast<float>(item.count), item.last_ms});
    }
    std::reverse(owned.begin(), owned.end());
    if (refused.empty()) return;
    const auto is_refused = [this](ItemId item) {
      return std::find(refused.begin(), refused.end(), item) != refused.end();
    };
    std::erase_if(recent, [&](const recommend::Touch& touch) { return is_refused(touch.item); });
    std::erase_if(owned, [&](const recommend::OwnedItem& item) { return is_refused(item.item); });
  }

  // Items whose last word was no: taken out of the cart or given back, and not turned to since;
  // disliked, and since at most looked at.
  static std::vector<ItemId> RefusedItems(const profile::Profile& profile) {
    std::vector<ItemId> met;  // from the newest act on
    std::vector<ItemId> refused;
    const absl::Span<const profile::RecentItem> items = profile.recent_items();
    for (size_t i = items.size(); i-- > 0;) {
      const profile::RecentItem& last = items[i];
      if (std::find(met.begin(), met.end(), last.item) != met.end()) continue;
      met.push_back(last.item);
      if (last.type == event::EventType::kRemoveFromCart ||
          last.type == event::EventType::kRefund) {
        refused.push_back(last.item);
      }
    }
    for (const profile::Dislike& dislike : profile.rarities().dislikes) {
      if (!WantedSince(dislike, profile)) refused.push_back(dislike.item);
    }
    return refused;
  }

  // Put on a list or into the cart, bought, rated, shared: as far as the profile remembers.
  static bool WantedSince(const profile::Dislike& dislike, const profile::Profile& profile) {
    using event::EventType;
    for (const profile::RecentItem& act : profile.recent_items()) {
      if (act.item != dislike.item || act.time_ms < dislike.time_ms) continue;
      if (act.type != EventType::kView && act.type != EventType::kClick &&
          act.type != EventType::kDislike && act.type != EventType::kRemoveFromCart &&
          act.type != EventType::kRefund) {
        return true;
      }
    }
    for (const profile::PurchasedItem& item : profile.purchases().items) {
      if (item.item == dislike.item && item.last_ms > dislike.time_ms) return true;
    }
    return false;
  }

  // Leaves out what was refused, and what the filter's windows say.
  void Exclude(const v1::ItemFilter& filter, int64_t now_ms, RecommendControls* controls) const {
    for (const ItemId item : refused) controls->Exclude(item);
    const int64_t bought_since = Since(filter.exclude_purchased_within(), now_ms);
    const int64_t seen_since = Since(filter.exclude_seen_within(), now_ms);
    for (const recommend::OwnedItem& item : owned) {
      if (item.last_ms >= bought_since) controls->Exclude(item.item);
    }
    for (const recommend::Touch& touch : recent) {
      const bool bought = touch.kind == recommend::Interaction::kPurchase;
      if (touch.time_ms >= seen_since || (bought && touch.time_ms >= bought_since)) {
        controls->Exclude(touch.item);
      }
    }
  }

 private:
  static int64_t Since(const google::protobuf::Duration& window, int64_t now_ms) {
    const int64_t ms = window.seconds() * 1000 + window.nanos() / 1'000'000;
    return ms <= 0 ? std::numeric_limits<int64_t>::max() : now_ms - ms;
  }
};

recommend::Answer& ScratchAnswer() {
  thread_local recommend::Answer answer;
  answer.clear();
  return answer;
}

std::vector<recommend::ControlNote>& ScratchNotes() {
  thread_local std::vector<recommend::ControlNote> notes;
  notes.clear();
  return notes;
}

std::string NextPage(PageToken page, const recommend::Answer& answer,
                     const base::Dictionary& items) {
  for (const recommend::RankedItem& ranked : answer.items) {
    page.returned.push_back(ItemMark(items.Name(ranked.item.value())));
  }
  return EncodePageToken(page);
}

std::string TokenOf(const v1::RecommendRequest& request, const recommend::Answer& answer,
                    const base::Dictionary& items, const std::string& variant, int64_t as_of_ms) {
  AttributionToken token;
  if (!request.customer_id().empty()) {
    token.customer_hash = profile::CustomerMap::Hash(request.customer_id());
  }
  token.time_ms = as_of_ms;
  token.variant = variant;
  token.placement = request.placement();
  token.items.reserve(answer.items.size());
  for (const recommend::RankedItem& ranked : answer.items) {
    token.items.push_back({AttributionMark(items.Name(ranked.item.value())),
                           static_cast<uint8_t>(SourceOf(ranked.source))});
  }
  return EncodeAttributionToken(token);
}

}  // namespace

const recommend::Recommender* LiveServing::ChooseVariant(const v1::RecommendRequest& request,
                                                         RequestCheck* check,
                                                         std::string* name) const {
  const Experiment* const experiment = shared_.options.experiment.get();
  if (experiment != nullptr && !experiment->variants().empty()) {
    const size_t variant = request.variant().empty() ? experiment->Assign(request.customer_id())
                                                     : experiment->Find(request.variant());
    if (variant < experiment->variants().size()) {
      *name = experiment->variants()[variant].name;
      return &experiment->recommender(variant);
    }
  }
  if (!request.variant().empty()) {
    check->Violation("variant", "the experiment has no variant of this name");
  }
  return &recommender_;
}

absl::Status LiveServing::Recommend(const v1::RecommendRequest& request,
                                    v1::RecommendResponse* response) {
  WireBuffer& bytes = ScratchBytes();
  KINDRED_RETURN_IF_ERROR(RecommendBytes(request, &bytes));
  return ReadAnswer(bytes, response);
}

absl::Status LiveServing::RecommendBytes(const v1::RecommendRequest& request,
                                         WireBuffer* response) {
  RequestCheck check;
  CheckRequest(request, &check);
  RecommendControls controls(request.filter(), shared_, &check);
  controls.AddRules(request, &check);
  controls.AddPageToken(request, &check);
  recommend::Request numbers;
  numbers.seed_weight = SeedWeights(request, shared_, &check);
  std::string variant;
  const recommend::Recommender& recommender = *ChooseVariant(request, &check, &variant);
  KINDRED_RETURN_IF_ERROR(check.status());
  if (request.validate_only()) return absl::OkStatus();

  CustomerNumbers customer;
  bool known = false;
  if (!request.customer_id().empty()) {
    KINDRED_ASSIGN_OR_RETURN(
        known, Visit(request.customer_id(),
                     [&](const profile::Profile& profile) { customer.Read(profile); }));
  }
  const int64_t as_of_ms = AsOf(request, partitions_.newest_event_ms());
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
  const size_t wanted = static_cast<size_t>(request.count() == 0 ? kDefaultCount : request.count());
  const size_t left = kMaxPagedItems - std::min(kMaxPagedItems, controls.page().returned.size());
  numbers.now_ms = as_of_ms;
  numbers.count = static_cast<uint32_t>(std::min(wanted, left));
  numbers.session = session;
  numbers.recent = customer.recent;
  numbers.page_item = ItemId(items.Find(request.page_item_id()));
  numbers.cart = cart;
  numbers.purchased = customer.owned;
  customer.Exclude(request.filter(), as_of_ms, &controls);
  controls.Apply(&numbers);
  recommend::Answer& answer = ScratchAnswer();
  std::vector<recommend::ControlNote>& notes = ScratchNotes();
  recommend::RecommendWithControls(recommender, numbers, controls.controls(), shared_.index,
                                   &answer, &notes);
  using Response = v1::RecommendResponse;
  RecommendationWriter(&shared_, response)
      .Write(answer, notes, Response::kRecommendationsFieldNumber);
  if (known) {
    WriteFreshness(Response::kFreshnessFieldNumber, partitions_.Home(request.customer_id()),
                   response);
  }
  WriteTime(Response::kAsOfTimeFieldNumber, as_of_ms, response);
  if (answer.items.size() == wanted && wanted < left) {
    response->String(Response::kNextPageTokenFieldNumber, NextPage(controls.page(), answer, items));
  }
  response->String(Response::kAttributionTokenFieldNumber,
                   TokenOf(request, answer, items, variant, as_of_ms));
  response->String(Response::kVariantFieldNumber, variant);
  return absl::OkStatus();
}

absl::Status LiveServing::SimilarItems(const v1::SimilarItemsRequest& request,
                                       v1::SimilarItemsResponse* response) {
  RequestCheck check;
  CheckCount(request.count(), &check);
  RecommendControls controls(request.filter(), shared_, &check);
  if (request.item_id().empty()) check.Violation("item_id", "is required");
  if (request.method() != v1::SIMILARITY_METHOD_UNSPECIFIED &&
      request.method() != v1::SIMILARITY_METHOD_ADJUSTED_COSINE &&
      request.method() != v1::SIMILARITY_METHOD_CONTENT) {
    check.Violation(
        "method", "expected SIMILARITY_METHOD_ADJUSTED_COSINE, SIMILARITY_METHOD_CONTENT or none");
  }
  KINDRED_RETURN_IF_ERROR(check.status());
  const ItemId item(shared_.items.names().Find(request.item_id()));
  if (item.value() == 0 || !shared_.index.Known(item)) {
    return absl::NotFoundError(
        absl::StrCat("neither an event nor the catalogue named item \"", request.item_id(), "\""));
  }
  recommend::Request numbers;
  numbers.now_ms = partitions_.newest_event_ms();
  numbers.count = static_cast<uint32_t>(request.count() == 0 ? kDefaultCount : request.count());
  numbers.page_item = item;
  controls.Apply(&numbers);
  SetTime(numbers.now_ms, response->mutable_as_of_time());
  if (request.method() != v1::SIMILARITY_METHOD_UNSPECIFIED) {
    if (controls.controls().condition != nullptr) numbers.filter = controls.controls().condition;
    if (request.method() == v1::SIMILARITY_METHOD_CONTENT) {
      ItemsAlikeByContent(item, request, numbers, response);
    } else {
      ItemsRatedAlike(item, request, numbers, response);
    }
    return absl::OkStatus();
  }
  recommend::Answer& answer = ScratchAnswer();
  std::vector<recommend::ControlNote>& notes = ScratchNotes();
  recommend::RecommendWithControls(recommender_, numbers, controls.controls(), shared_.index,
                                   &answer, &notes);
  WireBuffer& bytes = ScratchBytes();
  RecommendationWriter(&shared_, &bytes)
      .Write(answer, notes, v1::SimilarItemsResponse::kRecommendationsFieldNumber);
  v1::SimilarItemsResponse found;
  KINDRED_RETURN_IF_ERROR(ReadAnswer(bytes, &found));
  response->mutable_recommendations()->Swap(found.mutable_recommendations());
  return absl::OkStatus();
}

}  // namespace kindred::node
