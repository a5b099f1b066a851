// LiveServing's answers from ratings: classic collaborative filtering.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/live_serving.h"
#include "node/profile_view.h"
#include "node/request_error.h"
#include "recommend/rating_table.h"

namespace kindred::node {
namespace {

constexpr int kDefaultCount = 10;
constexpr int kMaxCount = 100;
constexpr double kLeastCommonRaters = 2;

template <typename T, typename Better>
void KeepBest(size_t count, Better better, std::vector<T>* all) {
  count = std::min(count, all->size());
  std::partial_sort(all->begin(), all->begin() + static_cast<std::ptrdiff_t>(count), all->end(),
                    better);
  all->erase(all->begin() + static_cast<std::ptrdiff_t>(count), all->end());
}

}  // namespace

// The filters of `numbers` hold; exclusions too.
void LiveServing::ItemsRatedAlike(ItemId item, const v1::SimilarItemsRequest& request,
                                  const recommend::Request& numbers,
                                  v1::SimilarItemsResponse* response) const {
  absl::flat_hash_map<ItemId, learn::PairSums> pairs;
  partitions_.ForEach([&](const PartitionSlot& slot) {
    slot.state->VisitRatings(
        [&](const recommend::RatingTable& ratings) { ratings.AddItemPairs(item, &pairs); });
  });
  std::vector<std::pair<double, ItemId>> alike;
  for (const auto& [other, sums] : pairs) {
    const double similarity = learn::Cosine(sums);
    const recommend::ItemIndex::Facts facts = shared_.index.GetFacts(other.value());
    const bool priced = (numbers.min_price == -std::numeric_limits<float>::infinity() ||
                         facts.price >= numbers.min_price) &&
                        (numbers.max_price == std::numeric_limits<float>::infinity() ||
                         facts.price <= numbers.max_price);
    const bool excluded =
        std::find(numbers.exclude.begin(), numbers.exclude.end(), other) != numbers.exclude.end();
    if (sums.count < kLeastCommonRaters || std::isnan(similarity) || !facts.eligible || !priced ||
        excluded || (numbers.category.value() != 0 && facts.category != numbers.category) ||
        (numbers.filter != nullptr && !numbers.filter(other))) {
      continue;
    }
    alike.emplace_back(-similarity, other);
  }
  KeepBest(numbers.count, std::less<>(), &alike);
  const std::string title = shared_.index.Title(item);
  for (const auto& [negative, other] : alike) {
    v1::Recommendation& to = *response->add_recommendations();
    const recommend::ItemIndex::Facts facts = shared_.index.GetFacts(other.value());
    to.set_item_id(std::string(shared_.items.names().Name(other.value())));
    to.set_title(shared_.index.Title(other));
    to.set_category(std::string(shared_.terms.names().Name(facts.category.value())));
    if (facts.price > 0) to.set_price(static_cast<double>(facts.price));
    to.set_score(-negative);
    to.set_source(v1::SOURCE_RATINGS);
    to.set_reason(absl::StrCat("Rated like ", title.empty() ? request.item_id() : title));
    v1::Contribution& part = *to.add_contributions();
    part.set_source(v1::SOURCE_RATINGS);
    part.set_amount(-negative);
    part.set_because_item_id(request.item_id());
    part.set_because_title(title);
    part.set_because_type(event::v1::EVENT_TYPE_RATING);
  }
}

absl::Status LiveServing::SimilarCustomers(const v1::SimilarCustomersRequest& request,
                                           v1::SimilarCustomersResponse* response) {
  RequestCheck check;
  if (request.customer_id().empty()) check.Violation("customer_id", "is required");
  if (request.count() < 0 || request.count() > kMaxCount) {
    check.Violation("count", "expected 0 to 100");
  }
  if (request.method() != v1::SIMILARITY_METHOD_UNSPECIFIED &&
      request.method() != v1::SIMILARITY_METHOD_PEARSON) {
    check.Violation("method", "expected SIMILARITY_METHOD_PEARSON");
  }
  KINDRED_RETURN_IF_ERROR(check.status());
  const uint64_t hash = profile::CustomerMap::Hash(request.customer_id());
  const PartitionId home = partitions_.Home(request.customer_id());
  KINDRED_RETURN_IF_ERROR(partitions_.Ready(home));
  std::vector<recommend::Rating> own;
  partitions_.slot(home).state->VisitRatings([&](const recommend::RatingTable& ratings) {
    const absl::Span<const recommend::Rating> found = ratings.RatingsOf(hash);
    own.assign(found.begin(), found.end());
  });
  std::vector<recommend::SimilarCustomer> similar;
  partitions_.ForEach([&](const PartitionSlot& slot) {
    slot.state->VisitRatings([&](const recommend::RatingTable& ratings) {
      ratings.AddSimilarCustomers(own, hash, &similar);
    });
  });
  KeepBest(
      static_cast<size_t>(request.count() == 0 ? kDefaultCount : request.count()),
      [](const recommend::SimilarCustomer& a, const recommend::SimilarCustomer& b) {
        return a.similarity != b.similarity ? a.similarity > b.similarity : a.id < b.id;
      },
      &similar);
  for (const recommend::SimilarCustomer& from : similar) {
    v1::SimilarCustomer& to = *response->add_customers();
    to.set_customer_id(from.id);
    to.set_similarity(from.similarity);
    to.set_common_items(static_cast<int32_t>(from.common));
  }
  return absl::OkStatus();
}

}  // namespace kindred::node
