// What the present members of a segment did in the past, by day and hour: sums over the histories
// that their profiles keep.
//
// A segment is learned and moves, so who was in it at an event is nothing that a log prefix knows.
// What can be known is what those did who are in it now; and that only as far as profiles tell:
//   acts       of the kind that profile/behaviour.h counts (views, carts, purchases … of items), by
//              day. The newest 20, and 32 counts by day, type and category.
//   purchases  distinct purchase times, by day and hour. The newest 256.
// A member with more than that makes the series incomplete before some time, which SinceMs() tells.
// Profiles keep no amounts by day.
#ifndef KINDRED_NODE_MEMBER_SERIES_H_
#define KINDRED_NODE_MEMBER_SERIES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "profile/profile.h"
#include "series/series_book.h"

namespace kindred::node {

enum class MemberActs : uint8_t { kAll, kPurchases };

// About 20 kB. Threads: as a plain value.
class MemberSeries {
 public:
  static constexpr size_t kSteps = 416;  // days, and hours

  // `as_of_ms`: what is after its day (hour) is not counted, nor what is kSteps or more before.
  explicit MemberSeries(int64_t as_of_ms);

  // Counts a member's history.
  void Add(const profile::Profile& profile);

  // Adds to points[i] what happened in step `first` + i, counted from 1970 in units of `step`; its
  // customers are exact. Hours of kAll are not known: nothing is added.
  void AddTo(MemberActs acts, series::Step step, int64_t first,
             std::vector<series::SeriesPoint>* points) const;
  // Whole from here on; 0: as far back as it goes.
  int64_t SinceMs(MemberActs acts) const {
    return acts == MemberActs::kAll ? acts_since_ms_ : purchases_since_ms_;
  }
  int64_t as_of_ms() const { return as_of_ms_; }

 private:
  struct Count {
    uint64_t events = 0;
    uint32_t customers = 0;
  };
  using Steps = std::vector<Count>;  // oldest first; the last is that of as_of_ms_
  class Counter;

  void AddActs(const profile::Profile& profile);
  void AddPurchases(const profile::Purchases& purchases);

  int64_t as_of_ms_;
  int64_t acts_since_ms_ = 0;
  int64_t purchases_since_ms_ = 0;
  Steps act_days_;
  Steps purchase_days_;
  Steps purchase_hours_;
};

}  // namespace kindred::node

#endif  // KINDRED_NODE_MEMBER_SERIES_H_
