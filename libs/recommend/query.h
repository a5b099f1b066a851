// One call of Recommender::Recommend(). Only for recommender.cc and explain.cc.
#ifndef KINDRED_RECOMMEND_QUERY_H_
#define KINDRED_RECOMMEND_QUERY_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "recommend/item_index.h"
#include "recommend/pair_table.h"
#include "recommend/recommender.h"
#include "recommend/revisits.h"
#include "recommend/scratch.h"

namespace kindred::recommend {

struct Seed {
  uint32_t item;
  SeedKind kind;
  float similar_weight;  // of c_ij / (√(n_i n_j) + h)
  float next_weight;     // of R_ij, division by n_i included
  float root_support;
  float reminder;  // amount it gets itself
};

// A row of a seed as it was when the query began to read it. It lives as long as the ReadGuard:
// its entries stay where they are, and only their sums go on changing.
struct SeedRow {
  RowView row;
  uint32_t seed = 0;   // place among the seeds
  uint32_t begin = 0;  // entries of the rows before it
};

struct QueryScratch {
  CandidateTable candidates;
  std::vector<Seed> seeds;
  std::vector<SeedRow> rows;  // by seed, then by partition
  std::vector<const PairTable::Block*> found;
  // Of each entry of the rows: the entry before it that names the same item, counted from 1; 0 if
  // none does. So the entries of a chosen item are found without a walk over all.
  std::vector<uint32_t> earlier;
  std::vector<uint32_t> entries;    // of one item
  std::vector<double> frequencies;  // of what was bought, in its order
  std::vector<Top> top;

  std::vector<float> amounts;               // [place][seed][similar, next]
  std::vector<uint32_t> numbers;            // of the chosen ones, as candidates
  std::vector<Contribution> contributions;  // of one item
  std::vector<float> alike;                 // [place][seed], by content
};

class Query {
 public:
  // Everything passed in must outlive it.
  Query(const BlendOptions& options, const Request& request, const ItemIndex& index,
        QueryScratch& scratch);
  void Run(Answer* answer);

 private:
  // --- From what is known of the customer to candidates with sums.
  void BlockExcluded();
  void Block(ItemId item);
  void CollectSeeds();
  void AddSeed(ItemId item, SeedKind kind, double step, double fade, bool remind);
  float Reminder(size_t step) const;
  double Prior() const;
  void FindRows();
  void ReadRows();
  void Accumulate(const SeedRow& from);
  void AddContent();
  float ContentAmount(const Seed& seed, float root_support, float likeness) const;
  void AddOwn();
  Candidate& AddExtra(uint32_t item, float amount);
  double Frequency(const OwnedItem& owned, double popularity) const;
  float RepeatAmount(size_t owned) const;
  void FindMaxima();
  void AddPopular();
  float PopularAmount(uint32_t item) const;

  // --- The best of them.
  bool Eligible(uint32_t item) const;
  void Select();
  void SelectAmong(uint32_t begin, uint32_t end);
  void Consider(const Top& entry);
  void DropWorse();
  void FillFromAll();

  // --- What their scores are made of (explain.cc).
  void Explain(Answer* answer);
  void SplitAmounts();
  void SplitContent();
  void AppendItem(uint32_t place, Answer* answer);
  Reason MakeReason(uint32_t place, Source source) const;
  float* Amount(size_t place, size_t seed) {
    return &scratch_.amounts[(place * scratch_.seeds.size() + seed) * 2];
  }
  const float* Amount(size_t place, size_t seed) const {
    return &scratch_.amounts[(place * scratch_.seeds.size() + seed) * 2];
  }
  float AlikeAmount(size_t place, size_t seed) const {
    return scratch_.alike[place * scratch_.seeds.size() + seed];
  }

  static constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const BlendOptions& options_;
  const Request& request_;
  const ItemIndex& index_;
  QueryScratch& scratch_;
  const std::shared_ptr<const ItemIndex::Tables> tables_;
  const float now_weight_;
  const float shrink_;
  const uint32_t count_;
  const bool has_content_;
  RevisitSums revisits_;
  // Candidates by relations come first, up to the one place, then the customer's own, up to the
  // other, then popular ones.
  uint32_t related_ = 0, owned_ = 0;
  float least_ = -kInfinity;  // score of the worst of the best so far, once there are enough
  const bool unfiltered_;     // but for what is not eligible at all
  double max_repeat_ = 0;
  bool owned_twice_ = false;  // something stands among what was bought more than once
  float similar_scale_ = 0, next_scale_ = 0;
  double popular_scale_ = 0;
  double most_popular_ = 0;
  std::shared_ptr<const ItemIndex::PopularItems> popular_;
};

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_QUERY_H_
