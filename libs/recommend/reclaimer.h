// Lets many readers walk memory that one writer replaces, without locks: a writer frees a replaced
// block only when no reader that could have seen it is still reading (epoch-based reclamation,
// Fraser, "Practical lock-freedom", 2004, section 5.2.3).
#ifndef KINDRED_RECOMMEND_RECLAIMER_H_
#define KINDRED_RECOMMEND_RECLAIMER_H_

#include <array>
#include <atomic>
#include <cstdint>

namespace kindred::recommend {

// Threads: all methods from any thread. At most kSlots readers at a time; one more waits its turn.
class Reclaimer {
 public:
  // Reading happens between construction and destruction of a guard. Pointers to protected blocks
  // are loaded (sequentially consistent) inside, and not kept.
  class ReadGuard {
   public:
    explicit ReadGuard(const Reclaimer& reclaimer);
    ~ReadGuard() { slot_.store(kFree, std::memory_order_release); }
    ReadGuard(const ReadGuard&) = delete;
    ReadGuard& operator=(const ReadGuard&) = delete;

   private:
    std::atomic<uint64_t>& slot_;
  };

  // Call after the new block was stored (sequentially consistent) in place of the old one: the old
  // one may be freed once OldestReader() is greater than the value returned.
  uint64_t Retire() { return epoch_.fetch_add(1); }
  // The epoch of the reader that began first; the current epoch when nobody reads.
  uint64_t OldestReader() const;

 private:
  friend class ReadGuard;
  static constexpr int kSlots = 128;
  static constexpr uint64_t kFree = 0;
  struct alignas(64) Slot {
    std::atomic<uint64_t> epoch{kFree};
  };
  std::atomic<uint64_t>& Enter() const;

  std::atomic<uint64_t> epoch_{1};
  mutable std::array<Slot, kSlots> slots_;
};

}  // namespace kindred::recommend

#endif  // KINDRED_RECOMMEND_RECLAIMER_H_
