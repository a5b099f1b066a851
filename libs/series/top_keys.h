// Which keys (items, categories) of many have a series: those met most, in bounded memory.
#ifndef KINDRED_SERIES_TOP_KEYS_H_
#define KINDRED_SERIES_TOP_KEYS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kindred::series {

// Counts keys and tracks at most `tracked` of them. While there are no more than that, all are
// tracked from their first event on, whatever the order. Beyond, a key takes the place of the least
// one when it was met twice as often; counts of at most kCounted keys are kept, and all are halved
// when there are more, so that what is not met any more makes room.
// A function of the keys in their order. Threads: one writer; readers only while nobody writes.
class TopKeys {
 public:
  static constexpr size_t kCounted = 1024;
  explicit TopKeys(size_t tracked) : most_tracked_(tracked) { Clear(); }

  struct Decision {
    bool tracked = false;
    bool added = false;    // it is tracked from now on
    uint32_t removed = 0;  // the key that lost its place; 0: none
    size_t place =
        0;  // a tracked key's own, below `tracked`; a removed one's becomes the added one's
  };
  // Counts the key (not 0). `now_ms`: newest event time, kept as the time a key is tracked from.
  Decision Count(uint32_t key, int64_t now_ms);

  struct Tracked {
    uint32_t key = 0;
    uint32_t count = 0;    // halved now and then: good for ranking alone
    int64_t since_ms = 0;  // tracked from here; 0: from its first event on
  };
  // Most met first; equal ones by key.
  std::vector<Tracked> Ranked() const;
  bool IsTracked(uint32_t key) const;
  // As in Tracked; 0 for a key that is not tracked.
  int64_t SinceMs(uint32_t key) const;

  std::string Encode() const;
  // DataLoss if the bytes are not what Encode() gives for this bound.
  absl::Status Decode(absl::string_view bytes);

 private:
  static constexpr uint32_t kNoPlace = UINT32_MAX;
  struct Entry {
    uint32_t key = 0;  // 0: free
    uint32_t count = 0;
    uint32_t place = kNoPlace;  // in places_
  };
  struct Place {
    uint32_t key = 0;
    int64_t since_ms = 0;
  };
  // The key's entry, or the free one where it belongs.
  const Entry& At(uint32_t key) const;
  Entry& At(uint32_t key);
  Entry& Insert(const Entry& entry);
  // Of `size` entries, a power of two.
  void Rehash(size_t size);
  // The key has no place: Count() of those.
  ABSL_ATTRIBUTE_NOINLINE Decision CountOther(uint32_t key, int64_t now_ms);
  // Whether it gets one.
  void Consider(bool first, int64_t now_ms, Entry* entry, Decision* decision);
  void Clear();
  void Halve();
  std::pair<uint32_t, uint32_t> Least() const;

  size_t most_tracked_;
  // By hash, the next one where that is taken; at most half full and one more. Kept by hand: every
  // event counts two keys, and this is one line of memory for each.
  std::vector<Entry> entries_;
  size_t mask_ = 0;  // entries - 1
  size_t size_ = 0;  // keys
  std::vector<Place> places_;
  uint32_t least_count_ = 0;  // no tracked key has a lower count
  bool forgot_ = false;       // keys have been dropped: a new one may be an old one
};

}  // namespace kindred::series

#endif  // KINDRED_SERIES_TOP_KEYS_H_
