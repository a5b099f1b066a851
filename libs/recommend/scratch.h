// The working memory of one recommendation: candidates in a hash table that is emptied by counting
// up an epoch. One per thread, grown once, reused for ever.
#ifndef KINDRED_RECOMMEND_SCRATCH_H_
#define KINDRED_RECOMMEND_SCRATCH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kindred::recommend {

struct Candidate {
  uint32_t item = 0;
  uint32_t epoch = 0;
  float similar = 0;  // sums before they are divided by their maximum
  float next = 0;
  float extra = 0;  // reminder and repeat, final
  bool blocked = false;
};

class CandidateTable {
 public:
  CandidateTable() : cells_(kSmallest) {}

  void Clear() {
    used_.clear();
    if (++epoch_ == 0) {  // wrapped: old epochs would look new
      cells_.assign(cells_.size(), Candidate{});
      epoch_ = 1;
    }
  }

  // The candidate, made if absent. Valid until the next call.
  Candidate& At(uint32_t item) {
    uint32_t at = Home(item);
    for (;; at = (at + 1) & (cells_.size() - 1)) {
      Candidate& cell = cells_[at];
      if (cell.epoch != epoch_) break;
      if (cell.item == item) return cell;
    }
    if ((used_.size() + 1) * 2 > cells_.size()) {
      Grow();
      return At(item);
    }
    used_.push_back(at);
    cells_[at] = {.item = item, .epoch = epoch_};
    return cells_[at];
  }

  // Null if absent.
  const Candidate* Find(uint32_t item) const {
    for (uint32_t at = Home(item);; at = (at + 1) & (cells_.size() - 1)) {
      const Candidate& cell = cells_[at];
      if (cell.epoch != epoch_) return nullptr;
      if (cell.item == item) return &cell;
    }
  }

  size_t size() const { return used_.size(); }
  const Candidate& operator[](size_t i) const { return cells_[used_[i]]; }

 private:
  static constexpr size_t kSmallest = 4096;

  uint32_t Home(uint32_t item) const {
    return (item * 2654435769u) >> shift_;  // Knuth's multiplicative hash
  }
  void Grow() {
    std::vector<Candidate> old_cells(cells_.size() * 2);
    old_cells.swap(cells_);
    --shift_;
    std::vector<uint32_t> old_used;
    old_used.swap(used_);
    used_.reserve(cells_.size() / 2);
    for (uint32_t from : old_used) {
      uint32_t at = Home(old_cells[from].item);
      while (cells_[at].epoch == epoch_) at = (at + 1) & (cells_.size() - 1);
      cells_[at] = old_cells[from];
      used_.push_back(at);
    }
  }

  uint32_t epoch_ = 1;
  int shift_ = 20;  // 32 - log2(cells)
  std::vector<Candidate> cells_;
  std::vector<uint32_t> used_;
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

// Marks the items of the answer, so that the second walk over the rows skips the rest fast.
class Marks {
 public:
  void Clear() { words_.fill(0); }
  void Set(uint32_t item) { words_[Word(item)] |= Bit(item); }
  bool Has(uint32_t item) const { return (words_[Word(item)] & Bit(item)) != 0; }

 private:
  static uint32_t Hash(uint32_t item) { return (item * 2654435769u) >> 20; }
  static uint32_t Word(uint32_t item) { return Hash(item) >> 6; }
  static uint64_t Bit(uint32_t item) { return uint64_t{1} << (Hash(item) & 63); }
  std::array<uint64_t, 64> words_{};
};

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_SCRATCH_H_
