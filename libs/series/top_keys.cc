#include "series/top_keys.h"

#include <algorithm>
#include <iterator>

#include "absl/hash/hash.h"
#include "base/bytes.h"

namespace kindred::series {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint32_t kHighestCount = 1u << 31;
constexpr size_t kFewest = 64;  // entries

}  // namespace

const TopKeys::Entry& TopKeys::At(uint32_t key) const {
  size_t at = absl::HashOf(key) & mask_;
  while (entries_[at].key != key && entries_[at].key != 0) at = (at + 1) & mask_;
  return entries_[at];
}

TopKeys::Entry& TopKeys::At(uint32_t key) {
  return const_cast<Entry&>(std::as_const(*this).At(key));
}

TopKeys::Entry& TopKeys::Insert(const Entry& entry) {
  if (++size_ * 2 > entries_.size() + 2) Rehash(entries_.size() * 2);
  return At(entry.key) = entry;
}

void TopKeys::Rehash(size_t size) {
  const std::vector<Entry> old = std::exchange(entries_, std::vector<Entry>(size));
  mask_ = size - 1;
  for (const Entry& entry : old) {
    if (entry.key != 0) At(entry.key) = entry;
  }
}

void TopKeys::Clear() {
  entries_.assign(kFewest, {});
  mask_ = kFewest - 1;
  size_ = 0;
  places_.clear();
}

TopKeys::Decision TopKeys::Count(uint32_t key, int64_t now_ms) {
  Entry& entry = At(key);
  if (entry.place == kNoPlace) return CountOther(key, now_ms);
  if (entry.count < kHighestCount) ++entry.count;
  return {.tracked = true, .place = entry.place};
}

TopKeys::Decision TopKeys::CountOther(uint32_t key, int64_t now_ms) {
  Entry* entry = &At(key);
  const bool first = entry->key == 0;
  if (first) entry = &Insert({key, 0, kNoPlace});
  if (entry->count < kHighestCount) ++entry->count;
  Decision decision;
  Consider(first, now_ms, entry, &decision);
  decision.tracked = entry->place != kNoPlace;
  decision.place = decision.tracked ? entry->place : 0;
  if (size_ > kCounted) Halve();
  return decision;
}

void TopKeys::Consider(bool first, int64_t now_ms, Entry* entry, Decision* decision) {
  if (places_.size() < most_tracked_) {
    entry->place = static_cast<uint32_t>(places_.size());
    places_.emplace_back();
  } else if (entry->count / 2 >= least_count_) {
    // The bound may be old: counts grow.
    const auto [least, count] = Least();
    least_count_ = count;
    if (entry->count / 2 < count) return;
    entry->place = std::exchange(At(least).place, kNoPlace);
    decision->removed = least;
  } else {
    return;
  }
  decision->added = true;
  places_[entry->place] = {entry->key, first && !forgot_ ? 0 : now_ms};
  // Whoever is counted less than the least one known is the least one now.
  least_count_ = places_.size() == 1 ? entry->count : std::min(least_count_, entry->count);
}

void TopKeys::Halve() {
  while (size_ > kCounted * 3 / 4) {
    for (Entry& entry : entries_) {
      if (entry.key == 0) continue;
      entry.count /= 2;
      if (entry.place != kNoPlace && entry.count == 0) entry.count = 1;
      if (entry.count > 0) continue;
      entry = {};
      --size_;
    }
    Rehash(entries_.size());
  }
  forgot_ = true;
  least_count_ = places_.empty() ? 0 : Least().second;
}

std::pair<uint32_t, uint32_t> TopKeys::Least() const {
  std::pair<uint32_t, uint32_t> least = {0, UINT32_MAX};
  for (const Place& place : places_) {
    const Entry& entry = At(place.key);
    if (entry.count < least.second || (entry.count == least.second && entry.key > least.first)) {
      least = {entry.key, entry.count};
    }
  }
  return least;
}

std::vector<TopKeys::Tracked> TopKeys::Ranked() const {
  std::vector<Tracked> result;
  for (const Place& place : places_) {
    result.push_back({place.key, At(place.key).count, place.since_ms});
  }
  std::sort(result.begin(), result.end(), [](const Tracked& a, const Tracked& b) {
    return a.count != b.count ? a.count > b.count : a.key < b.key;
  });
  return result;
}

bool TopKeys::IsTracked(uint32_t key) const { return At(key).place != kNoPlace; }

int64_t TopKeys::SinceMs(uint32_t key) const {
  const uint32_t place = At(key).place;
  return place == kNoPlace ? 0 : places_[place].since_ms;
}

std::string TopKeys::Encode() const {
  std::vector<Entry> sorted;
  std::copy_if(entries_.begin(), entries_.end(), std::back_inserter(sorted),
               [](const Entry& entry) { return entry.key != 0; });
  std::sort(sorted.begin(), sorted.end(),
            [](const Entry& a, const Entry& b) { return a.key < b.key; });
  std::string out;
  base::ByteWriter writer(&out);
  writer.U8(kVersion);
  writer.U8(forgot_ ? 1 : 0);
  writer.U32(least_count_);
  writer.Varint(sorted.size());
  uint32_t last = 0;
  for (const Entry& entry : sorted) {
    writer.Varint(entry.key - last);
    last = entry.key;
    // The lowest bit: tracked.
    const bool tracked = entry.place != kNoPlace;
    writer.Varint(uint64_t{entry.count} << 1 | (tracked ? 1 : 0));
    if (tracked) writer.Signed(places_[entry.place].since_ms);
  }
  return out;
}

absl::Status TopKeys::Decode(absl::string_view bytes) {
  base::ByteReader in(bytes);
  Clear();
  if (in.U8() != kVersion) return absl::DataLossError("series keys of an unknown version");
  const uint8_t forgot = in.U8();
  forgot_ = forgot != 0;
  least_count_ = in.U32();
  const size_t size = in.Count(2);
  uint64_t key = 0;
  bool valid = in.ok() && forgot <= 1 && size <= kCounted;
  for (size_t i = 0; valid && i < size; ++i) {
    const uint64_t step = in.Varint();
    key += step;
    const uint64_t packed = in.Varint();
    Entry entry;
    entry.key = static_cast<uint32_t>(key);
    entry.count = static_cast<uint32_t>(std::min<uint64_t>(packed >> 1, kHighestCount));
    if ((packed & 1) != 0) {
      entry.place = static_cast<uint32_t>(places_.size());
      places_.push_back({entry.key, in.Signed()});
    }
    valid = in.ok() && step > 0 && step <= UINT32_MAX && key <= UINT32_MAX && entry.count > 0 &&
            packed >> 1 <= kHighestCount && places_.size() <= most_tracked_;
    if (valid) Insert(entry);
  }
  // A bound above a count would keep keys out for ever.
  valid = valid && in.Done() && (places_.empty() || least_count_ <= Least().second);
  if (valid) return absl::OkStatus();
  Clear();
  least_count_ = 0;
  return absl::DataLossError("series keys are damaged");
}

}  // namespace kindred::series
