// What all partitions of a node share: names, items, the catalogue, and the bookkeeping of records
// that arrived in the wrong partition.
#ifndef KINDRED_NODE_SHARED_STATE_H_
#define KINDRED_NODE_SHARED_STATE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/dictionary.h"
#include "base/strong_int.h"
#include "clean/cleaner.h"
#include "learn/forward_decay.h"
#include "node/attribution.h"
#include "node/breaker.h"
#include "node/catalogue.h"
#include "node/experiment.h"
#include "node/rule_set.h"
#include "profile/identity_group.h"
#include "recommend/content_index.h"
#include "recommend/item_index.h"
#include "recommend/pair_table.h"
#include "recommend/recommender.h"
#include "store/checkpoint.h"
#include "store/store.h"

namespace kindred::node {

// Names and numbers, and which of them are on disk. Numbers are given by the node, so a record that
// uses one must never be stored before the name: every checkpoint carries all names that are not
// stored yet.
// Threads: any.
class StoredDictionary {
 public:
  // `prefix` tells the dictionaries of a node apart in the store.
  StoredDictionary(char prefix, uint32_t capacity) : prefix_(prefix), names_(capacity) {}

  base::Dictionary& names() { return names_; }
  const base::Dictionary& names() const { return names_; }

  absl::Status Restore(const store::Store& store);
  // Adds what is not stored yet and returns the number to report to Stored() once it is written.
  uint32_t AddTo(store::Checkpoint* checkpoint) const;
  void Stored(uint32_t upto);

 private:
  const char prefix_;
  base::Dictionary names_;
  std::atomic<uint32_t> stored_{0};
};

// Customers that have state outside the partition that their id belongs to, because a producer used
// another partitioner. Normally empty.
// Threads: any.
class StrayIndex {
 public:
  void Add(uint64_t customer_hash, PartitionId partition);
  // Partitions besides the customer's own that hold a part of it.
  absl::InlinedVector<PartitionId, 2> Find(uint64_t customer_hash) const;

 private:
  std::atomic<bool> any_{false};
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<uint64_t, absl::InlinedVector<PartitionId, 2>> strays_
      ABSL_GUARDED_BY(mutex_);
};

struct SharedOptions {
  int32_t partition_count = 1;
  std::string default_currency = "USD";
  double affinity_half_life_days = 30;
  recommend::DecayOptions decay;
  recommend::PairOptions pairs;
  recommend::BlendOptions blend;
  recommend::ContentOptions content;
  // How much what a customer did counts when it is recommended to, by Interaction.
  std::array<float, recommend::kInteractionKinds> event_weights = {1, 1, 1, 1, 1, 1};
  AttributionOptions attribution;
  // Null: none runs.
  std::shared_ptr<const Experiment> experiment;
  clean::CleanRules clean_rules;
  int64_t dedup_window_ms = 24 * 3600 * 1000LL;
  size_t dedup_bytes_per_partition = 64u << 20;
  // Spreads fingerprints in memory so that nobody can aim at one place; decisions do not depend on
  // it.
  uint64_t dedup_seed = 0;
  size_t max_record_bytes = 1u << 20;
  BreakerOptions breaker;
  profile::IdentityRules identity;
  // For sums of linked ids that are kept (GroupCache).
  size_t group_cache_bytes = 32u << 20;
  // Customers a partition that predictions are trained on; all while there are fewer.
  size_t sampled_customers = 1024;
  // False: there is no topic for them.
  bool produce_audience_changes = true;
};

struct SharedState {
  explicit SharedState(const SharedOptions& options);

  const SharedOptions options;
  StoredDictionary items;
  StoredDictionary terms;
  const TermId default_currency;
  const learn::ForwardDecay affinity_decay;
  recommend::ItemIndex index;
  recommend::ContentIndex content;  // writes the index's rows
  Catalogue catalogue;
  StrayIndex strays;
  RuleBook rules;
};

// What the catalogue says of an item, to all that use it: events are filled from it, answers filter
// by it, and likeness by content is made of it. `embedding`: the item's vector, may be empty.
void SetCatalogueItem(ItemId item, CatalogueItem facts, absl::Span<const float> embedding,
                      SharedState* shared);
void RemoveCatalogueItem(ItemId item, SharedState* shared);

}  // namespace kindred::node

#endif  // KINDRED_NODE_SHARED_STATE_H_
