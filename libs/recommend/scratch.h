// The working memory of one recommendation: candidates in columns, found by item through a hash
// table that is emptied by counting up an epoch. One per thread, grown once, reused for ever.
#ifndef KINDRED_RECOMMEND_SCRATCH_H_
#define KINDRED_RECOMMEND_SCRATCH_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/types/span.h"
#include "recommend/item_index.h"

namespace kindred::recommend {

// What every row entry of a candidate touches: four to a cache line.
struct RelationSums {
  float similar = 0;  // before they are divided by their maximum
  float next = 0;
  float root_support = 0;
  uint32_t last_entry = 0;  // of the rows, the last that named it, counted from 1; 0: none did
};

struct Candidate {
  uint32_t item = 0;
  float extra = 0;              // reminder, repeat and content, final
  uint32_t place = UINT32_MAX;  // among the chosen ones, for content
  uint32_t blocked : 1 = 0;
  uint32_t owned : 31 = 0;  // the first place among what was bought, counted from 1; 0: was not
  static constexpr uint32_t kMostOwned = UINT32_MAX >> 1;
};

// Candidates are numbered from 0 in the order they were met.
class CandidateTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  // `key` is the item, below 2^26, and above it the epoch; of a former epoch it is free.
  struct Slot {
    uint32_t key = 0;
    uint32_t number = 0;  // of the candidate
  };

  CandidateTable() { Allocate(kSmallestBits); }

  void Clear() {
    size_ = 0;
    epoch_key_ += kOneEpoch;
    if (epoch_key_ != 0) return;
    std::fill_n(slots_.get(), capacity_ * 2, Slot());  // wrapped: old epochs would look new
    epoch_key_ = kOneEpoch;
  }
  // Room for so many more; before them.
  void Reserve(uint32_t more) {
    while (size_ + more > capacity_) Grow();
  }

  // Adds while nobody else does: what it needs of the table lies in registers. Room for what it
  // adds was reserved.
  class Adder {
   public:
    Adder(CandidateTable* table, const ItemIndex* index)
        : table_(*table),
          index_(*index),
          slots_(table->slots_.get()),
          sums_(table->sums_.get()),
          epoch_key_(table->epoch_key_),
          shift_(table->shift_),
          size_(table->size_) {}
    ~Adder() { table_.size_ = size_; }
    Adder(const Adder&) = delete;
    Adder& operator=(const Adder&) = delete;

    // The candidate's number; made, with its root support, if absent. `item` is below
    // ItemIndex::kMaxItems.
    uint32_t At(uint32_t item) {
      const uint32_t key = item | epoch_key_;
      for (size_t at = (item * kHash) >> shift_;; at = (at + 1) & table_.mask_) {
        if (slots_[at].key == key) return slots_[at].number;
        if (table_.IsFree(slots_[at])) return Make(at, item);
      }
    }
    RelationSums& sums(uint32_t number) { return sums_[number]; }

   private:
    uint32_t Make(size_t at, uint32_t item) {
      slots_[at] = {.key = item | epoch_key_, .number = size_};
      sums_[size_] = {.root_support = index_.RootSupport(item)};
      table_.candidates_[size_] = {.item = item};
      return size_++;
    }

    CandidateTable& table_;
    const ItemIndex& index_;
    Slot* const slots_;
    RelationSums* const sums_;
    const uint32_t epoch_key_;
    const int shift_;
    uint32_t size_;
  };

  // One at a time.
  uint32_t At(uint32_t item, const ItemIndex& index) {
    Reserve(1);
    return Adder(this, &index).At(item);
  }

  // kNone if absent.
  uint32_t Find(uint32_t item) const {
    for (size_t at = Home(item);; at = (at + 1) & mask_) {
      if (slots_[at].key == (item | epoch_key_)) return slots_[at].number;
      if (IsFree(slots_[at])) return kNone;
    }
  }

  uint32_t size() const { return size_; }
  Candidate& candidate(uint32_t number) { return candidates_[number]; }
  RelationSums& sums(uint32_t number) { return sums_[number]; }
  absl::Span<const Candidate> candidates() const { return {candidates_.get(), size_}; }
  absl::Span<const RelationSums> sums() const { return {sums_.get(), size_}; }

 private:
  static constexpr int kSmallestBits = 12;
  static constexpr uint32_t kOneEpoch = 1u << 26;
  static constexpr uint32_t kHash = 2654435769u;  // Knuth's multiplicative hash
  static_assert(ItemIndex::kMaxItems <= kOneEpoch);

  uint32_t Home(uint32_t item) const { return (item * kHash) >> shift_; }
  bool IsFree(const Slot& slot) const { return slot.key - epoch_key_ >= kOneEpoch; }
  void Allocate(int bits) {
    shift_ = 32 - bits;
    mask_ = (1u << bits) - 1;
    capacity_ = 1u << (bits - 1);  // half of the slots
    slots_ = std::make_unique<Slot[]>(size_t{1} << bits);
    candidates_ = std::make_unique<Candidate[]>(capacity_);
    sums_ = std::make_unique<RelationSums[]>(capacity_);
  }
  void Grow() {
    const std::unique_ptr<Candidate[]> candidates = std::move(candidates_);
    const std::unique_ptr<RelationSums[]> sums = std::move(sums_);
    Allocate(32 - shift_ + 1);
    std::copy_n(candidates.get(), size_, candidates_.get());
    std::copy_n(sums.get(), size_, sums_.get());
    for (uint32_t number = 0; number < size_; ++number) {
      const uint32_t item = candidates_[number].item;
      size_t at = Home(item);
      while (slots_[at].key != 0) at = (at + 1) & mask_;
      slots_[at] = {.key = item | epoch_key_, .number = number};
    }
  }

  uint32_t epoch_key_ = kOneEpoch;
  int shift_ = 0;
  uint32_t mask_ = 0;
  uint32_t capacity_ = 0;
  uint32_t size_ = 0;
  std::unique_ptr<Slot[]> slots_;
  std::unique_ptr<Candidate[]> candidates_;
  std::unique_ptr<RelationSums[]> sums_;
};

// One of the best so far.
struct Top {
  float score;
  uint32_t item;
  // Order of an answer: better first, ties by item.
  bool operator<(const Top& other) const {
    return score != other.score ? score > other.score : item < other.item;
  }
};

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_SCRATCH_H_
