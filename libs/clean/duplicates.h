// Finds copies of events within a window of arrival time, for one partition. Exact on 64-bit
// fingerprints: two different ids collide with probability n / 2^64.
//
// Fingerprints lie in a segmented open-addressing table: one cache line holds seven of them with a
// byte each for their bucket of arrival time, so a lookup costs one cache miss. Segments split one
// at a time (extendible hashing: Fagin et al. 1979), so growth never stalls. A bucket expires as a
// whole and costs nothing; its slots are reused.
#ifndef KINDRED_CLEAN_DUPLICATES_H_
#define KINDRED_CLEAN_DUPLICATES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "clean/stored_row.h"

namespace kindred::clean {

class FingerprintTable;

struct DuplicateOptions {
  int64_t window_ms = 24 * 3600 * 1000LL;
  // The window moves on in steps of window / buckets. 1 to 64.
  int buckets = 24;
  // When this does not suffice, the oldest bucket is dropped: the window shrinks.
  size_t memory_bytes = 64u << 20;
  // Spreads fingerprints over the table; from the operating system's randomness in a service, so
  // that nobody can aim at one segment. Decisions do not depend on it.
  uint64_t seed = 0x9E3779B97F4A7C15;
};

// A function of the sequence of Insert() calls (D10): time is the arrival time of the log, the
// greatest seen so far, never a clock.
// Threads: one at a time.
class DuplicateWindow {
 public:
  explicit DuplicateWindow(const DuplicateOptions& options = {});
  ~DuplicateWindow();
  DuplicateWindow(DuplicateWindow&&) noexcept;
  DuplicateWindow& operator=(DuplicateWindow&&) noexcept;

  // Starts loading the cache line that Insert() will touch.
  void Prefetch(uint64_t fingerprint) const;
  // True if it is new; false if it was inserted within the window. An arrival time before the
  // greatest seen counts as that one. One more than a window ahead of it, or behind it, moves the
  // time only when kJumpConfirmations in a row say so: one absurd timestamp must neither make the
  // window forget nor freeze it.
  bool Insert(uint64_t fingerprint, int64_t arrival_ms);
  static constexpr uint32_t kJumpConfirmations = 64;

  // How far back copies are found now: the configured window, less when memory did not suffice.
  int64_t window_in_force_ms() const;
  // Fingerprints in the window.
  uint64_t size() const { return live_; }
  // Of the table and of what waits for the next checkpoint.
  size_t memory_bytes() const;
  // Fingerprints that the memory bound allows.
  uint64_t capacity() const { return capacity_; }

  // Rows for the checkpoint: a head, and for each bucket chunks of kChunkSize fingerprints, of
  // which only the last is ever written again; the chunks of expired buckets are deleted.
  RowChanges TakeChanges();
  static constexpr size_t kChunkSize = 2048;
  // Puts back one row; all of them in the order of their keys, into a new window. Afterwards
  // FinishRestore(). DataLoss if they are not what TakeChanges() gave. Decisions then go on exactly
  // as before.
  absl::Status RestoreRow(absl::string_view key, absl::string_view value);
  absl::Status FinishRestore();

 private:
  struct Bucket {
    uint64_t id = 0;        // 1, 2, 3 …
    int64_t start_ms = 0;   // arrival time of the first
    int64_t newest_ms = 0;  // arrival time of the last
    uint64_t count = 0;
  };
  void Advance(int64_t arrival_ms);
  void MoveForward(int64_t arrival_ms);
  void MoveBack(int64_t arrival_ms);
  void OpenBucket();
  void DropOldest();
  void DropUnexpired();
  void KeepWithinCapacity();
  void Append(uint64_t fingerprint);
  void FlushTail();
  std::string EncodeHead() const;
  absl::Status RestoreHead(absl::string_view value);
  absl::Status RestoreChunk(uint64_t bucket_id, uint32_t chunk, absl::string_view value);

  DuplicateOptions options_;
  uint64_t capacity_ = 0;
  std::unique_ptr<FingerprintTable> table_;
  std::deque<Bucket> buckets_;  // oldest first; new fingerprints go to the last
  uint64_t live_ = 0;
  int64_t now_ms_ = 0;             // greatest arrival time that counts
  int32_t jumps_ = 0;              // arrivals in a row that claim a jump: ahead > 0, behind < 0
  int64_t complete_since_ms_ = 0;  // the memory bound dropped what arrived until then
  uint64_t next_bucket_id_ = 1;

  std::vector<uint64_t> tail_;  // the last bucket's last chunk, while it is not full
  bool tail_dirty_ = false;
  bool head_dirty_ = false;
  RowChanges changes_;  // since the last TakeChanges(): full chunks, and deletes
  // While rows are put back: the bucket that the next chunk belongs to, and how many of its
  // fingerprints are there.
  size_t restore_bucket_ = 0;
  uint64_t restore_count_ = 0;
};

}  // namespace kindred::clean

#endif  // KINDRED_CLEAN_DUPLICATES_H_
