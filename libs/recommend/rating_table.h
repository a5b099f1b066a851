// Ratings of one partition's customers, and the classic collaborative filtering over them:
// customers alike by Pearson's correlation, items alike by adjusted cosine
// (learn/rating_similarity.h). Both are computed when asked for from the ratings themselves, so
// they are exact and never stale; what partitions find adds.
#ifndef KINDRED_RECOMMEND_RATING_TABLE_H_
#define KINDRED_RECOMMEND_RATING_TABLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/strong_int.h"
#include "learn/rating_similarity.h"

namespace kindred::recommend {

struct Rating {
  ItemId item;
  float value = 0;
  int64_t time_ms = 0;
  uint64_t turn = 0;  // in order of arrival
};

struct SimilarCustomer {
  std::string id;
  double similarity = 0;  // -1 to 1
  uint32_t common = 0;    // items that both rated
};

struct RatingOptions {
  // Over all customers; those who rated longest ago leave, with all their ratings.
  size_t max_ratings = 1'000'000;
};

// Threads: one writer at a time; the owner guards it against readers.
// State:   a function of the sequence of calls; TakeChanges() and RestoreRow() put it back exactly.
class RatingTable {
 public:
  explicit RatingTable(const RatingOptions& options = {});

  // The customer's newest rating of an item counts (at equal times the later call).
  void Rate(uint64_t hash, absl::string_view customer_id, ItemId item, float value,
            int64_t time_ms);
  // Takes a rating back if it is the one that counts. The one before does not come back.
  void Take(uint64_t hash, ItemId item, int64_t time_ms);
  void Forget(uint64_t hash);

  // Of the customer, in order of arrival; empty when there are none.
  absl::Span<const Rating> RatingsOf(uint64_t hash) const;
  // Adds, for each item that customers who rated `item` rated too, the pairs of both ratings minus
  // the customer's mean over all their ratings. Looks at the newest kMaxRaters.
  void AddItemPairs(ItemId item, absl::flat_hash_map<ItemId, learn::PairSums>* pairs) const;
  // Adds everybody but `self` whose correlation with `ratings` over the items rated by both is
  // defined. Of each item the newest kMaxRaters are looked at.
  void AddSimilarCustomers(absl::Span<const Rating> ratings, uint64_t self,
                           std::vector<SimilarCustomer>* similar) const;

  size_t ratings() const { return ratings_; }
  size_t customers() const { return customers_.size(); }

  // Rows that changed since the last call; an empty value: the row is gone.
  void TakeChanges(const std::function<void(absl::string_view key, absl::string_view value)>& put);
  // Rows in any order into a new table, then FinishRestore(). DataLoss on bytes that TakeChanges()
  // cannot have given.
  absl::Status RestoreRow(absl::string_view key, absl::string_view value);
  absl::Status FinishRestore();

  static constexpr size_t kMaxRatings = 200;  // of one customer; the oldest by arrival leave
  static constexpr size_t kMaxRaters = 2000;

 private:
  struct Customer {
    std::string id;
    std::vector<Rating> ratings;  // in order of arrival
  };
  struct Rater {
    uint64_t turn;
    uint64_t hash;
  };

  void Drop(uint64_t hash, Customer* customer, size_t at);
  void Unlist(ItemId item, uint64_t turn);

  const RatingOptions options_;
  absl::flat_hash_map<uint64_t, Customer> customers_;
  absl::flat_hash_map<ItemId, std::vector<Rater>> raters_;  // in order of turns
  std::map<uint64_t, uint64_t> by_turn_;                    // a customer's last turn → customer
  size_t ratings_ = 0;
  uint64_t next_turn_ = 1;
  absl::flat_hash_set<uint64_t> dirty_;
};

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_RATING_TABLE_H_
