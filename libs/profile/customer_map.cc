#include "profile/customer_map.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace kindred::profile {
namespace {

constexpr size_t kFirstSlots = 64;

uint64_t SlotValue(uint64_t hash, uint32_t index) {
  return (hash & 0xffffffff00000000u) | (index + 1);
}
uint32_t SlotIndex(uint64_t slot) { return static_cast<uint32_t>(slot) - 1; }

}  // namespace

CustomerMap::CustomerMap() : slots_(kFirstSlots, 0), mask_(kFirstSlots - 1) {}
CustomerMap::~CustomerMap() = default;

void CustomerMap::PrefetchSlot(uint64_t hash) const { __builtin_prefetch(&slots_[Home(hash)]); }

const Customer* CustomerMap::Likely(uint64_t hash) const {
  for (size_t slot = Home(hash); slots_[slot] != 0; slot = (slot + 1) & mask_) {
    if ((slots_[slot] ^ hash) >> 32 == 0) return &At(SlotIndex(slots_[slot]));
  }
  return nullptr;
}

void CustomerMap::PrefetchCustomer(uint64_t hash) const {
  const char* const customer = reinterpret_cast<const char*>(Likely(hash));
  if (customer == nullptr) return;
  for (size_t line = 0; line < sizeof(Customer); line += 64) __builtin_prefetch(customer + line);
}

void CustomerMap::PrefetchProfile(uint64_t hash) const {
  const Customer* const customer = Likely(hash);
  if (customer != nullptr) customer->profile.Prefetch();
}

size_t CustomerMap::SlotOf(absl::string_view id, uint64_t hash) const {
  size_t slot = Home(hash);
  while (slots_[slot] != 0) {
    if ((slots_[slot] ^ hash) >> 32 == 0) {
      const Customer& customer = At(SlotIndex(slots_[slot]));
      if (customer.hash_ == hash && customer.id() == id) break;
    }
    slot = (slot + 1) & mask_;
  }
  return slot;
}

Customer* CustomerMap::Find(absl::string_view id, uint64_t hash) {
  const size_t slot = SlotOf(id, hash);
  if (slots_[slot] == 0) return nullptr;
  Customer& customer = At(SlotIndex(slots_[slot]));
  if ((customer.flags_ & awaited_flag_) != 0) HandOut(customer);
  customer.flags_ |= kReferenced;
  return &customer;
}

const Customer* CustomerMap::Peek(absl::string_view id, uint64_t hash) const {
  const size_t slot = SlotOf(id, hash);
  return slots_[slot] == 0 ? nullptr : &At(SlotIndex(slots_[slot]));
}

Customer* CustomerMap::Insert(absl::string_view id, uint64_t hash, Profile profile) {
  KINDRED_CHECK(id.size() <= UINT16_MAX) << "a customer id of " << id.size() << " bytes";
  if ((size_ + 1) * 4 > slots_.size() * 3) Rehash(slots_.size() * 2);
  const size_t slot = SlotOf(id, hash);
  KINDRED_CHECK(slots_[slot] == 0) << "the customer is in memory already";
  if (free_.empty()) {
    const uint32_t first = static_cast<uint32_t>(blocks_.size()) << kBlockBits;
    blocks_.push_back(std::make_unique<Customer[]>(kBlockSize));
    for (uint32_t i = kBlockSize; i-- > 0;) free_.push_back(first + i);
  }
  const uint32_t index = free_.back();
  free_.pop_back();
  Customer& customer = At(index);
  customer.profile = std::move(profile);
  customer.id_ = std::make_unique<char[]>(id.size());
  if (!id.empty()) std::memcpy(customer.id_.get(), id.data(), id.size());
  customer.id_size_ = static_cast<uint16_t>(id.size());
  customer.hash_ = hash;
  customer.index_ = index;
  // What a queue still says of the entry's former customer is not lost track of: see Release().
  customer.flags_ = static_cast<uint8_t>(kUsed | kReferenced | (customer.flags_ & kQueued));
  slots_[slot] = SlotValue(hash, index);
  ++size_;
  Version(customer);
  Measure(customer);
  return &customer;
}

void CustomerMap::Rehash(size_t slots) {
  std::vector<uint64_t> old(slots, 0);
  old.swap(slots_);
  mask_ = slots - 1;
  for (const uint64_t value : old) {
    if (value == 0) continue;
    size_t slot = Home(value);
    while (slots_[slot] != 0) slot = (slot + 1) & mask_;
    slots_[slot] = value;
  }
}

void CustomerMap::Release(Customer& customer) {
  size_t hole = SlotOf(customer.id(), customer.hash_);
  // Moves back whatever was pushed behind the hole from a slot at or before it.
  for (size_t slot = (hole + 1) & mask_; slots_[slot] != 0; slot = (slot + 1) & mask_) {
    const size_t wanted = Home(slots_[slot]);
    if (((slot - wanted) & mask_) < ((slot - hole) & mask_)) continue;
    slots_[hole] = slots_[slot];
    hole = slot;
  }
  slots_[hole] = 0;
  bytes_.store(bytes_.load(std::memory_order_relaxed) - customer.bytes_, std::memory_order_relaxed);
  customer.bytes_ = 0;
  customer.profile = Profile();
  customer.id_.reset();
  customer.id_size_ = 0;
  // An entry that waits in the changed queue keeps its place there, so that it is queued only once.
  customer.flags_ &= kQueued;
  free_.push_back(customer.index_);
  --size_;
}

void CustomerMap::Remove(absl::string_view id, uint64_t hash) {
  const size_t slot = SlotOf(id, hash);
  if (slots_[slot] != 0) {
    Customer& customer = At(SlotIndex(slots_[slot]));
    if ((customer.flags_ & awaited_flag_) != 0) HandOut(customer);
    // Removals are rare, the lists may be long: a scan is cheaper than to keep positions.
    if ((customer.flags_ & dirty_flag_) != 0) {
      const auto entry = std::find(dirty_.begin(), dirty_.end(), customer.index_);
      *entry = dirty_.back();
      dirty_.pop_back();
    }
    if ((customer.flags_ & kWriting) != 0) {
      std::replace(writing_.begin(), writing_.end(), customer.index_, kNobody);
    }
    Release(customer);
  }
  removed_.emplace_back(id);
  gone_.insert(hash);
}

void CustomerMap::MarkDirty(Customer& customer) {
  Version(customer);
  if ((customer.flags_ & dirty_flag_) == 0) {
    customer.flags_ |= dirty_flag_;
    dirty_.push_back(customer.index_);
  }
  customer.flags_ |= kChanged;
  if ((customer.flags_ & kQueued) == 0) {
    customer.flags_ |= kQueued;
    changed_.push_back(customer.index_);
  }
}

void CustomerMap::BeginCheckpoint(std::function<void(const Customer&)> changed,
                                  absl::FunctionRef<void(absl::string_view id)> removed) {
  KINDRED_CHECK(writing_.empty() && removing_.empty()) << "a checkpoint is under way";
  removing_.swap(removed_);
  for (const std::string& id : removing_) {
    // One that came back since and has changed is overwritten.
    const Customer* const customer = Peek(id, Hash(id));
    if (customer == nullptr || (customer->flags_ & kDirty) == 0) removed(id);
  }
  writing_.swap(dirty_);
  collected_ = 0;
  put_changed_ = std::move(changed);
  awaited_flag_ = dirty_flag_;
  dirty_flag_ ^= kDirty;
}

bool CustomerMap::CollectCheckpoint(size_t count) {
  for (; collected_ < writing_.size() && count > 0; ++collected_) {
    if (writing_[collected_] == kNobody) continue;
    Customer& customer = At(writing_[collected_]);
    if ((customer.flags_ & awaited_flag_) == 0) continue;
    HandOut(customer);
    --count;
  }
  if (collected_ < writing_.size()) return true;
  awaited_flag_ = 0;
  put_changed_ = nullptr;
  return false;
}

void CustomerMap::HandOut(Customer& customer) {
  customer.flags_ = static_cast<uint8_t>((customer.flags_ & ~awaited_flag_) | kWriting);
  Measure(customer);
  put_changed_(customer);
}

void CustomerMap::EndCheckpoint(bool written) {
  KINDRED_CHECK(awaited_flag_ == 0) << "not all was handed out";
  for (const uint32_t index : writing_) {
    if (index == kNobody) continue;
    Customer& customer = At(index);
    customer.flags_ &= static_cast<uint8_t>(~kWriting);
    if (!written && (customer.flags_ & dirty_flag_) == 0) {
      customer.flags_ |= dirty_flag_;
      dirty_.push_back(index);
    }
  }
  if (!written) removed_.insert(removed_.end(), removing_.begin(), removing_.end());
  writing_.clear();
  removing_.clear();
  gone_.clear();
  for (const std::string& id : removed_) gone_.insert(Hash(id));
}

size_t CustomerMap::EvictClean(size_t target_bytes) {
  const uint32_t end = static_cast<uint32_t>(blocks_.size()) << kBlockBits;
  size_t evicted = 0;
  // Twice around: the first time takes the marks of use away.
  for (uint64_t step = 0; step < uint64_t{end} * 2 && memory_bytes() > target_bytes; ++step) {
    if (clock_hand_ >= end) clock_hand_ = 0;
    Customer& customer = At(clock_hand_++);
    if ((customer.flags_ & kUsed) == 0 || (customer.flags_ & (kDirty | kWriting)) != 0) continue;
    if ((customer.flags_ & kReferenced) != 0) {
      customer.flags_ &= static_cast<uint8_t>(~kReferenced);
      continue;
    }
    stored_.insert(customer.hash_);
    Release(customer);
    ++evicted;
  }
  return evicted;
}

void CustomerMap::Measure(Customer& customer) {
  const size_t bytes = customer.profile.memory_bytes() - sizeof(Profile) + customer.id_size_;
  const size_t others = bytes_.load(std::memory_order_relaxed) - customer.bytes_;
  customer.bytes_ = static_cast<uint32_t>(bytes);
  bytes_.store(others + customer.bytes_, std::memory_order_relaxed);
}

size_t CustomerMap::memory_bytes() const {
  return bytes_.load(std::memory_order_relaxed) + size_ * sizeof(Customer) +
         slots_.size() * sizeof(uint64_t) + stored_.capacity() * (sizeof(uint64_t) + 1);
}

uint64_t CustomerMap::Walk(uint64_t cursor, size_t count,
                           absl::FunctionRef<void(const Customer&)> visit) const {
  const uint64_t end = uint64_t{blocks_.size()} << kBlockBits;
  for (; cursor < end && count > 0; ++cursor) {
    const Customer& customer = At(static_cast<uint32_t>(cursor));
    if ((customer.flags_ & kUsed) == 0) continue;
    visit(customer);
    --count;
  }
  return cursor < end ? cursor : 0;
}

size_t CustomerMap::TakeChanged(size_t count, absl::FunctionRef<void(const Customer&)> visit) {
  size_t visited = 0;
  while (changed_taken_ < changed_.size() && visited < count) {
    Customer& customer = At(changed_[changed_taken_++]);
    const bool changed = (customer.flags_ & kChanged) != 0;
    customer.flags_ &= static_cast<uint8_t>(~(kChanged | kQueued));
    if (!changed) continue;  // evicted or removed since
    visit(customer);
    ++visited;
  }
  if (changed_taken_ * 2 >= changed_.size()) {
    changed_.erase(changed_.begin(), changed_.begin() + static_cast<ptrdiff_t>(changed_taken_));
    changed_taken_ = 0;
  }
  return visited;
}

}  // namespace kindred::profile
