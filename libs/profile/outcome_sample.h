// What predictions are trained on: a sample of a partition's customers, each looked at every four
// weeks of event time, with what the customer bought afterwards.
//
// Who:   the customers with the smallest ranks, a hash of their id: a uniform sample whatever they
//        do, the same however events are ordered; while there are fewer customers than places, all.
// When:  the grid is weeks since 1970, a quarter of the sample each. The first event at or after a
//        grid time makes the step: before it is applied, the inputs of those whose turn it is are
//        computed as of the grid time. So an example knows what was known then and no more, also of
//        customers that never come back, and a year that is imported in a minute trains as if it
//        had been lived through. What arrives later than the step changes outcomes, not inputs.
// Pure:  state is a function of the partition's log prefix (the catalogue held fixed).
#ifndef KINDRED_PROFILE_OUTCOME_SAMPLE_H_
#define KINDRED_PROFILE_OUTCOME_SAMPLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/strong_int.h"
#include "learn/forward_decay.h"
#include "profile/prediction_inputs.h"
#include "profile/profile.h"

namespace kindred::profile {

inline constexpr int64_t kGridMs = 7 * 86'400'000LL;
inline constexpr int64_t kGridPhases = 4;

// One look at a customer. Outcomes are filled in as they happen; 0: not yet.
struct Snapshot {
  struct Category {
    CategoryInput input;
    int64_t bought_ms = 0;  // first purchase in it at or after the grid time
    friend bool operator==(const Category& a, const Category& b) {
      return a.input.term == b.input.term && a.input.values == b.input.values &&
             a.bought_ms == b.bought_ms;
    }
  };
  int64_t boundary = 0;  // the grid time over kGridMs
  InputVector inputs{};
  std::vector<Category> categories;
  int64_t bought_ms = 0;      // first purchase at or after the grid time
  int64_t bought_micros = 0;  // its lines' amounts, default currency

  int64_t time_ms() const { return boundary * kGridMs; }
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

// Threads: none; the owner guards it.
// Bounded: `capacity` customers with kKept snapshots of about 130 bytes each.
class OutcomeSample {
 public:
  // Long enough for the longest horizon, and for a learner that lags behind by four months of event
  // time.
  static constexpr size_t kKept = 8;
  // A customer without an event for this long is not looked at any more.
  static constexpr int64_t kSilentMs = 365 * 86'400'000LL;

  struct Member {
    std::string id;
    std::vector<Snapshot> snapshots;  // oldest first
    bool dirty = false;
  };

  explicit OutcomeSample(size_t capacity) : capacity_(capacity) {}

  static uint64_t Rank(uint64_t customer_hash) {
    // Apart from what partitions and tables take of the hash.
    const uint64_t mixed = customer_hash * 0xd6e8feb86659fd93ULL;
    return mixed ^ (mixed >> 32);
  }
  // False: certainly no member, and cannot become one. Costs nothing.
  bool MayHold(uint64_t customer_hash) const {
    return Rank(customer_hash) <= threshold_ && capacity_ > 0;
  }

  // The first event time that makes a step. 0 before the first event.
  int64_t next_boundary_ms() const { return next_boundary_ * kGridMs; }
  // The newest grid time that was stepped over: what is known up to here. 0 before the first event.
  int64_t known_until_ms() const { return next_boundary_ == 0 ? 0 : next_boundary_ms() - kGridMs; }
  // The members that a step to `event_ms` looks at.
  void Due(int64_t event_ms, absl::FunctionRef<void(absl::string_view id)> visit) const;
  // Makes the step, if `event_ms` calls for one: before its event is applied. `find` gives a
  // member's profile, or null where there is none.
  void Advance(int64_t event_ms, const learn::ForwardDecay& decay,
               absl::FunctionRef<const Profile*(absl::string_view id)> find);

  // When a customer appears. Requires MayHold().
  void Admit(absl::string_view id, uint64_t customer_hash);
  // After a purchase of one line was applied. `micros`: its amount, 0 unless in the default
  // currency. Admits who is not there. Requires MayHold().
  void NotePurchase(absl::string_view id, uint64_t customer_hash, int64_t time_ms, int64_t micros,
                    TermId category);
  // When a customer is deleted.
  void Remove(uint64_t customer_hash);

  const std::map<uint64_t, Member>& members() const { return members_; }
  size_t memory_bytes() const;

  // Rows for a store: keys start with kRowPrefix; all that changed since the last call.
  static constexpr absl::string_view kRowPrefix = "sample/";
  void TakeChanges(absl::FunctionRef<void(absl::string_view key, absl::string_view row)> put,
                   absl::FunctionRef<void(absl::string_view key)> remove);
  // DataLoss for anything TakeChanges() cannot have written.
  absl::Status RestoreRow(absl::string_view key, absl::string_view row);

 private:
  bool IsDue(uint64_t rank, int64_t first, int64_t last) const;
  Member* Find(uint64_t rank, absl::string_view id);
  void Look(const Profile& profile, int64_t boundary, const learn::ForwardDecay& decay,
            Member* member);
  void Touch(uint64_t rank, Member* member);
  void Drop(uint64_t rank);
  void SetThreshold();

  size_t capacity_;
  int64_t next_boundary_ = 0;
  bool head_dirty_ = false;
  uint64_t threshold_ = UINT64_MAX;
  std::map<uint64_t, Member> members_;  // by rank
  std::vector<uint64_t> dirty_;
  std::vector<uint64_t> removed_;
};

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_OUTCOME_SAMPLE_H_
