// SimilarItems by a measure of its own: what was rated alike, what the catalogue describes alike.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "node/live_serving.h"
#include "recommend/rating_table.h"

namespace kindred::node {
namespace {

constexpr uint32_t kLeastCommonRaters = 2;
constexpr size_t kFirstSearch = 64;
constexpr size_t kLastSearch = 4096;

// The filters of `numbers` hold; exclusions too.
bool Passes(ItemId item, const recommend::Request& numbers, const recommend::ItemIndex& index) {
  const recommend::ItemIndex::Facts facts = index.GetFacts(item.value());
  const bool priced = (numbers.min_price == -std::numeric_limits<float>::infinity() ||
                       facts.price >= numbers.min_price) &&
                      (numbers.max_price == std::numeric_limits<float>::infinity() ||
                       facts.price <= numbers.max_price);
  const bool excluded =
      std::find(numbers.exclude.begin(), numbers.exclude.end(), item) != numbers.exclude.end();
  return facts.eligible && priced && !excluded &&
         (numbers.category.value() == 0 || facts.category == numbers.category) &&
         (numbers.filter == nullptr || numbers.filter(item));
}

}  // namespace

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
    if (sums.count < kLeastCommonRaters || std::isnan(similarity) ||
        !Passes(other, numbers, shared_.index)) {
      continue;
    }
    alike.emplace_back(-similarity, other);
  }
  const size_t kept = std::min<size_t>(numbers.count, alike.size());
  std::partial_sort(alike.begin(), alike.begin() + static_cast<std::ptrdiff_t>(kept), alike.end());
  alike.resize(kept);
  for (const auto& [negative, other] : alike) {
    AddAlike(other, -negative, v1::SOURCE_RATINGS, request, response);
  }
}

void LiveServing::ItemsAlikeByContent(ItemId item, const v1::SimilarItemsRequest& request,
                                      const recommend::Request& numbers,
                                      v1::SimilarItemsResponse* response) const {
  // The filter comes after the search: a wider one until enough pass it.
  for (size_t width = kFirstSearch; width <= kLastSearch; width *= 4) {
    const std::vector<recommend::Alike> alike = shared_.content.Nearest(item, width);
    response->clear_recommendations();
    for (const recommend::Alike& other : alike) {
      if (response->recommendations_size() == static_cast<int>(numbers.count)) return;
      if (!Passes(ItemId(other.item), numbers, shared_.index)) continue;
      AddAlike(ItemId(other.item), static_cast<double>(other.likeness), v1::SOURCE_CONTENT, request,
               response);
    }
    if (alike.size() < width) return;
  }
}

void LiveServing::AddAlike(ItemId item, double score, v1::Source source,
                           const v1::SimilarItemsRequest& request,
                           v1::SimilarItemsResponse* response) const {
  const bool rated = source == v1::SOURCE_RATINGS;
  const std::string title =
      shared_.index.Title(ItemId(shared_.items.names().Find(request.item_id())));
  const recommend::ItemIndex::Facts facts = shared_.index.GetFacts(item.value());
  v1::Recommendation& to = *response->add_recommendations();
  to.set_item_id(std::string(shared_.items.names().Name(item.value())));
  to.set_title(shared_.index.Title(item));
  to.set_category(std::string(shared_.terms.names().Name(facts.category.value())));
  if (facts.price > 0) to.set_price(static_cast<double>(facts.price));
  to.set_score(score);
  to.set_source(source);
  to.set_reason(
      absl::StrCat(rated ? "Rated like " : "Like ", title.empty() ? request.item_id() : title));
  v1::Contribution& part = *to.add_contributions();
  part.set_source(source);
  part.set_amount(score);
  part.set_because_item_id(request.item_id());
  part.set_because_title(title);
  if (rated) part.set_because_type(event::v1::EVENT_TYPE_RATING);
}

}  // namespace kindred::node
