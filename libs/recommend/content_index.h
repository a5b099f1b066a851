// Which items are alike by what the catalogue says of them: text and attributes by hashed TF-IDF,
// and the vectors that it brings. So a new item can be recommended before anybody has met it.
//
// Likeness of two items: the cosine of their features (content_features.h), each weighed by
// ln(1 + N / n) for N items of which n have it; with vectors of one length on both sides the mean
// of that and the cosine of the vectors, at least 0. Likenesses below kLeastLikeness count for
// nothing.
//
// Nothing of it is stored: it is made of the catalogue, which a node reads whole when it starts,
// and is a function of the order of its records.
#ifndef KINDRED_RECOMMEND_CONTENT_INDEX_H_
#define KINDRED_RECOMMEND_CONTENT_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/strong_int.h"
#include "recommend/content_features.h"
#include "recommend/content_rows.h"
#include "recommend/nearest_vectors.h"

namespace kindred::recommend {

struct ContentOptions {
  // Items beyond it are not compared with others. An item takes about 1.2 KiB, 3 with a vector.
  size_t max_items = 100'000;
  // Up to so many, each is compared with each; beyond, with those that an approximate search finds.
  size_t exact_items = 2000;
};

// Threads: any; each call takes a lock for as long as one item takes. What recommendations read,
// the rows, is read without it.
class ContentIndex {
 public:
  static constexpr float kLeastLikeness = 0.15f;

  // `rows` outlives it.
  ContentIndex(const ContentOptions& options, ContentRows* rows);
  ~ContentIndex();

  // Notes what an item is; Work() does the rest. False if nothing about its likeness changed (a
  // price, say), or if there is no room for it.
  bool Set(ItemId item, const ItemContent& content);
  void Remove(ItemId item);

  // Compares up to `items` of the noted items with the others and writes their rows. Gives how many
  // are left. An item takes 0.1 to 1.3 ms. When the catalogue has doubled since, all are weighed
  // and compared anew. ResourceExhausted without memory for the search: likeness of new items is
  // missing then.
  absl::StatusOr<size_t> Work(size_t items);

  // The items most like `item`, most alike first, ties by number, at most `count`. Empty for an
  // item that is not known or not compared yet.
  std::vector<Alike> Nearest(ItemId item, size_t count) const;

  size_t size() const;
  uint64_t refused() const;  // calls of Set() that found no room
  size_t memory_bytes() const;

 private:
  struct Entry {
    std::vector<Feature> features;   // as told
    std::vector<Feature> weighed;    // by rarity as of the last time that all were, length 1
    std::vector<float> embedding;    // length 1
    uint32_t embedding_numbers = 0;  // before folding
    bool placed = false;             // in vectors_
  };
  static constexpr size_t kTextDimensions = 128;
  static constexpr uint32_t kCounts = 1u << 16;  // features that hash alike share a count

  void Queue(uint32_t item);
  void Count(const Entry& entry, uint32_t one);
  void Weigh(Entry* entry) const;
  absl::Status WeighAll();
  // One step for one item: into vectors_, or its row. True if a second step is to follow.
  absl::StatusOr<bool> Step(uint32_t item, Entry* entry);
  void WriteRow(uint32_t item, const Entry& entry, absl::Span<const Alike> alike);
  std::vector<float> VectorOf(const Entry& entry) const;
  static float Likeness(const Entry& a, const Entry& b);
  absl::StatusOr<std::vector<Alike>> FindAlike(uint32_t item, const Entry& entry,
                                               size_t count) const;

  const ContentOptions options_;
  ContentRows& rows_;
  mutable std::mutex mutex_;  // guards what follows, and writing of rows_
  absl::flat_hash_map<uint32_t, Entry> entries_;
  std::deque<uint32_t> queue_;
  absl::flat_hash_set<uint32_t> queued_;
  std::vector<uint32_t> counts_;             // items with a feature, by its hash
  std::vector<float> rarities_;              // as of the last WeighAll()
  size_t weighed_items_ = 0;                 // then; 0: never
  bool embeddings_ = false;                  // some item has a vector
  bool embeddings_placed_ = false;           // vectors_ has room for them
  std::unique_ptr<NearestVectors> vectors_;  // null while there are few
  uint64_t refused_ = 0;
};

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_CONTENT_INDEX_H_
