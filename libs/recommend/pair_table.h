// What one partition contributes to item relations: for each item its neighbours with a symmetric
// sum (sessions that hold both) and a directed one (1 / distance, this item first), its support and
// its popularity. Learnt event by event; sums only, so partitions add.
#ifndef KINDRED_RECOMMEND_PAIR_TABLE_H_
#define KINDRED_RECOMMEND_PAIR_TABLE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/strong_int.h"
#include "recommend/interaction.h"
#include "recommend/item_index.h"
#include "recommend/revisits.h"

namespace kindred::recommend {

struct PairOptions {
  uint32_t max_neighbours = 100;    // kept per item when a row is pruned; it may grow to twice that
  uint32_t max_gap = 8;             // directed pairs reach this many touches back
  uint32_t max_session_items = 10;  // symmetric pairs reach this many touches back
  int64_t session_gap_ms = 30 * 60 * 1000;
  // Popularity that one event adds, by Interaction.
  std::array<float, kInteractionKinds> popularity_weight = {1, 1, 1.5f, 2, 3, 1};
  size_t max_bytes = size_t{1} << 30;  // bound of memory_bytes(); rows shrink, then leave, at it
  // False: support, popularity and revisits only. Pairs learnt before stay, and fade.
  bool learn_pairs = true;
};

// Options for one of `partitions` tables that are summed: each keeps fewer neighbours, since
// together they keep more; a recommendation reads the rows of all.
PairOptions SharedOver(const PairOptions& options, int partitions);

// InvalidArgument names the first value out of range.
absl::Status Validate(const PairOptions& options);

// One row as read: three parallel arrays. Only valid inside a Reclaimer::ReadGuard.
struct RowView {
  uint32_t size = 0;
  const uint32_t* neighbours = nullptr;
  const float* symmetric = nullptr;  // forward weights; read with Load()
  const float* directed = nullptr;
  // The writer may be adding to a value while it is read.
  template <typename T>
  static T Load(const T* value) {
    return std::atomic_ref<T>(const_cast<T&>(*value)).load(std::memory_order_relaxed);
  }
};

// Threads: one writer (the partition's worker) calls everything that is not const; Row() is for any
//          thread, under a ReadGuard of the index's reclaimer; no locks on either side.
// State:   a function of the sequence of AddEvent() calls alone (a row is pruned when it is full,
// all
//          when what they hold could pass the bound); RestoreRow() of all rows puts it back bit by
//          bit. Stored bytes neither tell which other partitions there are nor when the process
//          began: weights of different bases differ by powers of two, and rows are stored with
//          their power.
class PairTable {
 public:
  PairTable(PartitionId partition, const PairOptions& options, ItemIndex* index);
  ~PairTable();
  PairTable(const PairTable&) = delete;
  PairTable& operator=(const PairTable&) = delete;

  // The customer of `event` had touched `recent` (newest first) when `event` came. Of `recent` only
  // the running session counts (touches without a pause longer than session_gap_ms). Distinct pairs
  // count once a session in the symmetric sum, a repeated item adds directed pairs only.
  // Item 0 is ignored. `weight` scales the event's contributions (0: only directed pairs of it
  // none). A weight of -1 takes back an event that was added in the same context: then nothing
  // falls below 0, and a pair without weight leaves.
  void AddEvent(const Touch& event, absl::Span<const Touch> recent, float weight = 1.0f);

  // Start to load what AddEvent() of these will look at: first, a few events ahead, where the rows
  // are, then the rows.
  void PrefetchSlots(ItemId item, absl::Span<const Touch> recent) const;
  void PrefetchRows(ItemId item, absl::Span<const Touch> recent) const;

  // --- Reading
  RowView Row(uint32_t item) const { return ReadRow(FindRow(item)); }
  // The same in two steps, for who reads many rows: what ReadRow() looks at is on its way from
  // FindRow() on, and what FindRow() looks at from PrefetchSlots() on. Null: there is none.
  struct Block;
  const Block* FindRow(uint32_t item) const;
  static RowView ReadRow(const Block* row);
  const Revisits& revisits() const { return revisits_; }
  PartitionId partition() const { return partition_; }
  uint64_t events() const { return events_; }
  // All it has allocated. Under max_bytes, but for rows that were replaced while readers, which
  // hold them for a moment, looked at them.
  size_t memory_bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint64_t pruned_pairs() const { return pruned_.load(std::memory_order_relaxed); }

  // --- Checkpoint: the rows that changed since the last one, each as bytes that RestoreRow()
  // reads; an empty value means that the row is gone. Counters that belong to no row are in
  // EncodeHeader(). Rows are handed out piece by piece as they are at BeginCheckpoint(): one that
  // is about to change before its turn is handed out first.
  using PutRow = std::function<void(ItemId, absl::string_view)>;
  // One checkpoint at a time. `put` is called until CollectRows() says that nothing is left.
  void BeginCheckpoint(PutRow put);
  // Hands out at most `count` rows more; whether there are others.
  bool CollectRows(size_t count);
  // All at once.
  void TakeDirty(PutRow put);
  bool has_dirty() const { return !dirty_.empty() || !dropped_.empty(); }
  std::string EncodeHeader() const;
  // Both refuse (DataLoss) bytes that EncodeHeader() and checkpoints cannot have written. The
  // header first, on an empty table, then each row once, before Attach(). Restored sums are added
  // to the index. If the half-lives were other ones when the rows were written, what was learnt
  // keeps its present weight and fades by the new ones from now on; all rows are dirty then.
  absl::Status RestoreHeader(absl::string_view bytes);
  absl::Status RestoreRow(ItemId item, absl::string_view bytes);
  // Every row, dirty or not, in order of item (export to another node).
  void ForEachRow(const PutRow& put) const;

  // Support and popularity sums of this partition, to take them out of the index.
  void ForEachItem(
      const std::function<void(ItemId, double support, double popularity)>& visit) const;

 private:
  struct Directory;
  struct Retired {
    void* memory;
    size_t bytes;
    uint64_t epoch;
  };

  Block* NewBlock(uint32_t capacity);
  Directory* NewDirectory(uint64_t rows);
  Block* Find(uint32_t item) const;
  Block* Touched(uint32_t item);  // the row, made if absent, marked dirty
  void InsertRow(uint32_t item, Block* block);
  uint32_t StrongestUnseen(absl::Span<const Touch> recent) const;
  // Both return the item's row, which may lie elsewhere then.
  Block* AddPair(uint32_t item, Block* block, uint32_t neighbour, float symmetric, float directed);
  Block* TakePair(uint32_t item, Block* block, uint32_t neighbour, float symmetric, float directed);
  Block* Grow(uint32_t item, Block* block);
  Block* Prune(uint32_t item, Block* block, uint32_t room);
  void CopyHeader(const Block& from, Block* to);
  void Replace(uint32_t item, Block* old_block, Block* new_block);
  void Retire(void* memory, size_t bytes);
  void FreeRetired();
  template <typename T>
  void Append(std::vector<T>* list, const T& value);
  void Clear(std::vector<uint32_t>* list);
  std::vector<std::pair<uint32_t, Block*>> RowsInOrder() const;
  size_t MostBytes() const;
  void EnforceMemoryBound();
  void PruneAll();
  void DropWeakest();
  void PrepareRescale(int64_t first_ms, int64_t newest_ms, const DecayOptions& old_decay);
  void EncodeRow(const Block& block, std::string* out) const;
  void Prefetch(uint32_t item) const;
  void MarkDirty(uint32_t item, Block* block);  // before every change of the row
  void MarkForNext(uint32_t item, Block* block);
  void HandOut(uint32_t item, Block* block);

  const PartitionId partition_;
  const PairOptions options_;
  ItemIndex& index_;
  uint32_t row_limit_;  // entries a row may reach before it is pruned to half
  uint64_t events_ = 0;
  uint64_t rows_ = 0, row_bytes_ = 0;       // what is in the directory
  int64_t first_ms_ = ItemIndex::kNoBase;   // time of the first event
  int64_t newest_ms_ = ItemIndex::kNoBase;  // latest event time so far
  // What turns restored sums into weights of this process; set by RestoreHeader(). A sum stored as
  // m with power p is m · 2^(p - power) · factor.
  struct Rescale {
    double relation = 1, popularity = 1;
    int64_t relation_power = 0, popularity_power = 0;
    bool exact = true;
  };
  Rescale rescale_;
  Revisits revisits_;
  std::atomic<size_t> bytes_{0};
  std::atomic<uint64_t> pruned_{0};
  std::atomic<Directory*> directory_;
  // Rows that go into the next checkpoint bear one flag, those that the one under way still waits
  // for the other.
  uint8_t dirty_flag_ = 1;
  std::vector<uint32_t> dirty_;    // of the next, in order of their first change
  std::vector<uint32_t> dropped_;  // rows that left, and may have come back
  std::vector<uint32_t> awaited_;  // of the one under way, in order of item
  size_t collected_ = 0;           // so many of them had their turn
  PutRow put_row_;                 // none: no checkpoint is under way
  std::string row_text_;
  std::vector<Retired> retired_;
  size_t retired_bytes_ = 0;
};

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_PAIR_TABLE_H_
