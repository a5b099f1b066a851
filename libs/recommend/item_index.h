// Everything the node knows of items, over all its partitions: the item's attributes, how often it
// was met (support), how popular it is now, the popular items of each category, and the list of the
// partitions' pair tables (pair_table.h) that a recommendation sums.
#ifndef KINDRED_RECOMMEND_ITEM_INDEX_H_
#define KINDRED_RECOMMEND_ITEM_INDEX_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/strong_int.h"
#include "recommend/content_rows.h"
#include "recommend/popular_list.h"
#include "recommend/reclaimer.h"

namespace kindred::recommend {

class PairTable;

// How weights fade. Sums are kept in forward decay (Cormode, Shkapenyuk, Srivastava, Xu: "Forward
// decay", ICDE 2009): an event at time t weighs 2^((t - base) / half-life), so sums add, merge and
// do not depend on the order of arrival; dividing by the weight of "now" when reading makes them
// plain.
struct DecayOptions {
  double relation_half_life_days = 90;
  double popularity_half_life_days = 7;
};

// 2^((t - base) / half-life); base counts as a whole number of half-lives, so that weights of
// another base differ by a power of two exactly. The power is kept within ±bound.
double ForwardWeight(int64_t time_ms, int64_t base_ms, double half_life_days, int bound);
// Whole half-lives from 1970 to `time_ms`, rounded down.
int64_t WholeHalfLives(int64_t time_ms, double half_life_days);

// InvalidArgument unless half-lives are 1 hour to 10,000 days (relations: at least 7 days, so that
// float sums last for two years of one process).
absl::Status Validate(const DecayOptions& options);

struct ItemAttributes {
  TermId category = {};
  TermId brand = {};
  float price = std::numeric_limits<float>::quiet_NaN();  // NaN: not known
  TermId currency = {};
  bool available = true;
  bool hidden = false;  // never recommended, still learnt from
  std::string title = {};
};

// Threads: all methods from any thread; readers take no lock, except titles and category lists.
// Items:   any id up to kMaxItems; it exists while the catalogue has it or an event counts for it.
class ItemIndex {
 public:
  static constexpr uint32_t kMaxItems = 1u << 26;
  static constexpr uint32_t kPopularKept = 256;  // per category, and over all

  explicit ItemIndex(const DecayOptions& decay = {});
  ~ItemIndex();
  ItemIndex(const ItemIndex&) = delete;
  ItemIndex& operator=(const ItemIndex&) = delete;

  // --- Catalogue. What events say of an item is only used while the catalogue says nothing.
  void SetAttributes(ItemId item, const ItemAttributes& attributes);
  void SetAttributesFromEvent(ItemId item, TermId category, TermId brand, float price);
  // Until the catalogue has a title it is the one of the earliest event that names one, of equally
  // early ones the first in order of bytes: whatever order partitions are read in. True if it was
  // taken.
  bool SetTitleFromEvent(ItemId item, absl::string_view title, int64_t time_ms);
  // The time that the title was taken with; kNoTitleTime if it is not from an event.
  int64_t TitleTime(ItemId item) const;
  static constexpr int64_t kNoTitleTime = std::numeric_limits<int64_t>::max();
  // A null value in the items topic: the item is not recommended any more; its sums stay.
  void RemoveFromCatalogue(ItemId item);
  // Besides what the catalogue says: hidden while either hides it.
  void SetHidden(ItemId item, bool hidden);
  bool Known(ItemId item) const;
  ItemAttributes Attributes(ItemId item) const;
  std::string Title(ItemId item) const;

  // --- The partitions' tables. After Attach() a recommendation sums `table` too; Detach() takes
  // its sums out again (the table lives on while a reader or the caller holds it). One table per
  // partition.
  void Attach(std::shared_ptr<PairTable> table);
  void Detach(PartitionId partition);
  using Tables = std::vector<std::shared_ptr<PairTable>>;
  std::shared_ptr<const Tables> tables() const;

  // --- Sums over partitions, in forward weights. Called by PairTable.
  void Add(ItemId item, double support, double popularity);
  // ForwardWeight() of the index's base; 1 while there is no base. The bounds keep sums finite for
  // 110 half-lives after the first event of a process.
  static constexpr int kRelationPowers = 110;    // pair sums are floats
  static constexpr int kPopularityPowers = 900;  // sums are doubles
  double RelationWeight(int64_t time_ms) const;
  double PopularityWeight(int64_t time_ms) const;
  void SetBase(int64_t time_ms);  // for the life of the index; no effect once there is one
  int64_t base_ms() const { return base_ms_.load(std::memory_order_acquire); }
  static constexpr int64_t kNoBase = std::numeric_limits<int64_t>::min();
  // The base in whole half-lives since 1970; 0 while there is none.
  int64_t relation_base() const {
    return base_ms() == kNoBase ? 0 : WholeHalfLives(base_ms(), decay_.relation_half_life_days);
  }
  int64_t popularity_base() const {
    return base_ms() == kNoBase ? 0 : WholeHalfLives(base_ms(), decay_.popularity_half_life_days);
  }
  const DecayOptions& decay() const { return decay_; }

  // --- Reading, per item: plain figures as of `now_ms`.
  double Support(ItemId item, int64_t now_ms) const;
  double Popularity(ItemId item, int64_t now_ms) const;
  // Square root of the forward-weighted support; 0 for unknown items. The hot read of a query.
  float RootSupport(uint32_t item) const {
    const Chunk* chunk = ChunkOf(item);
    return chunk == nullptr
               ? 0.0f
               : chunk->root_support[item & kChunkMask].load(std::memory_order_relaxed);
  }
  // Forward-weighted popularity, comparable between items.
  double RawPopularity(uint32_t item) const {
    const Chunk* chunk = ChunkOf(item);
    return chunk == nullptr ? 0.0
                            : chunk->popularity[item & kChunkMask].load(std::memory_order_relaxed);
  }
  struct Facts {  // what filters read
    TermId category, brand;
    float price;
    bool eligible;  // known, available, not hidden, not removed
  };
  Facts GetFacts(uint32_t item) const;
  bool Eligible(uint32_t item) const;  // as Facts::eligible, alone

  // The most popular items of a category (TermId 0: of all), best first, at most kPopularKept; null
  // if there is none. The order may be behind by a thousandth of all events; membership is not.
  using PopularItems = std::vector<uint32_t>;
  std::shared_ptr<const PopularItems> Popular(TermId category) const;
  uint32_t max_item() const { return max_item_.load(std::memory_order_acquire); }  // highest id
  uint64_t item_count() const { return items_.load(std::memory_order_relaxed); }
  size_t memory_bytes() const;
  // Items alike by content (content_index.h writes it).
  ContentRows& content() const { return *content_; }
  const Reclaimer& reclaimer() const { return reclaimer_; }
  Reclaimer& reclaimer() { return reclaimer_; }

 private:
  static constexpr uint32_t kChunkBits = 10;
  static constexpr uint32_t kChunkSize = 1u << kChunkBits;
  static constexpr uint32_t kChunkMask = kChunkSize - 1;
  template <typename T>
  using Column = std::array<std::atomic<T>, kChunkSize>;
  struct Chunk {
    // Of the event that gave the title, less kNoTitleTime: 0 in a new chunk, negative once there is
    // one.
    Column<int64_t> title_lead{};
    Column<float> root_support{};
    Column<double> support{}, popularity{};
    // Popularity below which offering the item to a list is futile, as of its last refusal there.
    Column<double> futile_in_top{}, futile_in_category{};
    Column<uint32_t> category{}, brand{}, currency{}, flags{};
    Column<float> price{};
  };
  struct TopList {
    PopularList list{kPopularKept};
    std::shared_ptr<const PopularItems> sorted;
    uint64_t sorted_at = 0;
  };
  Chunk* ChunkOf(uint32_t item) const {
    return chunks_[item >> kChunkBits].load(std::memory_order_acquire);
  }
  Chunk* Ensure(uint32_t item);
  void Offer(uint32_t item, TermId category, uint32_t flag_bit, Chunk* chunk,
             std::atomic<double>* futile_below);
  void Rank(uint32_t item, Chunk* chunk);
  void RebuildTopLists();

  const DecayOptions decay_;
  std::atomic<int64_t> base_ms_;
  std::atomic<uint32_t> max_item_{0};
  std::atomic<uint64_t> items_{0};
  std::vector<std::atomic<Chunk*>> chunks_;
  Reclaimer reclaimer_;
  const std::unique_ptr<ContentRows> content_ = std::make_unique<ContentRows>(kMaxItems);
  mutable std::mutex titles_mutex_;  // guards titles_
  absl::flat_hash_map<uint32_t, std::string> titles_;
  mutable std::mutex top_mutex_;  // guards top_
  mutable absl::flat_hash_map<uint32_t, TopList> top_;
  std::atomic<uint64_t> changes_{0};  // of popularity
  mutable std::mutex tables_mutex_;   // guards tables_
  std::shared_ptr<const Tables> tables_;
};

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_ITEM_INDEX_H_
