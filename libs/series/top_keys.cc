#include "series/top_keys.h"

#include <algorithm>

#include "base/bytes.h"

namespace kindred::series {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint32_t kHighestCount = 1u << 31;

}  // namespace

TopKeys::Decision TopKeys::Count(uint32_t key, int64_t now_ms) {
  Entry& entry = entries_[key];
  const bool first = entry.count == 0;
  if (entry.count < kHighestCount) ++entry.count;
  Decision decision;
  if (!entry.tracked && tracked_ < most_tracked_) {
    decision.added = true;
  } else if (!entry.tracked && entry.count / 2 >= least_count_) {
    // The bound may be old: counts grow.
    const auto [least, count] = Least();
    least_count_ = count;
    if (entry.count / 2 >= count) {
      Entry& loser = entries_.find(least)->second;
      loser.tracked = false;
      loser.since_ms = 0;
      --tracked_;
      decision.added = true;
      decision.removed = least;
    }
  }
  if (decision.added) {
    entry.tracked = true;
    entry.since_ms = first && !forgot_ ? 0 : now_ms;
    ++tracked_;
    // Whoever is counted less than the least one known is the least one now.
    least_count_ = tracked_ == 1 ? entry.count : std::min(least_count_, entry.count);
  }
  decision.tracked = entry.tracked;
  if (entries_.size() > kCounted) Halve();
  return decision;
}

void TopKeys::Halve() {
  while (entries_.size() > kCounted * 3 / 4) {
    for (auto it = entries_.begin(); it != entries_.end();) {
      Entry& entry = it->second;
      entry.count /= 2;
      if (entry.tracked && entry.count == 0) entry.count = 1;
      if (entry.count == 0) {
        entries_.erase(it++);
      } else {
        ++it;
      }
    }
  }
  forgot_ = true;
  least_count_ = tracked_ > 0 ? Least().second : 0;
}

std::pair<uint32_t, uint32_t> TopKeys::Least() const {
  std::pair<uint32_t, uint32_t> least = {0, UINT32_MAX};
  for (const auto& [key, entry] : entries_) {
    if (!entry.tracked) continue;
    if (entry.count < least.second || (entry.count == least.second && key > least.first)) {
      least = {key, entry.count};
    }
  }
  return least;
}

std::vector<TopKeys::Tracked> TopKeys::Ranked() const {
  std::vector<Tracked> result;
  for (const auto& [key, entry] : entries_) {
    if (entry.tracked) result.push_back({key, entry.count, entry.since_ms});
  }
  std::sort(result.begin(), result.end(), [](const Tracked& a, const Tracked& b) {
    return a.count != b.count ? a.count > b.count : a.key < b.key;
  });
  return result;
}

bool TopKeys::IsTracked(uint32_t key) const {
  const auto it = entries_.find(key);
  return it != entries_.end() && it->second.tracked;
}

int64_t TopKeys::SinceMs(uint32_t key) const {
  const auto it = entries_.find(key);
  return it != entries_.end() ? it->second.since_ms : 0;
}

std::string TopKeys::Encode() const {
  std::vector<std::pair<uint32_t, Entry>> sorted(entries_.begin(), entries_.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string out;
  base::ByteWriter writer(&out);
  writer.U8(kVersion);
  writer.U8(forgot_ ? 1 : 0);
  writer.U32(least_count_);
  writer.Varint(sorted.size());
  uint32_t last = 0;
  for (const auto& [key, entry] : sorted) {
    writer.Varint(key - last);
    last = key;
    // The lowest bit: tracked.
    writer.Varint(uint64_t{entry.count} << 1 | (entry.tracked ? 1 : 0));
    if (entry.tracked) writer.Signed(entry.since_ms);
  }
  return out;
}

absl::Status TopKeys::Decode(absl::string_view bytes) {
  base::ByteReader in(bytes);
  entries_.clear();
  tracked_ = 0;
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
    entry.count = static_cast<uint32_t>(std::min<uint64_t>(packed >> 1, kHighestCount));
    entry.tracked = (packed & 1) != 0;
    if (entry.tracked) entry.since_ms = in.Signed();
    tracked_ += entry.tracked;
    valid = in.ok() && step > 0 && step <= UINT32_MAX && key <= UINT32_MAX && entry.count > 0 &&
            packed >> 1 <= kHighestCount && tracked_ <= most_tracked_;
    if (valid) entries_.emplace(static_cast<uint32_t>(key), entry);
  }
  // A bound above a count would keep keys out for ever.
  valid = valid && in.Done() && (tracked_ == 0 || least_count_ <= Least().second);
  if (valid) return absl::OkStatus();
  entries_.clear();
  tracked_ = 0;
  least_count_ = 0;
  return absl::DataLossError("series keys are damaged");
}

}  // namespace kindred::series
