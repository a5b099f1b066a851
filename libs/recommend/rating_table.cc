#include "recommend/rating_table.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "base/bytes.h"

namespace kindred::recommend {
namespace {

constexpr uint8_t kVersion = 1;
constexpr absl::string_view kHeadKey = "head";
constexpr size_t kRatingBytes = 7;  // at least

double MeanOf(absl::Span<const Rating> ratings) {
  double sum = 0;
  for (const Rating& rating : ratings) sum += static_cast<double>(rating.value);
  return sum / static_cast<double>(ratings.size());
}

}  // namespace

RatingTable::RatingTable(const RatingOptions& options) : options_(options) {}

void RatingTable::Rate(uint64_t hash, absl::string_view customer_id, ItemId item, float value,
                       int64_t time_ms) {
  if (item.value() == 0 || !std::isfinite(value)) return;
  Customer& customer = customers_[hash];
  if (customer.id.empty()) customer.id = std::string(customer_id);
  std::vector<Rating>& ratings = customer.ratings;
  const auto known = std::find_if(ratings.begin(), ratings.end(),
                                  [item](const Rating& rating) { return rating.item == item; });
  if (known != ratings.end()) {
    if (known->time_ms > time_ms) return;
    Drop(hash, &customer, static_cast<size_t>(known - ratings.begin()));
  } else if (ratings.size() == kMaxRatings) {
    Drop(hash, &customer, 0);
  }
  if (!ratings.empty()) by_turn_.erase(ratings.back().turn);
  const Rating added{item, value, time_ms, next_turn_++};
  ratings.push_back(added);
  raters_[item].push_back({added.turn, hash});
  by_turn_.emplace(added.turn, hash);
  ++ratings_;
  dirty_.insert(hash);
  while (ratings_ > options_.max_ratings) Forget(by_turn_.begin()->second);
}

// Takes the rating out of everything but keeps the customer.
void RatingTable::Drop(uint64_t hash, Customer* customer, size_t at) {
  std::vector<Rating>& ratings = customer->ratings;
  const Rating gone = ratings[at];
  const bool last = at + 1 == ratings.size();
  if (last) by_turn_.erase(gone.turn);
  ratings.erase(ratings.begin() + static_cast<std::ptrdiff_t>(at));
  if (last && !ratings.empty()) by_turn_.emplace(ratings.back().turn, hash);
  Unlist(gone.item, gone.turn);
  --ratings_;
  dirty_.insert(hash);
}

void RatingTable::Unlist(ItemId item, uint64_t turn) {
  const auto found = raters_.find(item);
  if (found == raters_.end()) return;
  std::vector<Rater>& raters = found->second;
  const auto at = std::lower_bound(raters.begin(), raters.end(), turn,
                                   [](const Rater& rater, uint64_t t) { return rater.turn < t; });
  if (at != raters.end() && at->turn == turn) raters.erase(at);
  if (raters.empty()) raters_.erase(found);
}

void RatingTable::Take(uint64_t hash, ItemId item, int64_t time_ms) {
  const auto found = customers_.find(hash);
  if (found == customers_.end()) return;
  std::vector<Rating>& ratings = found->second.ratings;
  for (size_t i = 0; i < ratings.size(); ++i) {
    if (ratings[i].item != item || ratings[i].time_ms != time_ms) continue;
    Drop(hash, &found->second, i);
    if (ratings.empty()) customers_.erase(found);
    return;
  }
}

void RatingTable::Forget(uint64_t hash) {
  const auto found = customers_.find(hash);
  if (found == customers_.end()) return;
  std::vector<Rating>& ratings = found->second.ratings;
  if (!ratings.empty()) by_turn_.erase(ratings.back().turn);
  for (const Rating& rating : ratings) Unlist(rating.item, rating.turn);
  ratings_ -= ratings.size();
  customers_.erase(found);
  dirty_.insert(hash);
}

absl::Span<const Rating> RatingTable::RatingsOf(uint64_t hash) const {
  const auto found = customers_.find(hash);
  return found == customers_.end() ? absl::Span<const Rating>() : found->second.ratings;
}

void RatingTable::AddItemPairs(ItemId item,
                               absl::flat_hash_map<ItemId, learn::PairSums>* pairs) const {
  const auto found = raters_.find(item);
  if (found == raters_.end()) return;
  const std::vector<Rater>& raters = found->second;
  const size_t begin = raters.size() > kMaxRaters ? raters.size() - kMaxRaters : 0;
  for (size_t i = begin; i < raters.size(); ++i) {
    const absl::Span<const Rating> ratings = RatingsOf(raters[i].hash);
    const double mean = MeanOf(ratings);
    double own = 0;
    for (const Rating& rating : ratings) {
      if (rating.item == item) own = static_cast<double>(rating.value) - mean;
    }
    for (const Rating& rating : ratings) {
      if (rating.item == item) continue;
      (*pairs)[rating.item].Add(own, static_cast<double>(rating.value) - mean);
    }
  }
}

void RatingTable::AddSimilarCustomers(absl::Span<const Rating> ratings, uint64_t self,
                                      std::vector<SimilarCustomer>* similar) const {
  absl::flat_hash_map<ItemId, double> own;
  for (const Rating& rating : ratings) own[rating.item] = static_cast<double>(rating.value);
  absl::flat_hash_set<uint64_t> others;
  for (const Rating& rating : ratings) {
    const auto found = raters_.find(rating.item);
    if (found == raters_.end()) continue;
    const std::vector<Rater>& raters = found->second;
    const size_t begin = raters.size() > kMaxRaters ? raters.size() - kMaxRaters : 0;
    for (size_t i = begin; i < raters.size(); ++i) others.insert(raters[i].hash);
  }
  others.erase(self);
  for (const uint64_t other : others) {
    learn::PairSums sums;
    for (const Rating& rating : RatingsOf(other)) {
      const auto mine = own.find(rating.item);
      if (mine != own.end()) sums.Add(mine->second, static_cast<double>(rating.value));
    }
    const double similarity = learn::Pearson(sums);
    if (std::isnan(similarity)) continue;
    similar->push_back(
        {customers_.at(other).id, similarity, static_cast<uint32_t>(std::lround(sums.count))});
  }
}

void RatingTable::TakeChanges(
    const std::function<void(absl::string_view key, absl::string_view value)>& put) {
  std::string bytes;
  for (const uint64_t hash : dirty_) {
    bytes.clear();
    if (const auto found = customers_.find(hash); found != customers_.end()) {
      base::ByteWriter out(&bytes);
      out.U8(kVersion);
      out.Bytes(found->second.id);
      out.Varint(found->second.ratings.size());
      for (const Rating& rating : found->second.ratings) {
        out.Varint(rating.item.value());
        out.F32(rating.value);
        out.Signed(rating.time_ms);
        out.Varint(rating.turn);
      }
    }
    put(absl::StrFormat("%016x", hash), bytes);
  }
  if (dirty_.empty()) return;
  bytes.clear();
  base::ByteWriter head(&bytes);
  head.U8(kVersion);
  head.Varint(next_turn_);
  put(kHeadKey, bytes);
  dirty_.clear();
}

absl::Status RatingTable::RestoreRow(absl::string_view key, absl::string_view value) {
  const absl::Status damaged = absl::DataLossError("ratings of a customer are damaged");
  base::ByteReader in(value);
  if (in.U8() != kVersion) return damaged;
  if (key == kHeadKey) {
    next_turn_ = in.Varint();
    return in.Done() ? absl::OkStatus() : damaged;
  }
  uint64_t hash = 0;
  if (key.size() != 16 || !absl::SimpleHexAtoi(key, &hash) || customers_.contains(hash)) {
    return damaged;
  }
  Customer customer;
  customer.id = std::string(in.Bytes());
  const size_t size = in.Count(kRatingBytes);
  if (size == 0 || size > kMaxRatings || customer.id.empty()) return damaged;
  for (size_t i = 0; i < size; ++i) {
    Rating rating;
    const uint64_t item = in.Varint();
    rating.value = in.F32();
    rating.time_ms = in.Signed();
    rating.turn = in.Varint();
    if (item == 0 || item > UINT32_MAX || !std::isfinite(rating.value) || rating.turn == 0 ||
        rating.turn == UINT64_MAX || (i > 0 && rating.turn <= customer.ratings.back().turn)) {
      return damaged;
    }
    rating.item = ItemId(static_cast<uint32_t>(item));
    for (const Rating& other : customer.ratings) {
      if (other.item == rating.item) return damaged;
    }
    customer.ratings.push_back(rating);
  }
  if (!in.Done()) return damaged;
  customers_.emplace(hash, std::move(customer));
  return absl::OkStatus();
}

absl::Status RatingTable::FinishRestore() {
  for (const auto& [hash, customer] : customers_) {
    for (const Rating& rating : customer.ratings) {
      raters_[rating.item].push_back({rating.turn, hash});
      if (rating.turn >= next_turn_) return absl::DataLossError("a rating of a turn to come");
    }
    ratings_ += customer.ratings.size();
    if (!by_turn_.emplace(customer.ratings.back().turn, hash).second) {
      return absl::DataLossError("two ratings of one turn");
    }
  }
  for (auto& [item, raters] : raters_) {
    std::sort(raters.begin(), raters.end(),
              [](const Rater& a, const Rater& b) { return a.turn < b.turn; });
  }
  return absl::OkStatus();
}

}  // namespace kindred::recommend
