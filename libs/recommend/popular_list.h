// The most popular items of one category.
#ifndef KINDRED_RECOMMEND_POPULAR_LIST_H_
#define KINDRED_RECOMMEND_POPULAR_LIST_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"

namespace kindred::recommend {

// Keeps the most popular of what it is offered. Popularity rises nearly always, so what an entry
// had when it was last looked at is a bound from below: a heap by that, least first, finds the
// least popular of all by looking at a few. Of equal ones smaller numbers are kept.
// Threads: none; the owner guards it.
class PopularList {
 public:
  using PopularityOf = absl::FunctionRef<double(uint32_t item)>;
  struct Outcome {
    bool kept = false;
    uint32_t evicted = 0;  // for it, 0: none
    double least = 0;      // not kept: what it would have had to surpass
  };

  explicit PopularList(size_t most = 256) : most_(most) {}

  Outcome Offer(uint32_t item, PopularityOf popularity_of) {
    if (fallen_) Refresh(popularity_of);
    const Entry entry{popularity_of(item), item};
    if (entries_.size() == most_) {
      while (true) {
        const double now = popularity_of(entries_.front().item);
        if (now == entries_.front().popularity) break;
        std::pop_heap(entries_.begin(), entries_.end(), MorePopular);
        entries_.back().popularity = now;
        std::push_heap(entries_.begin(), entries_.end(), MorePopular);
      }
      if (entry.popularity <= entries_.front().popularity) {
        return {.least = entries_.front().popularity};
      }
    }
    const auto same = [item](const Entry& other) { return other.item == item; };
    if (std::any_of(entries_.begin(), entries_.end(), same)) return {.kept = true};
    uint32_t evicted = 0;
    if (entries_.size() == most_) {
      evicted = entries_.front().item;
      std::pop_heap(entries_.begin(), entries_.end(), MorePopular);
      entries_.pop_back();
    }
    entries_.push_back(entry);
    std::push_heap(entries_.begin(), entries_.end(), MorePopular);
    return {.kept = true, .evicted = evicted};
  }

  // The popularity of one of them has fallen.
  void Fell() { fallen_ = true; }

  // Best first, as of now.
  std::vector<uint32_t> Sorted(PopularityOf popularity_of) const {
    std::vector<Entry> ranked = entries_;
    for (Entry& entry : ranked) entry.popularity = popularity_of(entry.item);
    std::sort(ranked.begin(), ranked.end(), MorePopular);
    std::vector<uint32_t> items;
    items.reserve(ranked.size());
    for (const Entry& entry : ranked) items.push_back(entry.item);
    return items;
  }

  size_t allocated_bytes() const { return entries_.capacity() * sizeof(Entry); }

 private:
  struct Entry {
    double popularity;  // when it was last looked at
    uint32_t item;
  };
  static bool MorePopular(const Entry& a, const Entry& b) {
    return a.popularity != b.popularity ? a.popularity > b.popularity : a.item < b.item;
  }
  void Refresh(PopularityOf popularity_of) {
    for (Entry& entry : entries_) entry.popularity = popularity_of(entry.item);
    std::make_heap(entries_.begin(), entries_.end(), MorePopular);
    fallen_ = false;
  }

  size_t most_;
  std::vector<Entry> entries_;
  bool fallen_ = false;
};

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_POPULAR_LIST_H_
