// The customers of one partition: id → profile, in memory first, with what the checkpoint and the
// learner need to know of each.
#ifndef KINDRED_PROFILE_CUSTOMER_MAP_H_
#define KINDRED_PROFILE_CUSTOMER_MAP_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "base/hash.h"
#include "profile/profile.h"

namespace kindred::profile {

// A customer in memory. Its address is stable until it is evicted or removed.
class Customer {
 public:
  absl::string_view id() const { return {id_.get(), id_size_}; }
  Profile profile;

 private:
  friend class CustomerMap;
  // One thread writes, readers may look meanwhile: no more than a plain byte, but not a data race.
  class Flags {
   public:
    operator uint8_t() const { return bits_.load(std::memory_order_relaxed); }
    Flags& operator=(uint8_t bits) {
      bits_.store(bits, std::memory_order_relaxed);
      return *this;
    }
    Flags& operator|=(uint8_t bits) { return *this = static_cast<uint8_t>(*this | bits); }
    Flags& operator&=(uint8_t bits) { return *this = static_cast<uint8_t>(*this & bits); }

   private:
    std::atomic<uint8_t> bits_{0};
  };
  std::unique_ptr<char[]> id_;
  uint64_t hash_ = 0;
  uint32_t index_ = 0;
  uint32_t bytes_ = 0;  // last measured
  uint16_t id_size_ = 0;
  Flags flags_;
};

// A customer is in memory, or its profile is in the store ("stored": it was evicted, or was there
// at the start), or it was never seen; a never-seen one needs no read of the store.
//
//   Customer* c = map.Find(id, hash);
//   if (c == nullptr) {
//     c = map.MayBeStored(hash) ? map.Insert(id, hash, <read it; NotFound: Profile()>)
//                               : map.Insert(id, hash, Profile());
//   }
//   c->profile.Apply(…); map.MarkDirty(*c);
//
// Checkpoint: all that changed is handed out as it is at BeginCheckpoint(), piece by piece: a
// customer that is found for a change before its turn is handed out first. They count as clean from
// then on, but are kept in memory until EndCheckpoint() says that they are written.
//
// Profiles with links get a version (Profile::version()) when they come in and whenever they
// change.
//
// Threads: none; the owner guards all of it, reads too. Only BeginCheckpoint() and
//          CollectCheckpoint() may run beside const methods.
// Sizes:   2^31 customers; ids of at most 65,535 bytes. Per customer about 220 bytes beside what
//          the profile's vectors hold; about 10 to 18 bytes for one that is only stored.
class CustomerMap {
 public:
  CustomerMap();
  ~CustomerMap();
  CustomerMap(const CustomerMap&) = delete;
  CustomerMap& operator=(const CustomerMap&) = delete;

  static uint64_t Hash(absl::string_view id) { return base::Fingerprint64(id); }
  // Starts to load what Find() will look at, for a batch of ids: first all of these …
  void PrefetchSlot(uint64_t hash) const;
  // … then all of these.
  void PrefetchCustomer(uint64_t hash) const;
  // … then what their profiles hold.
  void PrefetchProfile(uint64_t hash) const;

  // Null when it is not in memory. Counts as a use for eviction; the only way to what is changed.
  Customer* Find(absl::string_view id, uint64_t hash);
  // As Find(), for readers that should not keep a customer in memory.
  const Customer* Peek(absl::string_view id, uint64_t hash) const;
  // Requires that the id is not in memory.
  Customer* Insert(absl::string_view id, uint64_t hash, Profile profile);
  // Forgets the customer; the next checkpoint tells that it was removed, even if it was not in
  // memory.
  void Remove(absl::string_view id, uint64_t hash);

  // False: certainly never stored. True: stored, or (once in 10^12) another id has the same hash.
  // After Remove() false at once, though the store forgets the customer with the next checkpoint.
  bool MayBeStored(uint64_t hash) const {
    return stored_.contains(hash) && (gone_.empty() || !gone_.contains(hash));
  }
  // At the start, for every customer in the store that is not loaded.
  void AddStored(uint64_t hash) { stored_.insert(hash); }

  // After every change of a profile.
  void MarkDirty(Customer& customer);
  size_t dirty_count() const { return dirty_.size() + removed_.size(); }

  // Calls `removed` for every id removed since the last call, and from now until
  // CollectCheckpoint() says that none is left `changed` for every customer that is dirty now. One
  // checkpoint at a time.
  void BeginCheckpoint(std::function<void(const Customer&)> changed,
                       absl::FunctionRef<void(absl::string_view id)> removed);
  // Hands out at most `count` customers more; whether there are others.
  bool CollectCheckpoint(size_t count);
  // Written: its customers may be evicted. Not written: they are dirty again.
  void EndCheckpoint(bool written);

  // Evicts clean customers that were not used lately (CLOCK) until memory_bytes() is at most
  // `target_bytes` or none is left. Returns how many.
  size_t EvictClean(size_t target_bytes);
  // Profiles are measured when they come in and at checkpoints; what grew since is not in it.
  size_t memory_bytes() const;
  size_t size() const { return size_; }  // in memory
  size_t stored_only_bound() const {
    return stored_.size();
  }  // at most this many only in the store

  // A walk over the customers in memory: calls `visit` for at most `count` of them from `cursor` on
  // and returns the cursor to go on from; 0 when the walk is through. Customers that stay are seen
  // exactly once a walk, those that come or go meanwhile at most once.
  uint64_t Walk(uint64_t cursor, size_t count,
                absl::FunctionRef<void(const Customer&)> visit) const;
  // Calls `visit` for at most `count` customers that were marked dirty since they were last taken
  // here, oldest change first. Returns how many.
  size_t TakeChanged(size_t count, absl::FunctionRef<void(const Customer&)> visit);
  // At most this many are to be taken.
  size_t changed_bound() const { return changed_.size() - changed_taken_; }

 private:
  enum Flag : uint8_t {
    kUsed = 1,
    kDirtyEven = 2,   // in dirty_, or in writing_ and not handed out yet: see dirty_flag_
    kWriting = 4,     // in writing_, and handed out
    kReferenced = 8,  // used since the clock hand passed
    kChanged = 16,    // not taken by TakeChanged() yet
    kQueued = 32,     // the entry is in changed_
    kDirtyOdd = 64,
  };
  static constexpr uint8_t kDirty = kDirtyEven | kDirtyOdd;
  static constexpr uint32_t kNobody = UINT32_MAX;
  static constexpr uint32_t kBlockBits = 8;
  static constexpr uint32_t kBlockSize = 1u << kBlockBits;

  Customer& At(uint32_t index) const {
    return blocks_[index >> kBlockBits][index & (kBlockSize - 1)];
  }
  size_t Home(uint64_t slot_or_hash) const { return (slot_or_hash >> 32) & mask_; }
  // The slot that holds the id, or the empty one where it would go.
  // The customer with this hash, or one that has much of it; null: certainly none.
  const Customer* Likely(uint64_t hash) const;
  size_t SlotOf(absl::string_view id, uint64_t hash) const;
  void Rehash(size_t slots);
  void Release(Customer& customer);
  void HandOut(Customer& customer);
  void Measure(Customer& customer);
  void Version(Customer& customer) { customer.profile.SetVersion(++last_version_); }

  // A slot holds the upper half of the hash, which also says where it belongs, and index + 1; 0 is
  // empty. Linear probing, at most 3/4 full, deletion by moving back.
  std::vector<uint64_t> slots_;
  size_t mask_ = 0;
  std::vector<std::unique_ptr<Customer[]>> blocks_;
  std::vector<uint32_t> free_;
  size_t size_ = 0;
  uint64_t last_version_ = 0;
  std::atomic<size_t> bytes_{0};  // relaxed: BeginCheckpoint() measures beside readers
  uint32_t clock_hand_ = 0;
  // Customers that go into the next checkpoint bear one flag, those that the one under way still
  // waits for the other.
  uint8_t dirty_flag_ = kDirtyEven;
  uint8_t awaited_flag_ = 0;  // 0: all were handed out
  std::vector<uint32_t> dirty_;
  std::vector<uint32_t> writing_;  // kNobody: removed since
  size_t collected_ = 0;           // of writing_
  std::function<void(const Customer&)> put_changed_;
  std::vector<std::string> removed_;
  std::vector<std::string> removing_;
  absl::flat_hash_set<uint64_t> gone_;  // hashes of removed_ and removing_
  std::vector<uint32_t> changed_;
  size_t changed_taken_ = 0;
  absl::flat_hash_set<uint64_t> stored_;
};

}  // namespace kindred::profile

#endif  // KINDRED_PROFILE_CUSTOMER_MAP_H_
