#include "recommend/reclaimer.h"

#include <thread>

namespace kindred::recommend {

Reclaimer::ReadGuard::ReadGuard(const Reclaimer& reclaimer) : slot_(reclaimer.Enter()) {}

std::atomic<uint64_t>& Reclaimer::Enter() const {
  // Threads keep to their own slot, so that a slot's cache line stays with its core.
  static std::atomic<uint32_t> threads{0};
  thread_local const uint32_t home = threads.fetch_add(1, std::memory_order_relaxed);
  for (uint32_t i = home;; ++i) {
    std::atomic<uint64_t>& slot = slots_[i % kSlots].epoch;
    uint64_t expected = kFree;
    // The exchange and the writer's scan are sequentially consistent: either the writer sees this
    // reader, or this reader sees the writer's new block.
    if (slot.load(std::memory_order_relaxed) == kFree &&
        slot.compare_exchange_strong(expected, epoch_.load())) {
      return slot;
    }
    if ((i - home) % kSlots == kSlots - 1) std::this_thread::yield();
  }
}

uint64_t Reclaimer::OldestReader() const {
  uint64_t oldest = epoch_.load();
  for (const Slot& slot : slots_) {
    const uint64_t epoch = slot.epoch.load();
    if (epoch != kFree && epoch < oldest) oldest = epoch;
  }
  return oldest;
}

}  // namespace kindred::recommend
