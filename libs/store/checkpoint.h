// What one partition changes in one atomic step: records, its next offset, and what it wants to
// say to the outside.
#ifndef KINDRED_STORE_CHECKPOINT_H_
#define KINDRED_STORE_CHECKPOINT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/strings/string_view.h"
#include "base/strong_int.h"
#include "store/format.h"

namespace kindred::store {

class Store;

// Made by Store::NewCheckpoint, filled by a worker, given to Store::Write. Puts are encoded at once
// into the batch that will be written: nothing is kept twice.
//
// A value: moves, does not copy, holds no reference to what was put in. Of several changes of one
// key the last one counts.
// Threads: one at a time; it may be filled on one thread and written on another.
// Must be written or dropped before its Store is closed.
class Checkpoint {
 public:
  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;
  ~Checkpoint();

  // `table` must allow the checkpoint's scope: a record of a node-wide table (dictionary,
  // catalogue, model) may ride in any checkpoint, a record of a partition only in that
  // partition's. kOutbox has its own method.
  void Put(Table table, absl::string_view id, absl::string_view value);
  void Delete(Table table, absl::string_view id);

  // The first offset that is not in this state yet. A checkpoint of a partition normally has one;
  // Store::Write refuses to go back.
  void SetNextOffset(Offset next);

  // An entry to be produced once it is stored. `sequence` is the caller's and rises within the
  // partition (DESIGN: function of the log prefix, so that a replay makes the same ids).
  void PutOutbox(uint64_t sequence, absl::string_view value);
  // An entry that has been acknowledged.
  void DeleteOutbox(uint64_t sequence);

  PartitionId partition() const;
  std::optional<Offset> next_offset() const;
  size_t bytes() const;    // of the batch as it will be written
  size_t changes() const;  // puts and deletes
  bool empty() const { return changes() == 0; }

 private:
  friend class Store;
  struct Impl;
  explicit Checkpoint(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kindred::store

#endif  // KINDRED_STORE_CHECKPOINT_H_
