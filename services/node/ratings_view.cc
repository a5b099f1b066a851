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

template <typename T, typename Better>
void KeepBest(size_t count, Better better, std::vector<T>* all) {
  count = std::min(count, all->size());
  std::partial_sort(all->begin(), all->begin() + static_cast<std::ptrdiff_t>(count), all->end(),
                    better);
  all->erase(all->begin() + static_cast<std::ptrdiff_t>(count), all->end());
}

}  // namespace

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
