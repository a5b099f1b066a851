// What was written and is in no file yet, in the order of its keys: a skip list (Pugh, CACM 33(6),
// 1990) over RocksDB's memtable entries. A key's place is looked for from that of the key put in
// before it, as a checkpoint brings its records in order: the cost grows with the logarithm of the
// distance, not of the size.
//
// Threads: one writer; readers at any time, without locks. Nothing is ever taken out.
#ifndef KINDRED_STORE_SKIP_LIST_H_
#define KINDRED_STORE_SKIP_LIST_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace kindred::store {

// The key of an entry. By user key in the order of bytes; of equal ones the newest, that with the
// greatest tag, first.
struct EntryKey {
  // Of a varint length, that many bytes of internal key (user key and 8 bytes of tag), and more.
  static EntryKey Of(const char* entry);
  // Of an internal key: at least 8 bytes.
  static EntryKey OfInternal(absl::string_view key);

  const char* user_key = nullptr;  // the tag's 8 bytes follow it
  size_t size = 0;
  uint64_t tag = 0;
};

bool operator<(const EntryKey& a, const EntryKey& b);

class SkipList {
 public:
  struct Node;

  SkipList() = default;
  SkipList(const SkipList&) = delete;
  SkipList& operator=(const SkipList&) = delete;

  // Room for an entry of `size` bytes, to be written to EntryOf() and given to Insert() before the
  // next one is made. `allocate` gives memory, aligned or not, that outlives the list.
  Node* NewNode(size_t size, absl::FunctionRef<char*(size_t)> allocate);
  static char* EntryOf(Node* node);
  // False, and nothing is put in, if an entry of the same key and tag is there.
  bool Insert(Node* node);

  // Null where there is none. FirstFrom: the first entry not below the key. LastBelow: the last one
  // below it.
  const Node* First() const;
  const Node* Last() const;
  const Node* FirstFrom(const EntryKey& key) const;
  const Node* LastBelow(const EntryKey& key) const;
  static const Node* Next(const Node* node);
  static const char* EntryOf(const Node* node) { return EntryOf(const_cast<Node*>(node)); }

 private:
  // A node in four reaches the next level: 4^12 entries are more than a memtable holds.
  static constexpr int kLevels = 12;
  using Link = std::atomic<Node*>;

  int NewHeight();
  // The node's successor there; the first one at all if `node` is null.
  Node* At(const Node* node, int level) const;
  // The level from which on, up, `before_` brackets the key.
  int FirstBracketing(const EntryKey& key) const;

  std::array<Link, kLevels> first_{};
  std::atomic<int> height_{1};  // levels in use
  // The writer's: on each level the last node up to where it was last; null: none.
  std::array<Node*, kLevels> before_{};
  uint64_t random_ = 0x9E3779B97F4A7C15;
};

}  // namespace kindred::store

#endif  // KINDRED_STORE_SKIP_LIST_H_
