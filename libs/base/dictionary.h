// Names (items, categories, brands, countries …) as small integers, so that state holds four bytes
// instead of a string.
#ifndef KINDRED_BASE_DICTIONARY_H_
#define KINDRED_BASE_DICTIONARY_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace kindred::base {

// Numbers are given in order of first sight, starting at 1; 0 is the empty name. A number is never
// reused. Names live as long as the dictionary; the views handed out stay valid.
//
// Threads: all methods from any thread. Name() takes no lock.
// Bound:   at most `capacity` names; Intern() of one more returns 0, and overflow() counts it.
class Dictionary {
 public:
  explicit Dictionary(uint32_t capacity = 1u << 26);
  ~Dictionary();
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;

  // The number of `name`, a new one if it was not known.
  uint32_t Intern(absl::string_view name) ABSL_LOCKS_EXCLUDED(mutex_);
  // The number of `name`, or 0 if it is not known.
  uint32_t Find(absl::string_view name) const ABSL_LOCKS_EXCLUDED(mutex_);
  // The name of a number that Intern() or Restore() gave; empty for 0 and for unknown numbers.
  absl::string_view Name(uint32_t id) const;
  // The highest number given so far; 0 when empty.
  uint32_t size() const { return size_.load(std::memory_order_acquire); }
  uint64_t overflow() const { return overflow_.load(std::memory_order_relaxed); }
  // Bytes held, roughly.
  size_t memory_bytes() const { return bytes_.load(std::memory_order_relaxed); }

  // Puts back a name under the number it had; numbers must come in order, 1, 2, 3 …
  // InvalidArgument otherwise, or when the name is already there.
  absl::Status Restore(uint32_t id, absl::string_view name) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Names are found by number through blocks that never move, so readers need no lock.
  static constexpr uint32_t kBlockBits = 12;
  static constexpr uint32_t kBlockSize = 1u << kBlockBits;
  static constexpr uint32_t kBlocks = 1u << 14;
  using Block = std::array<absl::string_view, kBlockSize>;

  uint32_t Append(absl::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint32_t capacity_;
  std::atomic<uint32_t> size_{0};
  std::atomic<uint64_t> overflow_{0};
  std::atomic<size_t> bytes_{0};
  std::vector<std::atomic<Block*>> blocks_;

  mutable absl::Mutex mutex_;
  absl::flat_hash_map<absl::string_view, uint32_t> ids_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> names_ ABSL_GUARDED_BY(mutex_);
};

// One thread's memory of names it interned lately, in front of a dictionary: a hit takes no lock,
// and for names of usual length one cache line.
// Threads: one. The dictionary must outlive it.
class DictionaryCache {
 public:
  // Remembers some `sets` * 2 names in 64 bytes a set; a power of two, at least 2.
  explicit DictionaryCache(Dictionary* names, size_t sets = 1 << 12);

  // As Dictionary::Intern().
  uint32_t Intern(absl::string_view name) { return name.empty() ? 0 : Find(name); }

  // Starts loading what Intern() will look at.
  void Prefetch(absl::string_view name) const;

 private:
  static constexpr size_t kMaxBytes = 27;  // longer names are looked up in the dictionary
  // A name of 1 to kMaxBytes bytes in words that no other such name has. The words overlap where
  // the name is short: so it is read and compared without a loop.
  struct Slot {
    uint64_t first = 0;
    uint64_t middle = 0;
    uint64_t last = 0;
    uint32_t rest = 0;  // its size, and what the others leave out; 0: free
    uint32_t id = 0;
  };
  struct alignas(64) Set {
    Slot newer;  // used last
    Slot older;
  };
  static_assert(sizeof(Set) == 64);

  static Slot SlotOf(absl::string_view name);  // without the id
  static bool Same(const Slot& a, const Slot& b);
  size_t SetOf(const Slot& name) const;
  uint32_t Find(absl::string_view name);
  ABSL_ATTRIBUTE_NOINLINE uint32_t Take(absl::string_view name, Set* set);

  Dictionary& names_;
  std::vector<Set> sets_;
  const int shift_;  // of a hash, to a place in sets_
};

}  // namespace kindred::base

#endif  // KINDRED_BASE_DICTIONARY_H_
